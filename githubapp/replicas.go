package githubapp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
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

	// markTTL is how long a mark is known: longer than any token of the one before lives.
	markTTL = 24 * time.Hour
)

// newReplicas returns nil without a store.
func newReplicas(opts Options, base *url.URL) *replicas {
	if opts.Store == nil {
		return nil
	}
	r := &replicas{store: opts.Store, api: base.Host + base.Path, issuer: opts.issuer(), log: opts.Logger}
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

// generationKey names the mark of an installation, which changes when all its tokens die.
func (r *replicas) generationKey(id int64) string {
	number := strconv.FormatInt(id, 10)
	return r.key("generation/"+number, number)
}

// releaseKey names the mark of a workspace, which changes when it is released.
func (r *replicas) releaseKey(owner string) string { return r.key("release", owner) }

// mark is the one at key; "" is the first.
func (r *replicas) mark(ctx context.Context, key string) (string, error) {
	value, err := r.store.Load(ctx, key)
	return string(value), err
}

// renew changes the mark at key. Every stored token that carries an earlier one is out of use, whichever replica put it
// there, and so is one that is being minted.
func (r *replicas) renew(ctx context.Context, key string) error {
	return r.store.Save(ctx, key, []byte(rand.Text()), markTTL)
}

// callStore bounds what use does with the store.
func callStore[T any](caller context.Context, r *replicas, name string, patience time.Duration, use func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(caller, patience)
	defer cancel()
	value, err := foreign.Within(ctx, "the store", use)
	switch {
	case err == nil:
		r.downUntil.Store(0)
	case caller.Err() == nil:
		r.failed(name, err)
	}
	return value, err
}

// outdate begins a new generation: every stored token of the installation is dead, of whichever scope and workspace.
func (r *replicas) outdate(ctx context.Context, id int64) error {
	return r.call(ctx, "outdate", func(ctx context.Context) error { return r.renew(ctx, r.generationKey(id)) })
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
