package gitcredential_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

const githubRequest = "protocol=https\nhost=github.com\n\n"

// source is a provider that notes what it is asked.
type source struct {
	token     string
	expiresAt time.Time
	err       error

	calls       int
	minTTL      time.Duration
	repository  string
	invalidated []string
}

func (s *source) Token(ctx context.Context) (string, time.Time, error) {
	s.calls++
	s.minTTL, s.repository = tokenprovider.MinTTL(ctx), tokenprovider.Repository(ctx)
	return s.token, s.expiresAt, s.err
}

func (s *source) Invalidate(token string) bool {
	s.invalidated = append(s.invalidated, token)
	return true
}

// helperOf returns a helper with defaults.
func helperOf(p tokenprovider.TokenProvider) *gitcredential.Helper {
	return &gitcredential.Helper{Provider: p}
}

// run calls a helper. No token may be on standard error or in the error,
// whatever happens.
func run(t *testing.T, h *gitcredential.Helper, operation, input string) (stdout, stderr string, err error) {
	t.Helper()
	var out writes
	captured := testutil.NewCapture(t, token)
	err = h.Run(t.Context(), operation, strings.NewReader(input), &out, captured)
	require.LessOrEqual(t, len(out), 1, "the answer is written in one piece")
	if err != nil {
		require.Empty(t, testutil.Leak(err.Error(), token))
		require.Equal(t, 1, strings.Count(captured.String(), "\n"), "one line says why")
	} else {
		require.Empty(t, captured.String())
	}
	return strings.Join(out, ""), captured.String(), err
}

// writes are the single writes of a stream.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestEveryHostileRequestGetsWhatTheCatalogueSays(t *testing.T) {
	for _, r := range testutil.GitRequests(t, "testdata/requests.txt") {
		t.Run(r.Name, func(t *testing.T) {
			provider := &source{token: token}
			stdout, _, err := run(t, helperOf(provider), "get", r.Input)
			switch r.Outcome {
			case "answer":
				require.NoError(t, err)
				require.Equal(t, "username=x-access-token\npassword="+token+"\n", stdout)
			case "nothing":
				require.NoError(t, err)
				require.Empty(t, stdout)
				require.Zero(t, provider.calls, "no token is fetched for it")
			case "refuse":
				require.Error(t, err)
				require.Empty(t, stdout)
				require.Zero(t, provider.calls, "no token is fetched for it")
			default:
				t.Fatalf("unknown outcome %q", r.Outcome)
			}
			_, _, _ = run(t, helperOf(provider), "erase",
				strings.TrimSuffix(r.Input, "\n")+"password=p\n")
			if r.Outcome != "answer" {
				require.Empty(t, provider.invalidated, "it can't erase either")
			}
		})
	}
}

func TestGetPrintsTheExpiryInWholeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(900 * time.Millisecond)
		expiresAt := time.Now().Add(time.Hour)
		stdout, _, err := run(t, helperOf(&source{token: token, expiresAt: expiresAt}), "get",
			githubRequest)
		require.NoError(t, err)
		require.Equal(t,
			"username=x-access-token\npassword="+token+"\npassword_expiry_utc="+strconv.FormatInt(expiresAt.Unix(), 10)+"\n",
			stdout)
	})
}

func TestACallerThatOffersAuthtypeGetsAnEphemeralCredential(t *testing.T) {
	later := time.Now().Add(time.Hour)
	stdout, _, err := run(t, helperOf(&source{token: token, expiresAt: later}), "get",
		"capability[]=authtype\n"+githubRequest)
	require.NoError(t, err)
	credential := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	require.Equal(t, fmt.Sprintf("capability[]=authtype\nauthtype=Basic\ncredential=%s\nephemeral=1\npassword_expiry_utc=%d\n",
		credential, later.Unix()), stdout, "git heeds the expiry of a credential as that of a password")

	// Git gives it back in that form when the server refuses it.
	provider := &source{}
	_, _, err = run(t, helperOf(provider), "erase",
		"capability[]=authtype\nauthtype=Basic\ncredential="+credential+"\nephemeral=1\nprotocol=https\nhost=github.com\nwwwauth[]=Basic\n")
	require.NoError(t, err)
	require.Equal(t, []string{token}, provider.invalidated)
}

