package testutil

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Tunnels is a proxy as companies have them: it makes connections by CONNECT, and
// nothing else. A host name that only it knows, at port 443, is how a test has
// clients reach a server as they would reach a real one.
type Tunnels struct {
	URL string // for HTTPS_PROXY

	mu    sync.Mutex
	hosts map[string]string
	asked []string
	conns []net.Conn
}

// NewTunnels starts a proxy, which ends with t. hosts says at which address each
// host:port is; anybody who asks for another one is answered with 403.
func NewTunnels(t testing.TB, hosts map[string]string) *Tunnels {
	t.Helper()
	p := &Tunnels{hosts: hosts}
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(func() {
		p.mu.Lock()
		for _, conn := range p.conns {
			_ = conn.Close()
		}
		p.mu.Unlock()
		server.Close()
	})
	return p
}

// Asked returns each host:port that was asked for so far.
func (p *Tunnels) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// ServeHTTP implements [http.Handler].
func (p *Tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	address := p.hosts[r.Host]
	p.mu.Unlock()
	if r.Method != http.MethodConnect || address == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, here, there)
	p.mu.Unlock()
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	var sent sync.WaitGroup
	sent.Go(func() { pipe(there, here) })
	pipe(here, there)
	sent.Wait()
}

// pipe copies until either side ends, and ends the other.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
}
