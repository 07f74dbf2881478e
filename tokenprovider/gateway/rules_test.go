package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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

const aWidget = "/api/v3/repos/acme/widgets"

// answering is a forge that answers with status, and counts in asked.
func answering(status int, asked *[]*http.Request) trip {
	return func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r)
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
}

// granting is a policy that allows everything with the token of p.
func granting(p tokenprovider.TokenProvider) gateway.Policy {
	return func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
		return gateway.Grant{Provider: p}, nil
	}
}

// serve returns what g answers to r.
func serve(g http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestCodeOfThePlatformThatHangsIsLeftBehind(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(o *gateway.Options, hang func())
		status int
	}{
		"Auth": {func(o *gateway.Options, hang func()) {
			o.Auth = authFunc(func(*http.Request) (tokenhttp.Principal, error) { hang(); return tokenhttp.Principal{}, nil })
		}, 503},
		"Admit": {func(o *gateway.Options, hang func()) {
			o.Admit = func(context.Context, tokenhttp.Principal) error { hang(); return nil }
		}, 503},
		"Workspace": {func(o *gateway.Options, hang func()) {
			o.Workspace = func(context.Context, string) (w tokenprovider.Workspace, err error) { hang(); return w, nil }
		}, 503},
		"Policy": {func(o *gateway.Options, hang func()) {
			o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (g gateway.Grant, err error) {
				hang()
				return g, nil
			}
		}, 503},
		"provider": {func(o *gateway.Options, hang func()) {
			o.Policy = granting(tokenprovider.Func(func(context.Context) (string, time.Time, error) { hang(); return "late", time.Time{}, nil }))
		}, 502},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []*http.Request
				g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
					o.Transport = answering(200, &asked)
					c.edit(o, func() { time.Sleep(time.Hour) })
				})
				began := time.Now()
				require.Equal(t, c.status, serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Code)
				require.Equal(t, time.Minute, time.Since(began))
				require.Empty(t, asked)
				time.Sleep(time.Hour) // for it to end
			})
		})
	}
}

// authFunc is an Authenticator.
type authFunc func(*http.Request) (tokenhttp.Principal, error)

func (f authFunc) Authenticate(r *http.Request) (tokenhttp.Principal, error) { return f(r) }

func TestAnotherHostsRequestIsRefusedBeforeAnybodyIsAsked(t *testing.T) {
	g, _, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Auth = authFunc(func(*http.Request) (tokenhttp.Principal, error) { panic("asked") })
	})
	r := newRequest(t, "GET", aWidget, "bearer", nil)
	r.Host = "github.com"
	require.Equal(t, 421, serve(g, r).Code)
}

func TestOnlyWhoSaysInOneWayWhoTheyAreIsLetIn(t *testing.T) {
	var asked []*http.Request
	var answer error
	var read []byte
	principal := tokenhttp.Principal{WorkspaceID: "ws-1"}
	g, _, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = answering(200, &asked)
		o.Auth = authFunc(func(r *http.Request) (tokenhttp.Principal, error) {
			read, _ = io.ReadAll(r.Body)
			return principal, answer
		})
	})
	status := func(edit func(r *http.Request)) int {
		r := newRequest(t, "POST", aWidget+"/issues", "bearer", strings.NewReader("{}"))
		edit(r)
		return serve(g, r).Code
	}
	basic := func(password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("workspace", password) }
	}
	none := func(*http.Request) {}
	require.Equal(t, 200, status(none))
	require.Empty(t, read, "nothing is read before it is known who sends it")
	require.Equal(t, 200, status(basic("bearer")))
	asked = nil

	require.Equal(t, 401, status(basic("two words")))
	require.Equal(t, 401, status(basic("")))
	require.Equal(t, 401, status(func(r *http.Request) {
		r.Header["Authorization"] = []string{"Basic d3M6YmVhcmVy", "Bearer bearer"}
	}))
	require.Equal(t, 400, status(func(r *http.Request) { r.Trailer = http.Header{"X-Github-Late": nil} }))
	require.Equal(t, 400, status(func(r *http.Request) { r.Header.Set("Trailer", "X-Github-Late") }))
	answer = tokenhttp.ErrForbidden
	require.Equal(t, 403, status(none))
	answer, principal = nil, tokenhttp.Principal{}
	require.Equal(t, 403, status(none))
	require.Empty(t, asked)
}