func TestHostsUsernameAndMinTTLAreTheHelpers(t *testing.T) {
	provider := &source{token: token}
	h := &gitcredential.Helper{Provider: provider, Hosts: []string{"git.example:8443"}, Username: "oauth2", MinTTL: 3 * time.Minute}
	stdout, _, err := run(t, h, "get", "protocol=https\nhost=Git.Example:8443\n\n")
	require.NoError(t, err)
	require.Equal(t, "username=oauth2\npassword="+token+"\n", stdout)
	require.Equal(t, 3*time.Minute, provider.minTTL)

	stdout, _, err = run(t, h, "get", githubRequest)
	require.NoError(t, err)
	require.Empty(t, stdout, "the default host isn't served when others are named")
}

// named is a source whose tokens go with a user name.
type named struct {
	source
	username string
}

func (n *named) Username() string { return n.username }

func TestTheUserNameThatGoesWithTheTokenIsItsProviders(t *testing.T) {
	for _, c := range []struct{ own, providers, want string }{
		{"", "oauth2", "oauth2"}, {"bot", "oauth2", "bot"}, {"", "", "x-access-token"},
	} {
		h := &gitcredential.Helper{Provider: &named{source{token: token}, c.providers}, Username: c.own}
		stdout, _, err := run(t, h, "get", githubRequest)
		require.NoError(t, err)
		require.Equal(t, "username="+c.want+"\npassword="+token+"\n", stdout)
	}
}

func TestGetAsksForTenMinutesOfLifeOrMoreIfItsCallerWantsMore(t *testing.T) {
	provider := &source{token: token}
	h := helperOf(provider)
	_, _, err := run(t, h, "get", githubRequest)
	require.NoError(t, err)
	require.Equal(t, 10*time.Minute, provider.minTTL)

	ctx := tokenprovider.WithMinTTL(t.Context(), time.Hour)
	require.NoError(t, h.Run(ctx, "get", strings.NewReader(githubRequest), io.Discard, io.Discard))
	require.Equal(t, time.Hour, provider.minTTL)
}

func TestATokenWithLessLifeThanAskedForIsPrintedWhileItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &source{token: token, expiresAt: time.Now().Add(time.Second)}
		stdout, _, err := run(t, helperOf(provider), "get", githubRequest)
		require.NoError(t, err)
		require.Contains(t, stdout, token)

		time.Sleep(time.Second)
		stdout, stderr, err := run(t, helperOf(provider), "get", githubRequest)
		require.Error(t, err)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "expired at")
	})
}

func TestATokenThatTheProtocolCannotCarryIsNotPrinted(t *testing.T) {
	for name, bad := range map[string]string{
		"empty": "", "LF": token + "\nhost=evil.example", "CR": token + "\r", "NUL": token + "\x00",
		"space": token + " ", "DEL": token + "\x7f",
		"not ASCII": token + "é", "too long": strings.Repeat("t", 32<<10+1),
	} {
		stdout, _, err := run(t, helperOf(&source{token: bad}), "get", githubRequest)
		require.Error(t, err, name)
		require.Empty(t, stdout, name)
	}
	for _, username := range []string{"a b", "a:b", "a\nb"} {
		_, _, err := run(t,
			&gitcredential.Helper{Provider: &source{token: token}, Username: username}, "get",
			githubRequest)
		require.ErrorContains(t, err, "user name", username)
	}
}

func TestTokensOfEveryLengthInUseArePrinted(t *testing.T) {
	for _, length := range []int{40, 380, 520, 8 << 10, 32 << 10} {
		long := "ghs_" + strings.Repeat("a._-", length/4)[:length-4]
		for _, capability := range []string{"", "capability[]=authtype\n"} {
			stdout, _, err := run(t, helperOf(&source{token: long}), "get", capability+githubRequest)
			require.NoError(t, err)
			for line := range strings.SplitSeq(stdout, "\n") {
				require.Less(t, len(line), 65535)
			}
		}
	}
}

