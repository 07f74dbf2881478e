package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/pktline"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

type authenticator func() (tokenhttp.Principal, error)

func (f authenticator) Authenticate(*http.Request) (tokenhttp.Principal, error) { return f() }

func TestPlatformCodeThatBreaksIsNamedInTheLog(t *testing.T) {
	places := map[string]struct {
		option func(o *gateway.Options, does func())
		status int
		says   string
		sender string
	}{
		"Options.Auth": {func(o *gateway.Options, does func()) {
			o.Auth = authenticator(func() (tokenhttp.Principal, error) { does(); return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil })
		}, 503, "authentication unavailable", ""},
		"Options.Admit": {func(o *gateway.Options, does func()) {
			o.Admit = func(context.Context, tokenhttp.Principal) error { does(); return nil }
		}, 503, "admission unavailable", "ws-1"},
		"Options.Workspace": {func(o *gateway.Options, does func()) {
			o.Workspace = func(context.Context, string) (tokenprovider.Workspace, error) {
				does()
				return tokenprovider.Workspace{}, nil
			}
		}, 503, "admission unavailable", "ws-1"},
		"Options.Policy": {func(o *gateway.Options, does func()) {
			o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
				does()
				return gateway.Grant{}, nil
			}
		}, 503, "policy unavailable", "ws-1"},
		"the provider": {func(o *gateway.Options, does func()) {
			p := tokenprovider.Func(func(context.Context) (string, time.Time, error) { does(); return "ghs_x", time.Time{}, nil })
			o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
				return gateway.Grant{Provider: p}, nil
			}
		}, 502, "no token for the forge", "ws-1"},
	}
	defects := map[string]struct {
		does func()
		says string
		took time.Duration
	}{
		"panics":  {func() { panic("s3cret") }, " panicked: a value of type string", 0},
		"ends":    {runtime.Goexit, " ended its goroutine (runtime.Goexit)", 0},
		"hangs":   {func() { time.Sleep(2 * time.Minute) }, ": no answer in time", time.Minute},
		"is slow": {func() { time.Sleep(59 * time.Second) }, "", 59 * time.Second},
	}
	for place, at := range places {
		for defect, d := range defects {
			t.Run(place+" "+defect, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var record gateway.AuditRecord
					g, bearer, log := newGateway(t, "", func(o *gateway.Options) {
						at.option(o, d.does)
						o.Audit = func(_ context.Context, r gateway.AuditRecord) { record = r }
						o.Transport = trip(func(r *http.Request) (*http.Response, error) {
							return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
						})
					})
					began := time.Now()
					got := httptest.NewRecorder()
					g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/user", bearer, nil))
					require.Equal(t, d.took, time.Since(began))
					require.NotContains(t, log.String()+got.Body.String(), "s3cret")
					if d.says == "" {
						require.Equal(t, 204, got.Code)
						require.Equal(t, "ws-1", record.Principal.WorkspaceID)
						return
					}
					require.Equal(t, at.sender, record.Principal.WorkspaceID)
					require.Equal(t, at.status, got.Code)
					require.Contains(t, log.String(), place+d.says)
					require.Contains(t, log.String(), at.says)
					time.Sleep(time.Minute) // for what was left behind to end
				})
			})
		}
	}
}

func TestAnAnswerThatComesTooLateRefusesNobody(t *testing.T) {
	grants := func(ends func(context.Context) error) gateway.Policy {
		return func(ctx context.Context, _ tokenhttp.Principal, _ gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static(secretToken)}, ends(ctx)
		}
	}
	for name, option := range map[string]func(o *gateway.Options, hangUp func()){
		"the policy gives up": func(o *gateway.Options, _ func()) {
			o.Policy = grants(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		},
		"the policy grants": func(o *gateway.Options, _ func()) {
			o.Policy = grants(func(ctx context.Context) error { <-ctx.Done(); return nil })
		},
		"the sender leaves, and the policy refuses": func(o *gateway.Options, hangUp func()) {
			o.Policy = grants(func(context.Context) error { hangUp(); return errors.New("connection closed") })
		},
		"the sender leaves before": func(o *gateway.Options, hangUp func()) {
			o.Workspace = func(context.Context, string) (tokenprovider.Workspace, error) {
				hangUp()
				return tokenprovider.Workspace{}, nil
			}
			o.Policy = grants(context.Context.Err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 { // whichever comes first
				synctest.Test(t, func(t *testing.T) {
					ctx, hangUp := context.WithCancel(t.Context())
					defer hangUp()
					g, bearer, log := newGateway(t, "", func(o *gateway.Options) { option(o, hangUp) })
					got := httptest.NewRecorder()
					g.ServeHTTP(got, newRequest(t, "GET", "/api/v3/user", bearer, nil).WithContext(ctx))
					require.Equal(t, 503, got.Code)
					require.Contains(t, log.String(), "no answer in time")
				})
			}
		})
	}
}

func TestAPushThatGetsNoTokenIsNotRefusedByThePolicy(t *testing.T) {
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: failing(tokenprovider.ErrNotConfigured)}, nil
		}
	})
	id := strings.Repeat("1", 40)
	push := pktline.Line(id+" "+id+" refs/heads/a\x00report-status") + "0000PACK"
	r := newRequest(t, "POST", "/acme/widgets.git/git-receive-pack", bearer, strings.NewReader(push))
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	got := httptest.NewRecorder()
	g.ServeHTTP(got, r)
	require.Equal(t, 403, got.Code)
	require.Equal(t, "the platform has no token for this workspace to use at the forge\n", got.Body.String())
}
