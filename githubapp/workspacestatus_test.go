package githubapp_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestTheStatusSaysHowManyWorkspacesFailOfHowMany(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "other"})
		p.Suspend(43, true)
		m := newWorkspaceMutator(t, p.app(t), func(_ context.Context, workspaceID string) (int64, githubapp.Scope, error) {
			if workspaceID == "s" {
				return 43, contentsRead, nil
			}
			return installationID, contentsRead, nil
		}, &githubapp.MutatorOptions{Name: "mine"})
		require.Equal(t, tokenprovider.Status{Name: "mine", State: tokenprovider.StateEmpty}, m.Status())
		for n := range 3 {
			p.start(t, m, fmt.Sprint(n))
		}
		status := m.Status()
		require.Equal(t, tokenprovider.StateFresh, status.State)
		require.Equal(t, []int{0, 3}, []int{status.Failing, status.Of})

		require.Error(t, m.MutateEnv(t.Context(), "s", map[string]string{}))
		status = m.Status()
		require.Equal(t, tokenprovider.StateFailing, status.State)
		require.Equal(t, tokenprovider.CodeForbidden, status.LastErrorCode)
		require.Equal(t, []int{1, 4}, []int{status.Failing, status.Of})
		require.EqualValues(t, 3, status.Mints)
		require.EqualValues(t, 1, status.Failures)

		require.NoError(t, m.ReleaseWorkspace(t.Context(), "s"))
		status = m.Status()
		require.Equal(t, tokenprovider.StateFresh, status.State)
		require.Equal(t, []int{0, 3}, []int{status.Failing, status.Of})

		time.Sleep(2 * time.Hour)
		require.Equal(t, 0, m.Status().Of, "who hasn't asked for an hour has no token that lives")
	})
}

func TestTheStatusHasCountsThatNeverGoDown(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		m := p.process(t)
		last := m.Status()
		for n := range 50 {
			workspaceID := fmt.Sprint(n)
			p.start(t, m, workspaceID)
			if n%5 == 0 {
				stop := p.Fail(githubapptest.Rule{Method: http.MethodPost, Fault: githubapptest.HTML(http.StatusBadGateway)})
				require.Error(t, m.MutateEnv(t.Context(), workspaceID+" fails", map[string]string{}))
				stop()
				time.Sleep(2 * time.Minute)
			}
			if n >= 10 {
				require.NoError(t, m.ReleaseWorkspace(t.Context(), fmt.Sprint(n-10)))
			}
			now := m.Status()
			require.GreaterOrEqual(t, now.Mints, last.Mints)
			require.GreaterOrEqual(t, now.Failures, last.Failures)
			last = now
		}
		require.EqualValues(t, p.Mints(), last.Mints)
		require.EqualValues(t, 10, last.Failures)
	})
}

func TestWorkspacesWhoseRecordsCannotBeOpenedFail(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.table.all = &widgets
		one := p.replica(t)
		two := p.replica(t, func(o *githubapp.Options) { o.SealKeys = [][]byte{make([]byte, 32)} })
		for n := range 5 {
			p.start(t, one, fmt.Sprint(n))
			_, _, err := two.WorkspaceToken(t.Context(), fmt.Sprint(n))
			require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err))
		}
		s := two.Status()
		require.Equal(t, tokenprovider.CodeInternal, s.LastErrorCode)
		require.Equal(t, []int{5, 5}, []int{s.Failing, s.Of})
		require.NoError(t, one.ReleaseWorkspace(t.Context(), "0"))
		_, _, err := one.WorkspaceToken(t.Context(), "0")
		require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(err))
		require.Zero(t, one.Status().Failing, "a workspace that was released is no failure")
	})
}

func TestMintsOfSharedTokensAreCountedOnce(t *testing.T) {
	onPlatform(t, func(t *testing.T, p *platform) {
		p.opts.ShareTokens = true
		m := p.process(t)
		for n := range 6 {
			p.workspaceToken(t, m, "a")
			require.Equal(t, n+1, p.Mints())
			require.EqualValues(t, p.Mints(), m.Status().Mints)
			time.Sleep(61 * time.Minute) // nobody asks for it
		}
	})
}

func TestWorkspacesThatNobodyReleasesAreLetGo(t *testing.T) {
	key := testutil.RSAKeyPEM(t, 0)
	for name, shared := range map[string]bool{"with a store": true, "without a store": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := githubapp.Options{AppID: appID, PrivateKey: key, HTTPClient: &http.Client{Transport: roundTripper(canned)}}
				store := &switchedStore{Store: tokenprovidertest.NewStore()} // elsewhere
				if shared {
					opts.Store, opts.SealKeys = store, [][]byte{key[:32]}
				}
				app, err := githubapp.New(opts)
				require.NoError(t, err)
				m := newWorkspaceMutator(t, app, func(context.Context, string) (int64, githubapp.Scope, error) {
					return installationID, githubapp.Scope{}, nil
				}, nil)
				n := 0
				heapAfter := func(rounds int) int64 { // of ten minutes
					for range rounds {
						for range 40 {
							n++
							require.NoError(t, m.MutateEnv(t.Context(), fmt.Sprint("workspace-", n), map[string]string{}))
						}
						time.Sleep(10 * time.Minute)
						store.Store = tokenprovidertest.NewStore()
					}
					runtime.GC()
					runtime.GC()
					var s runtime.MemStats
					runtime.ReadMemStats(&s)
					return int64(s.HeapAlloc)
				}
				before := heapAfter(6 * 4)
				started := n
				grown := heapAfter(6*8) - before
				require.Less(t, grown/int64(n-started), int64(100), "bytes for each workspace that ever was")
				runtime.KeepAlive(m)
			})
		})
	}
}
