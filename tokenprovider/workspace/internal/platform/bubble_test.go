package platform_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/stretchr/testify/require"
)

// bubble is a platform in a bubble of testing/synctest. Its workspaces call it
// without a network: who waits for one keeps time from passing.
type bubble struct {
	*workspacetest.Platform
	tries *atomic.Int64                          // that reached it or not
	trip  func(try int64, r *http.Request) error // what becomes of one on its way; nil: nothing
}

// inBubble runs test in a bubble.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func newBubble(t *testing.T, provider tokenprovider.TokenProvider) *bubble {
	return &bubble{Platform: workspacetest.NewHandler(t, provider), tries: new(atomic.Int64)}
}

// RoundTrip implements [http.RoundTripper].
func (b *bubble) RoundTrip(req *http.Request) (*http.Response, error) {
	if try := b.tries.Add(1); b.trip != nil {
		if err := b.trip(try, req); err != nil {
			return nil, err
		}
	}
	answer, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		b.ServeHTTP(answer, req.Clone(req.Context()))
	}()
	<-done
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := answer.Result()
	resp.Request = req
	return resp, nil
}

// open returns the source of a workspace.
func (b *bubble) open(t *testing.T, env map[string]string) *platform.Source {
	t.Helper()
	source, err := platform.OpenOver(func(name string) string { return env[name] }, b)
	require.NoError(t, err)
	return source
}

// call does what the command does for git.
func (b *bubble) call(t *testing.T, env map[string]string, stdin, operation string) result {
	t.Helper()
	source := b.open(t, env)
	if operation != "get" {
		source = source.Once()
	}
	var stdout, stderr bytes.Buffer
	helper := &gitcredential.Helper{Hosts: []string{gitcredential.DefaultHost}, Provider: source}
	err := helper.Run(t.Context(), operation, strings.NewReader(stdin), &stdout, &stderr)
	r := result{Stdout: stdout.String(), Stderr: stderr.String()}
	if err != nil {
		r.Code = 1
	}
	return r.Clean(t, env)
}
