package gitcredential_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// after answers the first request with first, and each later one with a token.
func after(first http.HandlerFunc) http.HandlerFunc {
	once := make(chan struct{}, 1)
	once <- struct{}{}
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-once:
			first(w, r)
		default:
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, gitAnswer)
		}
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hangUp ends the connection without an answer; reset, so that the other side
// gets an error and not an end.
func hangUp(reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok && reset {
				_ = tcp.SetLinger(0)
			}
			conn.Close()
		}
	}
}

func TestTheInlineHelperTriesAgainWhileThePlatformIsntThere(t *testing.T) {
	t.Parallel()
	input := "protocol=https\nhost=github.com\nwwwauth[]=\xff\x80\x81\x88\\0\\n%s\n\n"
	for name, first := range map[string]http.HandlerFunc{
		"502": status(502), "503": status(503), "504": status(504), "no answer": hangUp(false), "a reset": hangUp(true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				s := newStandIn(t, after(first))
				w := newInlineWorkspace(t, shell, s.URL)
				delete(w.env, "PROVISIONKIT_RETRY")
				stdout, stderr, code := w.run(t, "get", input)
				require.Equal(t, []any{gitAnswer, "", 0}, []any{stdout, stderr, code})
				require.Len(t, s.asked(), 2)
				for _, asked := range s.asked() {
					require.Equal(t, input, asked.body)
				}
			})
		})
	}
}

func TestTheInlineHelperStopsTryingInTime(t *testing.T) {
	t.Parallel()
	for retry, tries := range map[string]int{"0": 1, "3s": 3} { // 2, or 3 where no second of the clock ends meanwhile
		t.Run("for "+retry, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				s := newStandIn(t, status(503))
				w := newInlineWorkspace(t, shell, s.URL)
				w.env["PROVISIONKIT_RETRY"] = retry
				began := time.Now()
				require.Contains(t, w.fails(t), "(503)")
				require.Less(t, time.Since(began), 20*time.Second)
				require.LessOrEqual(t, len(s.asked()), tries)
			})
		})
	}
}

// Neither a wait that is cut at random nor a clock that is set back makes it
// another time.
func TestTheInlineHelperRidesOutNearlyAllOfItsTime(t *testing.T) {
	t.Parallel()
	for name, clock := range map[string]string{
		"by the clock":             "awk '{ waited += $1 } END { print int(1000 + waited) }' waits",
		"with a clock that stands": "echo 1000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				w := newInlineWorkspace(t, shell, newStandIn(t, status(503)).URL)
				delete(w.env, "PROVISIONKIT_RETRY")
				programs, waits := t.TempDir(), filepath.Join(t.TempDir(), "waits")
				require.NoError(t, os.WriteFile(waits, nil, 0o600))
				for program, script := range map[string]string{"sleep": `echo "$1" >>waits`, "date": clock} {
					script = "#!/bin/sh\ncd '" + filepath.Dir(waits) + "'\n" + script + "\n"
					require.NoError(t, os.WriteFile(filepath.Join(programs, program), []byte(script), 0o700))
				}
				w.env["PATH"] = programs + ":" + w.env["PATH"]
				w.fails(t)
				written, err := os.ReadFile(waits)
				require.NoError(t, err)
				var waited float64
				for _, wait := range strings.Fields(string(written)) {
					seconds, err := strconv.ParseFloat(wait, 64)
					require.NoError(t, err)
					waited += seconds
				}
				require.GreaterOrEqual(t, waited, 16.0)
				require.LessOrEqual(t, waited, 20.0)
			})
		})
	}
}

func TestATryThatHangsTakesNoLongerThanThereIsTimeForTries(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		w := newInlineWorkspace(t, shell, s.URL)
		w.env["PROVISIONKIT_RETRY"] = "1s"
		began := time.Now()
		require.Contains(t, w.fails(t), "didn't answer in time")
		require.Less(t, time.Since(began), 9*time.Second)
		require.Len(t, s.asked(), 1)
	})
}

func TestEraseIsTriedOnce(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, status(503))
		w := newInlineWorkspace(t, shell, s.URL)
		delete(w.env, "PROVISIONKIT_RETRY")
		w.run(t, "erase", githubPassword)
		require.Len(t, s.asked(), 1)
	})
}

// Anything that isn't whole seconds is the default, so that nothing in a
// variable ends the shell or keeps it for ever.
func TestAWrongTimeForTriesIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, retry := range []string{"1/0", "08s"} {
		t.Run(retry, func(t *testing.T) {
			t.Parallel()
			inEachShell(t, func(t *testing.T, shell []string) {
				w := newInlineWorkspace(t, shell, newStandIn(t, after(status(503))).URL)
				w.env["PROVISIONKIT_RETRY"] = retry
				stdout, stderr, _ := w.run(t, "get", githubRequest)
				require.Equal(t, gitAnswer, stdout, stderr)
			})
		})
	}
}

func TestABearerThatWasReplacedIsTriedOnceMoreAfterA401(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		path := filepath.Join(t.TempDir(), "bearer")
		write := func(bearer string) { require.NoError(t, os.WriteFile(path, []byte(bearer), 0o600)) }
		n := 0
		s := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
			n++
			write(fmt.Sprint("bearer-", n))
			w.WriteHeader(401)
		})
		write("bearer-0")
		w := newInlineWorkspace(t, shell, s.URL)
		w.env["PROVISIONKIT_BEARER_FILE"] = path
		require.Contains(t, w.fails(t), "(401)")
		require.Len(t, s.asked(), 2)
		require.Equal(t, "Bearer bearer-1", s.asked()[1].Header.Get("Authorization"))
	})
}

func TestTheInlineHelperLetsGitsCacheHaveTheTokenWhereItIsSet(t *testing.T) {
	t.Parallel()
	const answer = "capability[]=authtype\nauthtype=Basic\ncredential=eDp4\nephemeral=1\npassword_expiry_utc=4102444800\n"
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, answer)
		})
		w := newInlineWorkspace(t, shell, s.URL)
		stdout, _, _ := w.run(t, "get", githubRequest)
		require.Equal(t, answer, stdout)
		w.env["PROVISIONKIT_CACHE_FOR"] = "1m0s"
		stdout, _, _ = w.run(t, "get", githubRequest)
		require.Equal(t, strings.Replace(answer, "ephemeral=1\n", "", 1), stdout)
	})
}
