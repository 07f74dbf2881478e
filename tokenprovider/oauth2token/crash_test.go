package oauth2token_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// envVictim has this test's program be a replica of the platform that asks for
// one token: the address of the store and the forge.
const envVictim = "OAUTH2TOKEN_TEST_VICTIM"

func victim() {
	at := os.Getenv(envVictim)
	p, err := oauth2token.New(configFor(at+"/oauth/token"), remoteStore(at), key, oauth2token.Options{SealKeys: sealKeys})
	if err == nil {
		_, _, err = p.Token(context.Background())
	}
	fmt.Println(err)
}

// remoteStore is a store in another process, by its address.
type remoteStore string

// storeCall is a call of a store, and its answer.
type storeCall struct {
	Key      string
	Old, New []byte
	Swap     bool
}

func (s remoteStore) call(ctx context.Context, c storeCall, answer any) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(s)+"/store", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (s remoteStore) Load(ctx context.Context, key string) (value []byte, err error) {
	err = s.call(ctx, storeCall{Key: key}, &value)
	return value, err
}

func (s remoteStore) Swap(ctx context.Context, key string, old, new []byte, _ time.Duration) (swapped bool, err error) {
	err = s.call(ctx, storeCall{key, old, new, true}, &swapped)
	return swapped, err
}

// scene is a store and a forge, of which one never gets further than a step.
type scene struct {
	*forge
	store   *tokenprovidertest.Store
	stopAt  string
	stopped chan struct{} // closed when somebody got there
	over    chan struct{}
	once    sync.Once
	mu      sync.Mutex
	swaps   int
}

// step returns whether to go on.
func (s *scene) step(name string) bool {
	if name != s.stopAt {
		return true
	}
	s.once.Do(func() { close(s.stopped) })
	<-s.over
	return false
}

func (s *scene) serveStore(w http.ResponseWriter, r *http.Request) {
	var c storeCall
	if json.NewDecoder(r.Body).Decode(&c) != nil {
		return
	}
	var answer any
	if c.Swap {
		s.mu.Lock()
		s.swaps++
		what := []string{"attempt", "save"}[(s.swaps-1)%2]
		s.mu.Unlock()
		if !s.step(what + " asked for") {
			return
		}
		answer, _ = s.store.Swap(context.Background(), c.Key, c.Old, c.New, 0)
		if !s.step(what + " made") {
			return
		}
	} else {
		if !s.step("load") {
			return
		}
		answer, _ = s.store.Load(context.Background(), c.Key)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func TestAProcessThatIsKilledLeavesWhatTheProtocolSays(t *testing.T) {
	const lost = "the answer to an exchange of it had been lost: most likely that exchange spent it: sign in again"
	for _, c := range []struct {
		at        string
		exchanges int
		says      string // by the next process; "": it has a token
	}{
		{"load", 1, ""},
		{"attempt asked for", 1, ""},
		{"attempt made", 1, ""},
		{"exchange asked for", 2, ""},
		{"exchange made", 2, lost},
		{"save asked for", 2, lost},
		{"save made", 1, ""},
	} {
		t.Run(c.at, func(t *testing.T) {
			t.Parallel()
			s := &scene{forge: newForge(t), store: tokenprovidertest.NewStore(), stopAt: c.at, stopped: make(chan struct{}), over: make(chan struct{})}
			brought := s.signIn("ann")
			brought.AccessToken = ""
			next := s.replica(t, s.store)
			require.NoError(t, next.Set(t.Context(), brought))
			s.on(func(http.ResponseWriter, *http.Request) bool { return !s.step("exchange asked for") },
				func(http.ResponseWriter, *http.Request, []byte) bool { return !s.step("exchange made") })
			mux := http.NewServeMux()
			mux.HandleFunc("/store", s.serveStore)
			mux.Handle("/oauth/token", s.forge)
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			t.Cleanup(sync.OnceFunc(func() { close(s.over) }))

			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), envVictim+"="+server.URL)
			var out bytes.Buffer
			cmd.Stdout = &out
			require.NoError(t, cmd.Start())
			select {
			case <-s.stopped:
			case <-time.After(time.Minute):
				t.Error("it didn't get there")
			}
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			require.Empty(t, out.String())
			s.on(nil, nil)

			if c.says == "" {
				s.token(t, next)
			} else {
				require.Contains(t, refusal(t, next, tokenprovider.CodeUnauthenticated), c.says)
			}
			exchanges, _ := s.counts()
			require.Equal(t, c.exchanges, exchanges)
		})
	}
}
