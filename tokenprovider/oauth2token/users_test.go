package oauth2token_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/provisionhooktest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func newUsers(t testing.TB, f *forge, store tokenprovider.Store) *oauth2token.Users {
	t.Helper()
	u, err := oauth2token.NewUsers(configFor("https://forge.example/oauth/token"), store, "forge", f.options())
	require.NoError(t, err)
	return u
}

func ownedBy(ctx context.Context, owner string) context.Context {
	return tokenprovider.WithWorkspace(ctx, tokenprovider.Workspace{ID: "ws-1", Owner: owner})
}

func TestAWorkspaceGetsTheTokenOfItsOwner(t *testing.T) {
	f, store := newForge(t), tokenprovidertest.NewStore()
	u := newUsers(t, f, store)
	for _, owner := range []string{"ann", "bob"} {
		require.NoError(t, u.User(owner).Set(t.Context(), f.signIn(owner)))
	}
	for _, owner := range []string{"ann", "bob"} {
		token, _, err := u.WorkspaceToken(ownedBy(t.Context(), owner), "ws-1")
		require.NoError(t, err)
		require.Equal(t, owner, f.person(token))
	}
	_, _, err := u.WorkspaceToken(ownedBy(t.Context(), "eve"), "ws-1")
	require.Equal(t, tokenprovider.CodeUnauthenticated, tokenprovider.CodeOf(err))
	require.ErrorContains(t, err, `workspace "ws-1": oauth2token: "forge/eve": nobody has signed in`)
}

func TestAWorkspaceWithoutAnOwnerGetsNothing(t *testing.T) {
	f, store := newForge(t), tokenprovidertest.NewStore()
	u := newUsers(t, f, store)
	require.NoError(t, u.User("").Set(t.Context(), f.signIn("ann")))
	for says, ctx := range map[string]context.Context{
		"set Options.Workspace of the endpoint or the gateway, or use tokenprovider.WithWorkspace": t.Context(),
		`it isn't known who owns workspace "ws-1"`:                                                 ownedBy(t.Context(), ""),
		`was asked for with workspace "ws-2" in ctx`: tokenprovider.WithWorkspace(t.Context(),
			tokenprovider.Workspace{ID: "ws-2", Owner: "ann"}),
	} {
		token, _, err := u.WorkspaceToken(ctx, "ws-1")
		require.Empty(t, token)
		require.ErrorContains(t, err, says)
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
	}
}

func TestNoNameOfAnOwnerIsTakenForAnother(t *testing.T) {
	f, store := newForge(t), tokenprovidertest.NewStore()
	u := newUsers(t, f, store)
	names := []string{"ann", "Ann", "ann/bob", "ann%2Fbob", "ann%252Fbob", "../ann", "ann ", "ann+", "änn", "\xff", "\xfe", "a\x00b"}
	for _, owner := range names {
		require.NoError(t, u.User(owner).Set(t.Context(), f.signIn(fmt.Sprintf("%x", owner))), owner)
	}
	for _, owner := range names {
		token, _, err := newUsers(t, f, store).WorkspaceToken(ownedBy(t.Context(), owner), "ws-1")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%x", owner), f.person(token))
	}
	other, err := oauth2token.NewUsers(configFor("https://forge.example/oauth/token"), store, "other", f.options())
	require.NoError(t, err)
	_, _, err = other.WorkspaceToken(ownedBy(t.Context(), "ann"), "ws-1")
	require.Error(t, err)
}

func TestTheMutatorIsFoundByItsMethodsAndWritesNothing(t *testing.T) {
	f := newForge(t)
	u := newUsers(t, f, tokenprovidertest.NewStore())
	reg := provisionhook.NewRegistry()
	reg.Register(u)
	require.Same(t, u, reg.FirstWorkspaceTokenProvider())
	require.Nil(t, reg.FirstTokenProvider(), "no token is everybody's")
	require.Equal(t, []string{"oauth2-users"}, reg.Names())
	require.NoError(t, u.User("ann").Set(t.Context(), f.signIn("ann")))
	env := map[string]string{"PATH": "/bin"}
	require.NoError(t, reg.Run(ownedBy(t.Context(), "ann"), "ws-1", env))
	require.Equal(t, map[string]string{"PATH": "/bin"}, env)
	require.Error(t, u.MutateEnv(t.Context(), "ws-1", nil))
	provisionhooktest.Run(t, func(t *testing.T) provisionhook.EnvMutator {
		u := newUsers(t, f, tokenprovidertest.NewStore())
		require.NoError(t, u.User("ann").Set(t.Context(), f.signIn("ann")))
		return annsUsers{u}
	})
}

// annsUsers is on a platform whose every workspace is ann's.
type annsUsers struct{ *oauth2token.Users }

func (u annsUsers) WorkspaceToken(ctx context.Context, workspaceID string) (string, time.Time, error) {
	ctx = tokenprovider.WithWorkspace(ctx, tokenprovider.Workspace{ID: workspaceID, Owner: "ann"})
	return u.Users.WorkspaceToken(ctx, workspaceID)
}