func TestAFailureFallsThroughOrQuits(t *testing.T) {
	failing := &source{err: &tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: errors.New("the endpoint is down")}}

	stdout, stderr, err := run(t, helperOf(failing), "get", githubRequest)
	require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
	require.Empty(t, stdout)
	require.Equal(t, "git-credential-provisionkit: no token for github.com: the endpoint is down\n", stderr)

	quitter := &gitcredential.Helper{Provider: failing, OnFailure: gitcredential.Quit}
	stdout, _, err = run(t, quitter, "get", githubRequest)
	require.Error(t, err)
	require.Equal(t, "quit=1\n", stdout)

	for _, r := range testutil.GitRequests(t, "testdata/requests.txt") {
		if r.Outcome != "answer" {
			stdout, _, _ = run(t, quitter, "get", r.Input)
			require.Empty(t, stdout, "it doesn't quit for a host that isn't its own: %s", r.Name)
		}
	}
}

func TestTheSentenceOnStandardErrorHoldsNoControlCharacters(t *testing.T) {
	failing := &source{err: errors.New("line one\r\n\x1b[31mline two\x07\u2028\u202e\xff" + strings.Repeat("!", 1000))}
	_, stderr, _ := run(t, helperOf(failing), "get", githubRequest)
	require.Contains(t, stderr, "line one [31mline two !!!")
	require.Less(t, len([]rune(stderr)), 550)
	for _, r := range strings.TrimSuffix(stderr, "\n") {
		require.True(t, strconv.IsPrint(r), "%q", r)
	}
}

func TestACacheableAnswerIsOneThatGitsCacheKeeps(t *testing.T) {
	expiresAt := time.Now().Add(time.Hour)
	h := helperOf(&source{token: token, expiresAt: expiresAt})
	h.Cacheable = true
	for _, capability := range []string{"", "capability[]=authtype\n"} {
		stdout, _, err := run(t, h, "get", capability+githubRequest)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("username=x-access-token\npassword=%s\npassword_expiry_utc=%d\n",
			token, expiresAt.Unix()), stdout)
	}
}

func TestAReportReachesThePlatformInTheSameProcess(t *testing.T) {
	var told []string
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if told = r.Header.Values("Provisionkit-Rejected"); len(told) == 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"token":"another"}`)
	}))
	h := helperOf(&tokenhttp.Client{URL: platform.URL, Bearer: tokenprovider.Static("bearer")})
	_, stderr, err := run(t, h, "erase", githubPassword)
	require.NoError(t, err)
	require.Empty(t, stderr)
	require.Equal(t, []string{tokenprovider.TokenSHA256(token)}, told)

	platform.Close()
	_, stderr, err = run(t, h, "erase", githubPassword)
	require.Error(t, err)
	require.Contains(t, stderr, "the report of a refused token for github.com may be lost: ")
}

func TestEraseInvalidatesExactlyThePasswordInTheRequest(t *testing.T) {
	provider := &source{}
	h := helperOf(provider)
	for _, input := range []string{
		"protocol=https\nhost=github.com\nusername=x-access-token\n\n",
		"protocol=https\nhost=github.com\npassword=\n\n",
		"protocol=https\nhost=evil.example\npassword=" + token + "\n\n",
		"protocol=http\nhost=github.com\npassword=" + token + "\n\n",
	} {
		stdout, _, err := run(t, h, "erase", input)
		require.NoError(t, err)
		require.Empty(t, stdout)
	}
	require.Empty(t, provider.invalidated)

	_, _, err := run(t, h, "erase",
		"protocol=https\nhost=github.com\nusername=x-access-token\npassword="+token+"\n\n")
	require.NoError(t, err)
	require.Equal(t, []string{token}, provider.invalidated)
	require.Equal(t, 1, provider.calls, "the next request carries a report")
	_, _, err = run(t, h, "erase", "protocol=https\nhost=github.com\npath=Acme/x.git\npassword="+token+"\n\n")
	require.NoError(t, err)
	require.Equal(t, "acme/x", provider.repository)

	_, _, err = run(t, helperOf(tokenprovider.Static("s")), "erase", "password=s\n"+githubRequest)
	require.NoError(t, err, "a provider that can't invalidate is no reason to complain")
	_, _, err = run(t, helperOf(tokenprovider.Static("")), "erase", "password=s\n"+githubRequest)
	require.NoError(t, err, "there is nobody to tell")
}

func TestOtherOperationsPrintNoToken(t *testing.T) {
	provider := &source{token: token}
	h := helperOf(provider)
	for operation, want := range map[string]string{
		"store": "", "capability": "version 0\ncapability authtype\n", "": "", "GET": "",
		"list": "", "get;id": "", "--help": "", " get": "",
	} {
		stdout, _, err := run(t, h, operation, githubRequest)
		require.NoError(t, err, operation)
		require.Equal(t, want, stdout, operation)
	}
	require.Zero(t, provider.calls)
	require.Empty(t, provider.invalidated)
}

func TestStoreReadsItsInputAndIgnoresIt(t *testing.T) {
	input := strings.NewReader("protocol=https\nhost=github.com\nusername=x\npassword=" + token + "\n\n")
	h := helperOf(tokenprovider.Static("s"))
	require.NoError(t, h.Run(t.Context(), "store", input, io.Discard, io.Discard))
	require.Zero(t, input.Len())

	endless := &endlessReader{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, h.Run(ctx, "store", endless, io.Discard, io.Discard))
	require.NoError(t, ctx.Err())
}

func TestAHelperThatIsWiredWronglySaysSo(t *testing.T) {
	_, stderr, err := run(t, &gitcredential.Helper{}, "get", githubRequest)
	require.Error(t, err)
	require.Contains(t, stderr, "no Provider")

	_, stderr, err = run(t,
		&gitcredential.Helper{Provider: &source{token: token}, Hosts: []string{"https://github.com"}},
		"get", githubRequest)
	require.Error(t, err)
	require.Contains(t, stderr, `"https://github.com" isn't a host`)

	stdout, _, err := run(t,
		&gitcredential.Helper{Provider: &source{token: token}, Hosts: []string{}}, "get",
		githubRequest)
	require.NoError(t, err)
	require.Empty(t, stdout, "no hosts means none")
}

