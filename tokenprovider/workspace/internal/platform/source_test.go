package platform_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
	"github.com/stretchr/testify/require"
)

func TestEveryGetAsksThePlatform(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, &workspacetest.Mint{Life: time.Hour})
	env := p.Env(t, "ws-1")
	require.NotEqual(t, call(t, env, request, "get").Answered(t), call(t, env, request, "get").Answered(t))
	require.Len(t, p.Asked(), 2)
}

func TestARefusedTokenIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	env := p.Env(t, "ws-1")
	first := call(t, env, request, "get").Answered(t)
	workspacetest.Erase(t, env, first)
	asked := p.Asked()
	require.Len(t, asked, 2)
	require.Equal(t, []string{tokenprovider.TokenSHA256(first)}, asked[1].Header.Values("Provisionkit-Rejected"))
	require.NotEqual(t, first, call(t, env, request, "get").Answered(t))
	require.Empty(t, p.Asked()[2].Header.Values("Provisionkit-Rejected"), "one report is enough")
}

func TestWhyThereIsNoTokenForARepositoryIsSaid(t *testing.T) {
	t.Parallel()
	var (
		code tokenprovider.Code
		want string
	)
	p := newPlatform(t, tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		return "", time.Time{}, &tokenprovider.Error{Code: code}
	}))
	env := p.Env(t, "ws-1")
	const ofInitech = "protocol=https\nhost=github.com\npath=Initech/x.git\n\n"
	for code, want = range map[tokenprovider.Code]string{
		tokenprovider.CodeNotFound:       "no token for github.com/initech/x: ",
		tokenprovider.CodeForbidden:      "initech/x isn't among what the platform's policy allows this workspace",
		tokenprovider.CodeInvalidRequest: "the forge doesn't know initech/x",
	} {
		require.Contains(t, call(t, env, ofInitech, "get").Failed(t), want)
	}
	code = tokenprovider.CodeNotFound
	require.Contains(t, call(t, env, ofInitech, "get").Failed(t), "the platform's app isn't installed on initech")
	require.Contains(t, call(t, env, request, "get").Failed(t), code.Message(), "which is for no repository")
	code = tokenprovider.CodeRateLimited
	require.Contains(t, call(t, env, ofInitech, "get").Failed(t), code.Message())
}

func TestARefusalOfSomethingInBetweenIsNotBlamedOnTheBearer(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		p := newPlatform(t, workspacetest.Hourly())
		p.On(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(code)
			return true
		})
		says := call(t, p.Env(t, "ws-1"), request, "get").Failed(t)
		require.Contains(t, says, fmt.Sprint(code))
		require.Contains(t, says, "PROVISIONKIT_URL may be wrong, or something stands before it")
		require.NotContains(t, says, "bearer")
		require.NotContains(t, says, "operator")
	}
}

func TestAProxyThatCannotBeReadIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t, workspacetest.Hourly())
		env := p.patient(t)
		for name, value := range map[string]string{
			"HTTPS_PROXY": "http://user:hunter2%ss@proxy.example:3128", "https_proxy": "proxy.example:31x28",
		} {
			p.trip, env[name] = nil, value
			p.call(t, env, request, "get").Answered(t) // where none is needed it is in nobody's way
			p.trip = func(int64, *http.Request) error { return errRefused }
			says := p.call(t, env, request, "get").Failed(t)
			require.Contains(t, says, name+" isn't the URL of a proxy: correct it")
			require.NotContains(t, says, "hunter2")
			delete(env, name)
		}
	})
}

func TestAReportThatIsLostIsSaidAndNotRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, began := newBubble(t, workspacetest.Hourly()), time.Now()
		env := p.patient(t)
		p.Down()
		says := p.call(t, env, workspacetest.Refused("ghs_refused"), "erase").Failed(t)
		require.Contains(t, says, "the report of a refused token for github.com may be lost: ")
		require.Contains(t, says, "502")
		require.EqualValues(t, 1, p.tries.Load())
		require.Zero(t, time.Since(began), "git waits for it")
	})
}

func TestAReportThatHasNoBearerToGoWithIsSaidToBeLost(t *testing.T) {
	for _, bearer := range []map[string]string{
		{"PROVISIONKIT_BEARER": ""},
		{"PROVISIONKIT_BEARER": "", "PROVISIONKIT_BEARER_FILE": "/nowhere/bearer"},
	} {
		p := newPlatform(t, workspacetest.Hourly())
		says := call(t, p.Env(t, "ws-1", bearer), workspacetest.Refused("ghs_refused"), "erase").Failed(t)
		require.Contains(t, says, "the report of a refused token for github.com may be lost: ")
		require.Contains(t, says, "PROVISIONKIT_BEARER_FILE")
		require.Empty(t, p.Asked())
	}
}

// TestAPlatformThatLetsItsTokenRipenGivesAnotherSoon: it may keep a token that
// is seconds old in spite of a report, since forges refuse those at times.
func TestAPlatformThatLetsItsTokenRipenGivesAnotherSoon(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newBubble(t,
			tokenprovider.NewCache(&workspacetest.Mint{Life: time.Hour}, &tokenprovider.CacheOptions{Settle: time.Second}))
		env := p.Env(t, "ws-1")
		report := func(token string) {
			require.Equal(t, result{}, p.call(t, env, workspacetest.Refused(token), "erase"))
		}
		first := p.call(t, env, request, "get").Answered(t)
		report(first)
		require.Equal(t, first, p.call(t, env, request, "get").Answered(t))
		time.Sleep(2 * time.Second)
		report(first)
		require.NotEqual(t, first, p.call(t, env, request, "get").Answered(t))
	})
}

func TestReplicasWithADeadTokenEachAreAllTold(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, workspacetest.Hourly())
	its := &workspacetest.Mint{Life: time.Hour}
	its.N.Store(1000)
	other := newPlatform(t, workspacetest.Cached(its))
	var turn atomic.Int64 // a get and its erase go to one of them
	p.On(func(w http.ResponseWriter, r *http.Request) bool {
		if turn.Add(1)%4 < 2 {
			return false
		}
		other.Server.Config.Handler.ServeHTTP(w, r)
		return true
	})
	env := p.Env(t, "ws-1")
	refused := map[string]bool{}
	for range 2 { // each replica believes one report in 5 minutes
		token := call(t, env, request, "get").Answered(t)
		require.NotContains(t, refused, token)
		refused[token] = true
		workspacetest.Erase(t, env, token)
	}
}

func TestNothingPrintsTheBearer(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PROVISIONKIT_URL": "https://platform.example/token", "PROVISIONKIT_BEARER": "bearer-secret"}
	getenv := func(name string) string { return env[name] }
	source, err := platform.Open(getenv)
	require.NoError(t, err)
	e, err := config.ReadEndpoint(getenv)
	require.NoError(t, err)
	bearer := platform.NewBearer(e)
	credential, err := bearer.Credential(t.Context())
	require.NoError(t, err)
	for _, value := range []any{source, *source.Once(), e, bearer, credential} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			require.Empty(t, testutil.Leak(fmt.Sprintf(verb, value), "bearer-secret"))
		}
	}
}
