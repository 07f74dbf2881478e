package githubapptest

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Server is a fake GitHub: the REST API of GitHub Apps, and git over HTTP. Make
// it with [NewServer]. Its methods are safe for concurrent use.
type Server struct {
	// URL is the base URL of the API and of git, without a slash at its end:
	// URL+"/app", URL+"/owner/repo.git". The API answers under URL+"/api/v3"
	// too, as on GitHub Enterprise Server.
	URL string

	server       *http.Server
	client       *http.Client
	certPEM      []byte
	gitRoot      string
	running      sync.WaitGroup // the accept loop and each request
	routes       *http.ServeMux
	signInRoutes *http.ServeMux
	onBreach     func(Request)
	log          requestLog
	rules        ruleList
	webhooks     webhooks
	goodJWTs     goodJWTs

	mintLimit     mintLimit
	mu            sync.Mutex // guards all below; never held across I/O
	closed        bool
	tokenLife     time.Duration
	tokenFormat   TokenFormat
	latency       time.Duration
	clockOffset   time.Duration
	propagation   time.Duration
	sunsets       map[string]sunset // by API version
	rateLimit     int
	buckets       map[string]*bucket
	apps          map[int64]*app
	installations map[int64]*installation
	users         map[string]*User // by login in lower case
	repositories  map[int64]*repository
	names         map[string]int64 // lower-cased owner/name, old ones too, to the repository's id
	nextID        int64
	tokens        tokenStore
	signIns       signIns
	git           *gitTools           // nil until the first repository
	storage       *lfsStorage         // nil until the first batch of Git LFS
	lfsLocks      map[int64][]lfsLock // by repository
	pulls         map[int64][]pullRequest
}

// NewServer starts a server, on a free port of 127.0.0.1 unless it is
// [Options].InMemory; nil opts means defaults. The caller must Close it.
func NewServer(opts *Options) (*Server, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Server{
		onBreach:      opts.OnBreach,
		mintLimit:     mintLimit{most: opts.MintsPerMinute},
		tokenFormat:   opts.TokenFormat,
		buckets:       map[string]*bucket{},
		apps:          map[int64]*app{},
		installations: map[int64]*installation{},
		users:         map[string]*User{},
		repositories:  map[int64]*repository{},
		names:         map[string]int64{},
		signIns:       newSignIns(),
		lfsLocks:      map[int64][]lfsLock{},
		pulls:         map[int64][]pullRequest{},
		nextID:        1000,
	}
	s.SetTokenLife(opts.TokenLife)
	s.SetLatency(opts.Latency)
	s.SetClockOffset(opts.ClockOffset)
	s.routes = s.newRoutes()
	s.signInRoutes = s.newSignInRoutes()

	transport := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second}
	s.client = &http.Client{Transport: transport}
	listener, err := listen(opts.InMemory, transport)
	if err != nil {
		return nil, fmt.Errorf("githubapptest: listen on loopback: %w", err)
	}
	if err := s.prepare(opts, listener.Addr().String(), transport); err != nil {
		_ = listener.Close()
		return nil, err
	}
	s.running.Go(func() {
		if opts.TLS {
			_ = s.server.ServeTLS(listener, "", "")
		} else {
			_ = s.server.Serve(listener)
		}
	})
	return s, nil
}

// listen opens what the server listens on, and lets transport find it.
func listen(inMemory bool, transport *http.Transport) (net.Listener, error) {
	if inMemory {
		m := newMemory()
		transport.DialContext = m.dial
		return m, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// prepare makes all that NewServer needs besides its listener at addr and the
// transport of its client.
func (s *Server) prepare(opts *Options, addr string, transport *http.Transport) error {
	s.server = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.URL = "http://" + addr
	if opts.TLS {
		cert, err := newCertificate()
		if err != nil {
			return fmt.Errorf("githubapptest: make a certificate: %w", err)
		}
		s.URL = "https://" + addr
		s.certPEM = cert.pem
		s.server.TLSConfig = cert.serverConfig()
		transport.TLSClientConfig = cert.clientConfig()
	}
	root, err := os.MkdirTemp("", "githubapptest-")
	if err != nil {
		return fmt.Errorf("githubapptest: make a folder for repositories: %w", err)
	}
	s.gitRoot = root
	return nil
}

// Close stops the server, breaks every connection off, waits for what is being
// served, and removes the repositories. Further calls do nothing.
func (s *Server) Close() {
	s.mu.Lock()
	closed, storage := s.closed, s.storage
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	_ = s.server.Close()
	if storage != nil {
		_ = storage.http.Close()
	}
	s.client.CloseIdleConnections()
	s.running.Wait()
	_ = os.RemoveAll(s.gitRoot)
}

// CertPEM returns the server's certificate in PEM, for an x509.CertPool or,
// written to a file, for git's GIT_SSL_CAINFO. It is nil without TLS.
func (s *Server) CertPEM() []byte { return append([]byte(nil), s.certPEM...) }

// Client returns an HTTP client that trusts the server's certificate. It has no
// timeout; Close closes its idle connections.
func (s *Server) Client() *http.Client { return s.client }