func TestAStandardInputThatNeverEndsIsLeftAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stuck, writer := io.Pipe()
		defer writer.Close()
		var stdout, stderr strings.Builder
		started := time.Now()
		err := helperOf(&source{token: token}).Run(ctx, "get", stuck, &stdout, &stderr)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(started))
		require.Empty(t, stdout.String())
		require.Contains(t, stderr.String(), "standard input")
	})
}

func TestAProviderThatHangsIsLeftAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			time.Sleep(time.Hour)
			return token, time.Time{}, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		h := &gitcredential.Helper{Provider: provider, OnFailure: gitcredential.Quit}
		var stdout, stderr strings.Builder
		started := time.Now()
		err := h.Run(ctx, "get", strings.NewReader(githubRequest), &stdout, &stderr)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(started))
		require.Equal(t, "quit=1\n", stdout.String())
		require.Contains(t, stderr.String(), "the provider took too long")
		time.Sleep(time.Hour) // for it to end
	})
}

// breaking is a provider that does something else than it should.
type breaking func()

func (b breaking) Token(context.Context) (string, time.Time, error) {
	b()
	return token, time.Time{}, nil
}

func (b breaking) Invalidate(string) bool { b(); return true }

func TestAProviderThatBreaksIsAnErrorAndNothingMore(t *testing.T) {
	for says, breaks := range map[string]breaking{
		"the provider panicked: a value of type string": func() { panic(token) },
		"the provider ended its goroutine":              runtime.Goexit,
	} {
		stdout, stderr, err := run(t, helperOf(breaks), "get", githubRequest)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		require.Contains(t, stderr, says)
		require.Empty(t, stdout)
		_, stderr, err = run(t, helperOf(breaks), "erase", githubPassword)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		require.Contains(t, stderr, "may be lost: "+says)
	}
}

func TestAnAnswerThatCannotBeWrittenIsAnError(t *testing.T) {
	r, w := io.Pipe()
	require.NoError(t, r.Close())
	var stderr strings.Builder
	err := helperOf(&source{token: token}).Run(t.Context(), "get", strings.NewReader(githubRequest),
		w, &stderr)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Contains(t, stderr.String(), "print the answer")
}

func TestNothingButTheAnswerEverHoldsASecret(t *testing.T) {
	captured := testutil.CaptureProcess(t, token)
	h := helperOf(&source{token: token})
	for _, operation := range []string{"get", "store", "erase", "capability"} {
		for _, r := range testutil.GitRequests(t, "testdata/requests.txt") {
			err := h.Run(t.Context(), operation,
				strings.NewReader(strings.TrimSuffix(r.Input, "\n")+"password="+token+"\n\n"),
				io.Discard, captured)
			captured.Logger().Info("ran", "err", err)
		}
	}
}
