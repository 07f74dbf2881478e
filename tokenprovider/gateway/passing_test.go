package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestAPushThatIsAllowedMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				_, err := io.Copy(io.Discard, r.Body)
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, err
			})
		})
		client := connect(t, g)
		commands := pktline.Line(aCommand) + "0000"
		_, err := fmt.Fprintf(client, "POST /acme/widgets.git/git-receive-pack HTTP/1.1\r\nHost: gateway.test\r\n"+
			"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n%s",
			len(commands)+4, bearer, commands)
		require.NoError(t, err)
		time.Sleep(10 * time.Minute) // a large pack, by a slow line
		_, err = io.WriteString(client, "PACK")
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, 200, resp.StatusCode)
	})
}

func TestGitGetsATokenWithTheLifeOfALongPush(t *testing.T) {
	var asked time.Duration
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		provider := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			asked = tokenprovider.MinTTL(ctx)
			return secretToken, time.Time{}, nil
		})
		o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: provider}, nil
		}
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
	})
	for path, want := range map[string]time.Duration{
		"/acme/widgets.git/info/refs?service=git-upload-pack": gitcredential.DefaultMinTTL,
		"/api/v3/repos/acme/widgets":                          0,
	} {
		got := httptest.NewRecorder()
		g.ServeHTTP(got, newRequest(t, "GET", path, bearer, nil))
		require.Equal(t, 200, got.Code)
		require.Equal(t, want, asked, path)
	}
}

func TestAnAuditThatBreaksIsLogged(t *testing.T) {
	g, bearer, log := newGateway(t, "", func(o *gateway.Options) {
		o.Audit = func(context.Context, gateway.AuditRecord) { panic("a defect") }
		o.Transport = trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("away") })
	})
	got := httptest.NewRecorder()
	g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/meta", bearer, nil))
	require.Equal(t, 502, got.Code)
	require.Contains(t, log.String(), "audit unavailable")
	require.Contains(t, log.String(), "Options.Audit panicked")
}

func TestAnAuditThatHangsIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Audit = func(ctx context.Context, _ gateway.AuditRecord) { <-ctx.Done() }
			o.Transport = trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("away") })
		})
		began := time.Now()
		g.ServeHTTP(httptest.NewRecorder(), newRequest(t, "GET", "/api/v3/meta", bearer, nil))
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestNoCompressionIsAskedForThatTheClientDidNot(t *testing.T) {
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header.Values("Accept-Encoding"))
	}))
	defer hub.Close()
	g, bearer, _ := newGateway(t, hub.URL+"/api/v3", nil)
	for _, accepts := range [][]string{nil, {"br"}} {
		r := newRequest(t, "GET", "/api/v3/zen", bearer, nil)
		r.Header["Accept-Encoding"] = accepts
		got := httptest.NewRecorder()
		g.ServeHTTP(got, r)
		require.Equal(t, fmt.Sprintf("%q", accepts), got.Body.String())
	}
}

func TestAnUploadIsAWriteAndADownloadIsNone(t *testing.T) {
	for operation, writes := range map[string]bool{"upload": true, "download": false} {
		body := strings.NewReader(fmt.Sprintf(`{"operation":%q}`, operation))
		op, ok, err := gateway.Git(newRequest(t, "POST", "/acme/widgets.git/info/lfs/objects/batch", "x", body))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, writes, op.Write, operation)
	}
}

func TestAPushIsAWriteAndAFetchIsNone(t *testing.T) {
	for service, writes := range map[string]bool{"git-receive-pack": true, "git-upload-pack": false} {
		r := newRequest(t, "POST", "/acme/widgets.git/"+service, "x", nil)
		r.Header.Set("Content-Type", "application/x-"+service+"-request")
		for _, r := range []*http.Request{r, newRequest(t, "GET", "/acme/widgets.git/info/refs?service="+service, "x", nil)} {
			op, ok, err := gateway.Git(r)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, writes, op.Write, service)
		}
	}
}

func TestARefWithoutAnIDIsNeitherMadeNorGone(t *testing.T) {
	require.False(t, gateway.RefUpdate{}.Create())
	require.False(t, gateway.RefUpdate{}.Delete())
}
