package platform_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
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
type bubble struct{ *workspacetest.Platform }

// inBubble runs test in a bubble.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	workspacetest.NeedDisk(t)
	synctest.Test(t, test)
}

func newBubble(t *testing.T, provider tokenprovider.TokenProvider) bubble {
	return bubble{workspacetest.NewHandler(t, provider)}
}

// RoundTrip implements [http.RoundTripper].
func (b bubble) RoundTrip(req *http.Request) (*http.Response, error) {
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

// call does what the command does for git, or with "token" for a program.
func (b bubble) call(t *testing.T, env map[string]string, stdin, operation string) result {
	t.Helper()
	source, err := platform.OpenOver(t.Context(), func(name string) string { return env[name] }, b)
	require.NoError(t, err)
	defer source.Close()
	if operation == "token" {
		token, _, err := source.Fresh(t.Context())
		if err != nil {
			return result{Stderr: err.Error(), Code: 1}
		}
		return result{Stdout: token + "\n"}
	}
	var stdout, stderr bytes.Buffer
	helper := &gitcredential.Helper{Hosts: []string{gitcredential.DefaultHost}, Provider: source}
	err = helper.Run(t.Context(), operation, strings.NewReader(stdin), &stdout, &stderr)
	source.RenewBearer(t.Context())
	r := result{Stdout: stdout.String(), Stderr: stderr.String()}
	if err != nil {
		r.Code = 1
	}
	return r.Clean(t, env)
}

func (b bubble) erase(t *testing.T, env map[string]string, password string) {
	t.Helper()
	input := "protocol=https\nhost=github.com\nusername=x-access-token\npassword=" + password + "\n\n"
	require.Equal(t, result{}, b.call(t, env, input, "erase"))
}
