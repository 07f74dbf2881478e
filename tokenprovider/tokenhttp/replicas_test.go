package tokenhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestReportsAndRetriesAreNoStormUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mints atomic.Int64
		var broken atomic.Bool
		cache := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			n := mints.Add(1)
			time.Sleep(50 * time.Millisecond)
			if broken.Load() {
				return "", time.Time{}, errors.New("connection refused")
			}
			return fmt.Sprintf("token-%d", n), time.Now().Add(time.Hour), nil
		}), nil)
		key := newKey(t)
		h := newHandler(t, key, fixed(cache), nil)
		bearer := issue(t, key, "ws-1")
		storm := func(rejected string, status int) {
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() {
					r := newRequest("POST", "/workspaces/ws-1/token", bearer)
					r.Header.Set("Provisionkit-Rejected", tokenprovider.TokenSHA256(rejected))
					if got := record(h, r).Code; got != status {
						t.Errorf("status %d instead of %d", got, status)
					}
				})
			}
			callers.Wait()
		}
		storm("", 200)
		require.EqualValues(t, 1, mints.Load())
		time.Sleep(time.Minute)
		storm("token-1", 200)
		require.EqualValues(t, 2, mints.Load(), "a token that was refused is replaced once")
		storm("token-2", 200)
		require.EqualValues(t, 2, mints.Load(), "one that is seconds old isn't")
		time.Sleep(time.Minute)
		storm("token-2", 200) // it is served on while there is no other
		time.Sleep(5 * time.Minute)
		broken.Store(true)
		storm("token-2", 200)
		require.EqualValues(t, 3, mints.Load(), "and what fails is not tried again for each who asks")
	})
}

// TestTokensOfManyReplicasThatDieTogetherAreReplacedByEach: each replica has a
// token of its own, as without a Store or while it is down, and a forge kills
// all of them. A workspace that goes from one to the next must not be handed
// the dead ones in turn, each on the report of another.
func TestTokensOfManyReplicasThatDieTogetherAreReplacedByEach(t *testing.T) {
	for _, replicas := range []int{1, 2, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			key := newKey(t)
			bearer, err := key.Issue("ws-1", 24*time.Hour)
			require.NoError(t, err)
			var minted atomic.Int64
			var dead atomic.Int64 // the newest token that the forge killed, with all before it
			mint := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
				return fmt.Sprint(minted.Add(1)), time.Now().Add(time.Hour), nil
			})
			alive := func(token string) bool {
				n, err := strconv.ParseInt(token, 10, 64)
				require.NoError(t, err)
				return n > dead.Load()
			}
			var platform balancer
			for range replicas {
				platform.replicas = append(platform.replicas,
					newHandler(t, key, fixed(tokenprovider.NewCache(mint, nil)), nil))
			}
			workspace := tokenprovider.NewCache(&tokenhttp.Client{
				URL:        "https://platform.example" + workspacePath("ws-1"),
				Bearer:     tokenprovider.Static(bearer),
				HTTPClient: &http.Client{Transport: &platform},
			}, nil)
			works := func() bool { // an operation, as tokenprovider.Transport does it
				token, _, err := workspace.Token(t.Context())
				require.NoError(t, err)
				if !alive(token) && workspace.Invalidate(token) {
					token, _, err = workspace.Token(t.Context())
					require.NoError(t, err)
				}
				return alive(token)
			}
			for range replicas { // all of them have a token
				_, err := platform.RoundTrip(newRequest("GET", workspacePath("ws-1"), issue(t, key, "ws-1")))
				require.NoError(t, err)
			}
			require.True(t, works())
			time.Sleep(time.Minute)
			dead.Store(minted.Load())
			for range replicas - 1 { // a replica is known to have a dead token once it was handed out
				works()
				time.Sleep(5 * time.Minute) // until the next report is believed
			}
			for range 10 * replicas {
				require.True(t, works())
				time.Sleep(time.Minute)
			}
			require.LessOrEqual(t, minted.Load(), int64(2*replicas),
				"one mint of each for the token that died")
		})
	}
}

// balancer sends each request to the next replica.
type balancer struct {
	replicas []http.Handler
	turn     atomic.Int64
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	b.replicas[int(b.turn.Add(1))%len(b.replicas)].ServeHTTP(w, r)
	return w.Result(), nil
}