func TestAPolicyLearnsWhatThePlatformKnowsOfAWorkspace(t *testing.T) {
	var known, learnt tokenprovider.Workspace
	var names []string
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		admin, err := tokenhttp.AdminToken("an-administrator")
		require.NoError(t, err)
		o.Auth, err = tokenhttp.AnyOf(o.Auth, admin)
		require.NoError(t, err)
		o.Workspace = func(_ context.Context, id string) (tokenprovider.Workspace, error) {
			names = append(names, id)
			return known, nil
		}
		o.Policy = func(ctx context.Context, _ tokenhttp.Principal, _ gateway.Operation) (gateway.Grant, error) {
			learnt, _ = tokenprovider.WorkspaceFrom(ctx)
			return gateway.Grant{}, &gateway.Refusal{Message: "no"}
		}
	})
	known = tokenprovider.Workspace{Owner: "ann"}
	require.Equal(t, 403, serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Code)
	require.Equal(t, tokenprovider.Workspace{ID: "ws-1", Owner: "ann"}, learnt)
	known.ID = "ws-2"
	require.Equal(t, 503, serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Code)
	require.Equal(t, 403, serve(g, newRequest(t, "GET", aWidget, "an-administrator", nil)).Code)
	require.Zero(t, learnt)
	require.Equal(t, []string{"ws-1", "ws-1"}, names, "an administrator is no workspace")
}

func TestWithoutATokenTheForgesNoIsThePolicys(t *testing.T) {
	for _, status := range []int{401, 404} {
		var asked []*http.Request
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Policy, o.Transport = granting(nil), answering(status, &asked)
		})
		w := serve(g, newRequest(t, "GET", aWidget, bearer, nil))
		require.Equal(t, 403, w.Code)
		require.Contains(t, w.Body.String(), "the policy of this workspace gives it no token for this")
	}
}

func TestATokenThatIsAllThereIsIsTriedOnce(t *testing.T) {
	var asked []*http.Request
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) { o.Transport = answering(401, &asked) })
	require.Equal(t, 502, serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Code)
	require.Len(t, asked, 1)
}

func TestATokenThatIsNoneIsSentToNobody(t *testing.T) {
	for _, token := range []string{"", "two words", "a\r\nb: c"} {
		var asked []*http.Request
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Transport = answering(200, &asked)
			o.Policy = granting(tokenprovider.Func(func(context.Context) (string, time.Time, error) { return token, time.Time{}, nil }))
		})
		r := newRequest(t, "GET", "/acme/widgets.git/info/refs?service=git-upload-pack", bearer, nil)
		require.Equal(t, 502, serve(g, r).Code)
		require.Empty(t, asked)
	}
}

func TestHeadersGoOnByTheForgesListAlone(t *testing.T) {
	var asked []*http.Request
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) { o.Transport = answering(200, &asked) })
	r := newRequest(t, "GET", aWidget, bearer, nil)
	for _, name := range []string{
		"Accept", "X-Github-Api-Version", "If-None-Match", "Range",
		"Cookie", "Proxy-Authorization", "X-Forwarded-For", "Forwarded", "X-Http-Method-Override", "Origin", "X-Unheard-Of",
	} {
		r.Header.Set(name, "1")
	}
	require.Equal(t, 200, serve(g, r).Code)
	require.Len(t, asked, 1)
	asked[0].Header.Del("User-Agent") // which has to be there to be empty
	require.ElementsMatch(t, []string{"Accept", "X-Github-Api-Version", "If-None-Match", "Range", "Authorization"},
		slices.Collect(maps.Keys(asked[0].Header)))
}

// noted is a body that notes that it was closed.
type noted struct {
	io.Reader
	closed bool
}

func (n *noted) Close() error { n.closed = true; return nil }

func TestARequestIsTriedAgainOnlyWhileItsBodyIsWhole(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		tokens, taken := 0, gateway.AuditRecord{}
		refused := &noted{Reader: strings.NewReader("no")}
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Policy = granting(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				tokens++
				return fmt.Sprint("ghs_", tokens), time.Time{}, nil
			}))
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				if r.Body != nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
				if tokens == 1 {
					resp.StatusCode, resp.Body = 401, refused
				}
				return resp, nil
			})
			o.Audit = func(_ context.Context, r gateway.AuditRecord) { taken = r }
		})
		var body io.Reader
		if method == "POST" {
			body = io.MultiReader(strings.NewReader("{}"))
		}
		w := serve(g, newRequest(t, method, aWidget+"/issues", bearer, body))
		if method == "POST" {
			require.Equal(t, 502, w.Code)
			require.Equal(t, 1, tokens)
			continue
		}
		require.Equal(t, 200, w.Code)
		require.Equal(t, tokenprovider.TokenSHA256("ghs_2"), taken.TokenSHA256)
		require.True(t, refused.closed)
	}
}

// openForge is one that lets every header on.
type openForge struct{ gateway.Forge }

func (openForge) Header(string) bool                                       { return true }
func (openForge) Authorize(_ *http.Request, _ gateway.Operation, _ string) {}

