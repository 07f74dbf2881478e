package githubapp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// replicas is Options.Store: how the replicas of a platform share the app's tokens, and what they know to be dead.
type replicas struct {
	store    tokenprovider.Store
	sealKeys [][]byte
	api      string // host and path
	issuer   string
	log      *slog.Logger

	downUntil atomic.Int64 // wall time in Unix nanoseconds: the store isn't asked before, where that isn't needed
}

const (
	// storePatience bounds a call of the store, or the few that belong together.
	storePatience = 2 * time.Second

	// lookPatience bounds one that a caller waits for who could go on without.
	lookPatience = 500 * time.Millisecond

	// storeRest is how long a store that failed isn't asked where a caller would wait for it.
	storeRest = 30 * time.Second

	// generationTTL is how long a generation is known: longer than any token of the one before lives.
	generationTTL = 24 * time.Hour
)

// newReplicas is nil without a store.
func newReplicas(opts Options, a *api) *replicas {
	if opts.Store == nil {
		return nil
	}
	r := &replicas{store: opts.Store, api: a.base.Host + a.base.Path, issuer: opts.issuer(), log: opts.Logger}
	for _, key := range opts.SealKeys {
		r.sealKeys = append(r.sealKeys, slices.Clone(key))
	}
	return r
}

// key names a place in the store: in clear what it is, and the hash of all that tells it from others.
func (r *replicas) key(kind string, parts ...string) string {
	text, _ := json.Marshal(append([]string{r.api, r.issuer}, parts...)) // strings always can be
	sum := sha256.Sum256(text)
	return "githubapp/" + kind + "/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// tokenKey names the token of an installation and of what is asked.
func (r *replicas) tokenKey(id int64, a *asked) string {
	number := strconv.FormatInt(id, 10)
	return r.key("token/"+number, number, a.scope.key(), a.owner)
}

// workspaceKey names everything that a workspace was given.
func (r *replicas) workspaceKey(owner string) string { return r.key("workspace", owner) }

func (r *replicas) generationKey(id int64) string {
	number := strconv.FormatInt(id, 10)
	return r.key("generation/"+number, number)
}

// generation of an installation's tokens is what a stored one must be of to be used; "" is the first.
func (r *replicas) generation(ctx context.Context, id int64) (string, error) {
	value, err := r.store.Load(ctx, r.generationKey(id))
	return string(value), err
}

// outdate begins a new generation: every stored token of the installation is dead, of whichever scope and workspace,
// and whichever replica put it there.
func (r *replicas) outdate(ctx context.Context, id int64) error {
	return r.call(ctx, "outdate", func(ctx context.Context) error {
		return r.store.Save(ctx, r.generationKey(id), []byte(rand.Text()), generationTTL)
	})
}

// reply is what a use of the store brought.
type reply[T any] struct {
	value T
	err   error
}

// callStore bounds what use does with the store, which is foreign code: it returns in time even if that doesn't.
func callStore[T any](caller context.Context, r *replicas, name string, patience time.Duration, use func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(caller, patience)
	defer cancel()
	replies := make(chan reply[T], 1)
	go func() {
		got := reply[T]{err: errors.New("the store ended its goroutine")}
		defer func() {
			if v := recover(); v != nil { // its value may hold anything: only its type is told
				got = reply[T]{err: fmt.Errorf("the store panicked with a %T", v)}
			}
			replies <- got
		}()
		got.value, got.err = use(ctx)
	}()
	var got reply[T]
	select {
	case got = <-replies:
	case <-ctx.Done():
		got.err = errors.New("no answer in time")
	}
	if got.err != nil && caller.Err() == nil {
		r.failed(name, got.err)
	}
	return got.value, got.err
}

// failed takes note that a call of the store failed.
func (r *replicas) failed(call string, err error) {
	r.downUntil.Store(time.Now().Add(storeRest).UnixNano())
	r.log.Warn("token store failed", "call", call, "error", err)
}

// call is callStore of what brings nothing.
func (r *replicas) call(ctx context.Context, name string, use func(context.Context) error) error {
	_, err := callStore(ctx, r, name, storePatience, func(ctx context.Context) (struct{}, error) { return struct{}{}, use(ctx) })
	return err
}

// rests reports whether the store failed a moment ago.
func (r *replicas) rests() bool {
	left := time.Duration(r.downUntil.Load() - time.Now().UnixNano())
	return left > 0 && left <= storeRest // more when the clock was set back
}