func TestTheStatusOfAllCountsWhoFailsAndNeverGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForge(t)
		u := newUsers(t, f, tokenprovidertest.NewStore())
		require.Equal(t, tokenprovider.Status{Name: "oauth2-users", State: tokenprovider.StateEmpty}, u.Status())
		for n := range 10 {
			require.NoError(t, u.User(fmt.Sprint(n)).Set(t.Context(), f.signIn("ann")))
		}
		var mints, failures uint64
		for round := range 5 {
			for n := range 12 {
				_, _, _ = u.WorkspaceToken(ownedBy(t.Context(), fmt.Sprint(n)), "ws-1")
			}
			s := u.Status()
			require.Equal(t, 12, s.Of)
			require.Equal(t, 2, s.Failing)
			require.Equal(t, tokenprovider.StateFailing, s.State)
			require.Equal(t, tokenprovider.CodeUnauthenticated, s.LastErrorCode)
			require.Contains(t, s.LastError, "nobody has signed in")
			require.EqualValues(t, 10*(round+1), s.Mints)
			require.GreaterOrEqual(t, s.Failures, failures+2)
			mints, failures = s.Mints, s.Failures
			time.Sleep(2 * time.Hour) // nobody asks: they are let go
			runtime.GC()
			s = u.Status()
			require.Equal(t, tokenprovider.Status{Name: "oauth2-users", State: tokenprovider.StateEmpty, Mints: mints, Failures: failures}, s)
		}
	})
}

func TestAProviderThatSomebodyHoldsStaysTheOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForge(t)
		u := newUsers(t, f, tokenprovidertest.NewStore())
		ann := u.User("ann")
		require.NoError(t, ann.Set(t.Context(), f.signIn("ann")))
		for range 3 {
			f.token(t, ann)
			time.Sleep(3 * time.Hour)
			runtime.GC()
			require.Zero(t, u.Status().Of)
			require.Same(t, ann, u.User("ann"))
		}
		f.token(t, ann)
		require.Equal(t, 1, u.Status().Of)
	})
}

func TestAReportReachesThePersonWhoseTokenItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForge(t)
		u := newUsers(t, f, tokenprovidertest.NewStore())
		for _, owner := range []string{"ann", "bob"} {
			require.NoError(t, u.User(owner).Set(t.Context(), f.signIn(owner)))
		}
		ann := f.token(t, u.User("ann"))
		bob, _, err := u.User("bob").Token(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.False(t, u.Invalidate("nobody's"))
		require.True(t, u.Invalidate(ann))
		require.NotEqual(t, ann, f.token(t, u.User("ann")))
		same, _, err := u.User("bob").Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, bob, same)
		exchanges, _ := f.counts()
		require.Equal(t, 1, exchanges)
	})
}

func TestNothingThatIsPrintedHoldsAToken(t *testing.T) {
	capture := testutil.CaptureProcess(t, clientSecret, string(sealKeys[0]))
	f := newForge(t)
	u := newUsers(t, f, tokenprovidertest.NewStore())
	brought := f.signIn("ann")
	require.NoError(t, u.User("ann").Set(t.Context(), brought))
	f.token(t, u.User("ann"))
	require.True(t, u.Invalidate(brought.AccessToken))
	fresh := f.token(t, u.User("ann"))
	capture.Secret(brought.AccessToken, brought.RefreshToken, fresh)
	secrets := []string{brought.AccessToken, brought.RefreshToken, fresh, clientSecret, string(sealKeys[0])}
	for _, v := range []any{u, u.User("ann"), f.options(), u.Status(), u.User("ann").Status(),
		oauth2token.TokenSource(tokenprovider.Static(fresh)), oauth2token.FromTokenSource(oauth2token.TokenSource(u.User("ann")))} {
		testutil.RequireRedactedDirectly(t, v, secrets...)
		fmt.Println(v)
	}
	require.Equal(t, `oauth2token.Users("forge")`, u.String())
	require.Equal(t, `oauth2token.Provider("forge/ann")`, u.User("ann").String())
}

func TestWhoseTokenIsntStoredYetIsNotLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newForge(t), &faultyStore{Store: tokenprovidertest.NewStore()}
		u := newUsers(t, f, s)
		require.NoError(t, u.User("ann").Set(t.Context(), f.signIn("ann")))
		time.Sleep(f.life)
		f.life = 24 * time.Hour
		f.on(nil, func(http.ResponseWriter, *http.Request, []byte) bool {
			s.swaps.Store(&fault{before: errs})
			return false
		})
		refusal(t, u.User("ann"), tokenprovider.CodeUnavailable)
		for range 5 * 4 { // for longer than it is tried without a call
			time.Sleep(15 * time.Minute)
			u.Status()
			runtime.GC()
		}
		s.swaps.Store(nil)
		f.token(t, u.User("ann"))
		exchanges, reuses := f.counts()
		require.Equal(t, 1, exchanges)
		require.Zero(t, reuses)
	})
}