func TestTheBearerOfAWorkspaceNeverGoesOn(t *testing.T) {
	var asked []*http.Request
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Forge, o.Transport = openForge{o.Forge}, answering(200, &asked)
	})
	require.Equal(t, 200, serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Code)
	require.Len(t, asked, 1)
	require.NotContains(t, asked[0].Header, "Authorization")
}

func TestWhatTheForgeSaysOfItsOwnHostDoesNotComeBack(t *testing.T) {
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
		o.Transport = trip(func(r *http.Request) (*http.Response, error) {
			resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
			for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "Trailer", "X-Kept"} {
				resp.Header.Set(name, "X-Late")
			}
			resp.Trailer = http.Header{"X-Late": {"late"}}
			return resp, nil
		})
	})
	answer := serve(g, newRequest(t, "GET", aWidget, bearer, nil)).Result()
	require.Equal(t, "X-Late", answer.Header.Get("X-Kept"))
	for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "Trailer"} {
		require.NotContains(t, answer.Header, name)
	}
	require.Empty(t, answer.Trailer)
}

func TestABodyThatWasReadGoesOnWithItsLength(t *testing.T) {
	const batch = `{"operation":"download"}`
	var asked []*http.Request
	g, bearer, _ := newGateway(t, "", func(o *gateway.Options) { o.Transport = answering(200, &asked) })
	r := newRequest(t, "POST", "/acme/widgets.git/info/lfs/objects/batch", bearer, strings.NewReader(batch))
	r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	body := r.Body
	require.Equal(t, 200, serve(g, r).Code)
	require.Len(t, asked, 1)
	require.EqualValues(t, len(batch), asked[0].ContentLength)
	require.Empty(t, asked[0].TransferEncoding)
	require.True(t, body == r.Body, "the request is its server's")
}

func TestARecordOutlivesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken []gateway.AuditRecord
		ctx, hangUp := context.WithCancel(t.Context())
		g, bearer, log := newGateway(t, "", func(o *gateway.Options) {
			o.Transport = trip(func(*http.Request) (*http.Response, error) { hangUp(); return nil, context.Canceled })
			o.Audit = func(ctx context.Context, r gateway.AuditRecord) {
				time.Sleep(time.Second)
				if ctx.Err() == nil {
					taken = append(taken, r)
				}
			}
		})
		serve(g, newRequest(t, "GET", aWidget, bearer, nil).WithContext(ctx))
		require.Len(t, taken, 1)
		require.Equal(t, "acme/widgets", taken[0].Operation.Repository)
		require.Contains(t, log.String(), `"level":"WARN","msg":"refused"`)
	})
}

// transferring has g get a push whose pack doesn't end, and returns the answer to
// it, and when that came.
func transferring(t *testing.T, g http.Handler, bearer string) (*http.Response, time.Duration) {
	t.Helper()
	client, began := connect(t, g), time.Now()
	require.NoError(t, client.SetReadDeadline(began.Add(10*time.Minute)))
	_, err := fmt.Fprintf(client, "POST /acme/widgets.git/git-receive-pack HTTP/1.1\r\nHost: gateway.test\r\n"+
		"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 1000000\r\nAuthorization: Bearer %s\r\n\r\n%s",
		bearer, pktline.Line(aCommand)+"0000PACK")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	took := time.Since(began)
	if err == nil {
		_ = resp.Body.Close()
	}
	time.Sleep(time.Second) // for the connection to end
	return resp, took
}

func TestThePackOfARefusedPushIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Policy = func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
				return gateway.Grant{}, &gateway.Refusal{Message: "no"}
			}
		})
		resp, took := transferring(t, g, bearer)
		require.NotNil(t, resp)
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, time.Minute, took)
	})
}

func TestAReleaseEndsAnUploadThatIsStillRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := &admission{}
		over, taken := make(chan time.Time, 1), make(chan gateway.AuditRecord, 1)
		g, bearer, _ := newGateway(t, "", func(o *gateway.Options) {
			o.Admit = state.admit
			o.Audit = func(_ context.Context, r gateway.AuditRecord) { taken <- r }
			o.Transport = trip(func(r *http.Request) (*http.Response, error) {
				_, err := io.Copy(io.Discard, r.Body)
				over <- time.Now()
				return nil, errors.Join(errors.New("broke off"), err)
			})
		})
		time.AfterFunc(time.Minute, func() { state.answer(tokenhttp.ErrForbidden) })
		began := time.Now()
		_, took := transferring(t, g, bearer)
		require.LessOrEqual(t, took, time.Minute+6*time.Second)
		require.LessOrEqual(t, (<-over).Sub(began), time.Minute+6*time.Second)
		require.Equal(t, tokenprovider.CodeForbidden, (<-taken).Code)
	})
}
