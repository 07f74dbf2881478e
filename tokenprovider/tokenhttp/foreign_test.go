package tokenhttp_test

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// broken is a platform of which one piece does something else than it should.
type broken struct {
	piece string
	does  func()
}

func (b broken) at(piece string) {
	if piece == b.piece {
		b.does()
	}
}

func (b broken) Authenticate(*http.Request) (tokenhttp.Principal, error) {
	b.at("authenticator")
	return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
}

func (b broken) Token(context.Context) (string, time.Time, error) {
	b.at("provider")
	return tokenSecret, time.Now().Add(time.Hour), nil
}

func (b broken) Name() string {
	b.at("name")
	return "broken"
}

// handler serves the platform and hands its records to audited.
func (b broken) handler(t testing.TB, logger *slog.Logger, audited func(context.Context, tokenhttp.AuditRecord)) *tokenhttp.Handler {
	t.Helper()
	h, err := tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		b.at("source")
		return b, nil
	}, b, &tokenhttp.Options{
		Logger: logger,
		Admit: func(context.Context, tokenhttp.Principal) error {
			b.at("admit")
			return nil
		},
		Workspace: func(context.Context, string) (tokenprovider.Workspace, error) {
			b.at("workspace")
			return tokenprovider.Workspace{}, nil
		},
		Audit: func(ctx context.Context, r tokenhttp.AuditRecord) {
			b.at("audit")
			audited(ctx, r)
		},
	})
	require.NoError(t, err)
	return h
}

// pieces are those that can be broken: what the log calls them, and the status
// of the request that meets one.
var pieces = map[string]struct {
	in, method, path string
	status           int
}{
	"authenticator": {"authenticator", "GET", "/workspaces/ws-1/token", 503},
	"admit":         {"admission", "GET", "/workspaces/ws-1/token", 503},
	"workspace":     {"admission", "GET", "/workspaces/ws-1/token", 503},
	"source":        {"source", "GET", "/workspaces/ws-1/token", 500},
	"name":          {"source", "GET", "/workspaces/ws-1/token", 500},
	"provider":      {"provider", "GET", "/workspaces/ws-1/token", 500},
	"audit":         {"audit", "GET", "/workspaces/ws-1/token", 500},
}

func TestCodeThatPanicsOrEndsItsGoroutineIsAnswered(t *testing.T) {
	for how, does := range map[string]func(){
		"panics": func() { panic(tokenSecret) }, "ends": runtime.Goexit,
	} {
		for piece, want := range pieces {
			t.Run(piece+" "+how, func(t *testing.T) {
				capture := testutil.NewCapture(t, tokenSecret)
				h := broken{piece, does}.handler(t, capture.Logger(),
					func(context.Context, tokenhttp.AuditRecord) {})
				require.Equal(t, want.status, ask(t, serve(t, h), want.method, want.path, "").status)
				require.Contains(t, capture.String(), `"in":"`+want.in+`"`)
				require.Contains(t, capture.String(), `"msg":"refused"`, "there is a record of it")
			})
		}
	}
}

func TestCodeThatHangsIsWaitedForUntilItsRequestEnds(t *testing.T) {
	for piece, want := range pieces {
		if piece == "audit" {
			continue
		}
		t.Run(piece, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var records []tokenhttp.AuditRecord
				h := broken{
					piece, func() { time.Sleep(time.Hour) },
				}.handler(t, nil, func(ctx context.Context, r tokenhttp.AuditRecord) {
					require.NoError(t, ctx.Err(), "the record is taken although the caller is gone")
					records = append(records, r)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				began := time.Now()
				w := record(h, newRequest(want.method, want.path, "").WithContext(ctx))
				require.Equal(t, want.status, w.Code)
				require.Contains(t, w.Body.String(), `"code":"unavailable"`)
				require.Equal(t, 5*time.Minute, time.Since(began))
				require.Len(t, records, 1)
				require.Equal(t, tokenprovider.CodeUnavailable, records[0].Code)
				time.Sleep(time.Hour) // for it to end
			})
		})
	}
}

// Nobody reads the body, and until somebody has, net/http doesn't tell that the
// caller is gone.
func TestARequestWithABodyEndsWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := broken{"source", func() { time.Sleep(time.Hour) }}.handler(t, nil,
			func(context.Context, tokenhttp.AuditRecord) {})
		r := httptest.NewRequest("POST", "/workspaces/ws-1/token", strings.NewReader("unread"))
		began := time.Now()
		require.Equal(t, 500, record(h, r).Code)
		require.Equal(t, time.Minute, time.Since(began))
		time.Sleep(time.Hour) // for it to end
	})
}

