package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/stretchr/testify/require"
)

// cloner clones as git does by version 2 of its protocol (gitprotocol-v2(5)),
// without the process that git would be.
type cloner struct {
	client        *http.Client
	url           string // of the repository
	authorization string
}

// clone asks what there is, which commit main has, and for its pack.
func (c *cloner) clone(ctx context.Context) error {
	const format = "object-format=sha1"
	if _, err := c.ask(ctx, http.MethodGet, "/info/refs?service=git-upload-pack", ""); err != nil {
		return err
	}
	refs, err := c.ask(ctx, http.MethodPost, "/git-upload-pack",
		pktline.Line("command=ls-refs")+pktline.Line(format)+"0001"+pktline.Line("ref-prefix refs/heads/main")+"0000")
	if err != nil {
		return err
	}
	commit, _, found := strings.Cut(strings.TrimLeft(string(refs), "0123456789abcdef"), " refs/heads/main")
	if len(refs) < 44 || !found || commit != "" {
		return fmt.Errorf("ls-refs answers %q", refs)
	}
	answer, err := c.ask(ctx, http.MethodPost, "/git-upload-pack", pktline.Line("command=fetch")+pktline.Line(format)+"0001"+
		pktline.Line("no-progress")+pktline.Line("want "+string(refs[4:44]))+pktline.Line("done")+"0000")
	if err != nil {
		return err
	}
	return checkPack(answer)
}

// checkPack reports whether a fetch's answer has a pack, whole and as it was sent.
func checkPack(answer []byte) error {
	var pack []byte
	for in := bytes.NewReader(answer); ; {
		line, flush, err := pktline.Read(in)
		if err != nil {
			return err
		}
		if flush {
			break
		}
		if line[0] == 1 { // side-band 1
			pack = append(pack, line[1:]...)
		}
	}
	if len(pack) < 32 || !bytes.HasPrefix(pack, []byte("PACK")) {
		return fmt.Errorf("a pack of %d bytes", len(pack))
	}
	if sum := sha1.Sum(pack[:len(pack)-20]); !bytes.Equal(sum[:], pack[len(pack)-20:]) {
		return fmt.Errorf("the pack's sum is wrong")
	}
	return nil
}

func (c *cloner) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", c.authorization)
	r.Header.Set("Git-Protocol", "version=2")
	r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	resp, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, answer)
	}
	return answer, err
}

// BenchmarkThousandClones has 1,000 clients clone a small repository at once
// through the gateway, and then from the forge itself. One that fails fails it.
// Each client is a goroutine with a connection of its own, and each clone three
// requests; the forge runs the real git for 50 of them at a time, so that the
// others are in flight.
func BenchmarkThousandClones(b *testing.B) {
	const clones, atATime = 1000, 50
	p := newPlatform(b, nil)
	turn := make(chan struct{}, atATime)
	p.github.Fail(githubapptest.Rule{Path: "/acme/widgets.git/**", Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		turn <- struct{}{}
		defer func() { <-turn }()
		next.ServeHTTP(w, r)
	}})
	bearer, err := p.key.Issue("ws-1", 0)
	require.NoError(b, err)
	all := func(host string, roots *x509.CertPool, authorization string) time.Duration {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: clones}
		defer transport.CloseIdleConnections()
		c := &cloner{&http.Client{Transport: transport}, host + "/acme/widgets.git", authorization}
		var running sync.WaitGroup
		start := time.Now()
		for n := range clones {
			running.Go(func() {
				if err := c.clone(b.Context()); err != nil {
					b.Errorf("clone %s: %v", strconv.Itoa(n), err)
				}
			})
		}
		running.Wait()
		return time.Since(start)
	}
	gateways := p.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	forges := p.github.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	var took turns
	for b.Loop() {
		through := all(p.url, gateways, "Bearer "+bearer)
		took.add(through, all(p.github.URL, forges, p.directly(b)))
	}
	took.report(b)
	b.ReportMetric(float64(clones)/took[len(took)/2].gateway.Seconds(), "clones/s")
}