// fickle is an error of which one method does something else than to answer.
type fickle struct {
	method string
	does   func()
}

func (f fickle) at(method string) {
	if method == f.method {
		f.does()
	}
}

func (f fickle) Error() string { f.at("Error"); return "fickle" }
func (f fickle) As(any) bool   { f.at("As"); return false }
func (f fickle) Is(error) bool { f.at("Is"); return false }
func (f fickle) Unwrap() error { f.at("Unwrap"); return nil }

func TestAnErrorThatBreaksWhenItIsAskedIsADefect(t *testing.T) {
	for piece, want := range map[string]int{
		"authenticator": 503, "admit": 503, "source": 500, "provider": 500,
	} {
		for _, method := range []string{"Error", "As", "Is", "Unwrap"} {
			for how, does := range map[string]func(end chan struct{}){
				"panics": func(chan struct{}) { panic(tokenSecret) }, "hangs": func(end chan struct{}) { <-end },
			} {
				t.Run(piece+"'s "+method+" "+how, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						end := make(chan struct{})
						defer close(end)
						f := erring{piece: fickle{method, func() { does(end) }}}
						h, err := tokenhttp.NewHandler(f.source, f, &tokenhttp.Options{Admit: f.admit})
						require.NoError(t, err)
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						defer cancel()
						w := record(h, newRequest("POST", "/workspaces/ws-1/token", "").WithContext(ctx))
						require.Equal(t, want, w.Code, w.Body.String())
					})
				})
			}
		}
	}
}

func TestAnErrorMeansWhatItsPlaceMayDecide(t *testing.T) {
	limited := &tokenprovider.Error{Code: tokenprovider.CodeRateLimited}
	for _, row := range []struct {
		piece  string
		err    error
		status int
	}{
		{"authenticator", tokenhttp.ErrUnauthenticated, 401},
		{"authenticator", tokenhttp.ErrForbidden, 403},
		{"authenticator", limited, 503},
		{"admit", tokenhttp.ErrUnauthenticated, 503},
		{"admit", tokenhttp.ErrForbidden, 403},
		{"admit", limited, 429},
		{"source", tokenhttp.ErrUnauthenticated, 500},
		{"source", tokenhttp.ErrForbidden, 403},
		{"provider", tokenhttp.ErrForbidden, 500},
		{"provider", limited, 500},
	} {
		f := erring{row.piece: row.err}
		h, err := tokenhttp.NewHandler(f.source, f, &tokenhttp.Options{Admit: f.admit})
		require.NoError(t, err)
		require.Equal(t, row.status, record(h, newRequest("GET", "/workspaces/ws-1/token", "")).Code, row)
	}
}

func TestAnErrorIsAskedOnlyWhereItHarmsNobody(t *testing.T) {
	for _, method := range []string{"Error", "As", "Is", "Unwrap"} {
		for last := range 30 {
			asked := 0
			f := erring{"provider": fickle{method, func() {
				if asked++; asked > last {
					panic(tokenSecret)
				}
			}}}
			h, err := tokenhttp.NewHandler(f.source, f, nil)
			require.NoError(t, err)
			require.Equal(t, 500, record(h, newRequest("GET", "/workspaces/ws-1/token", "")).Code)
		}
	}
}

func TestNothingMoreRunsOnceTheRequestHasEnded(t *testing.T) {
	for _, hangs := range []string{"authenticator", "admission", "source"} {
		t.Run(hangs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hung bool
				var late []string
				at := func(piece string) {
					if hung {
						late = append(late, piece)
					}
					if hung = piece == hangs; hung {
						time.Sleep(time.Hour)
					}
				}
				provider := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
					at("provider")
					return tokenSecret, time.Time{}, nil
				})
				h, err := tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
					at("source")
					return provider, nil
				}, authFunc(func(*http.Request) (tokenhttp.Principal, error) {
					at("authenticator")
					return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
				}), &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error {
					at("admission")
					return nil
				}})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.NotEqual(t, 200, record(h, newRequest("GET", "/workspaces/ws-1/token", "").WithContext(ctx)).Code)
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Empty(t, late)
			})
		})
	}
}

// erring is a platform of which the pieces answer with these errors.
type erring map[string]error

func (f erring) Authenticate(*http.Request) (tokenhttp.Principal, error) {
	return tokenhttp.Principal{WorkspaceID: "ws-1"}, f["authenticator"]
}

func (f erring) admit(context.Context, tokenhttp.Principal) error { return f["admit"] }

func (f erring) source(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
	return f, f["source"]
}

func (f erring) Token(context.Context) (string, time.Time, error) {
	return tokenSecret, time.Time{}, f["provider"]
}

func TestNothingIsIssuedWithoutARecordThatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		capture := testutil.NewCapture(t, tokenSecret)
		h := broken{"audit", func() { time.Sleep(time.Hour) }}.handler(t, capture.Logger(),
			func(context.Context, tokenhttp.AuditRecord) {})
		began := time.Now()
		w := record(h, newRequest("GET", "/workspaces/ws-1/token", ""))
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, 500, w.Code)
		require.Equal(t, `{"error":"internal error","code":"internal"}`, w.Body.String())
		require.Contains(t, capture.String(), `"msg":"audit unavailable"`)
		require.Contains(t, capture.String(), tokenprovider.TokenSHA256(tokenSecret),
			"the log names the token that was lost")
		time.Sleep(time.Hour) // for it to end
	})
}

// breaking is a log handler that does something else than to log.
type breaking struct {
	slog.Handler
	does func()
}

func (b breaking) Enabled(context.Context, slog.Level) bool  { return true }
func (b breaking) Handle(context.Context, slog.Record) error { b.does(); return nil }

func TestALogThatBreaksCostsATokenOnlyWhereItIsTheAudit(t *testing.T) {
	for how, does := range map[string]func(){
		"panics": func() { panic("disk full") }, "ends its goroutine": runtime.Goexit,
	} {
		opts := &tokenhttp.Options{Logger: slog.New(breaking{slog.DiscardHandler, does})}
		h := newHandler(t, newKey(t), fixed(tokenprovider.Static(tokenSecret)), opts)
		w := record(h, newRequest("GET", "/admin/github-installation-token", adminSecret))
		require.Equal(t, 500, w.Code, how)
		require.NotContains(t, w.Body.String(), tokenSecret)

		opts.Audit = func(context.Context, tokenhttp.AuditRecord) {}
		h = newHandler(t, newKey(t), fixed(tokenprovider.Static(tokenSecret)), opts)
		w = record(h, newRequest("GET", "/admin/github-installation-token", adminSecret))
		require.Equal(t, 200, w.Code, how)
	}
}

func TestNothingIsIssuedWhileTheLogThatIsTheAuditHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging, end := context.WithCancel(t.Context())
		defer end()
		opts := &tokenhttp.Options{Logger: slog.New(breaking{slog.DiscardHandler, func() { <-hanging.Done() }})}
		h := newHandler(t, newKey(t), fixed(tokenprovider.Static(tokenSecret)), opts)
		status := func() int {
			return record(h, newRequest("GET", "/admin/github-installation-token", adminSecret)).Code
		}
		require.Equal(t, 500, status())
		require.Equal(t, 500, status(), "it hangs still")
		end()
		synctest.Wait()
		require.Equal(t, 200, status())
	})
}

func TestAPanicThatAsksToAbortAbortsAndTheServerGoesOn(t *testing.T) {
	capture := testutil.CaptureProcess(t, tokenSecret)
	var calls atomic.Int64
	h, err := tokenhttp.NewHandler(fixed(tokenprovider.Static(tokenSecret)), authFunc(func(*http.Request) (tokenhttp.Principal, error) {
		if calls.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		return tokenhttp.Principal{WorkspaceID: "ws-1"}, nil
	}), &tokenhttp.Options{Logger: capture.Logger()})
	require.NoError(t, err)
	server := serve(t, h)

	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("GET /workspaces/ws-1/token HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	_, err = http.ReadResponse(bufio.NewReader(conn), nil)
	require.Error(t, err, "the connection is closed without an answer")
	require.Equal(t, 200, ask(t, server, "GET", "/workspaces/ws-1/token", "").status)
}

func TestAPanicTellsTheLogWhereAndNotWhat(t *testing.T) {
	capture := testutil.CaptureProcess(t, tokenSecret)
	h, err := tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		panic("can't use " + tokenSecret)
	}, adminToken(t, adminSecret), &tokenhttp.Options{Logger: capture.Logger()})
	require.NoError(t, err)
	require.Equal(t, 500,
		ask(t, serve(t, h), "GET", "/admin/github-installation-token", adminSecret).status)
	require.Contains(t, capture.String(), `"in":"source"`)
	require.Contains(t, capture.String(), "foreign_test.go")

	var none map[string]string
	h, err = tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		none["x"] = "y"
		return nil, nil
	}, adminToken(t, adminSecret), &tokenhttp.Options{Logger: capture.Logger()})
	require.NoError(t, err)
	require.Equal(t, 500,
		ask(t, serve(t, h), "GET", "/admin/github-installation-token", adminSecret).status)
	require.Contains(t, capture.String(), "assignment to entry in nil map",
		"the runtime's own words are no secret")
}
