// Package ledger keeps what each workspace was given, so that a release can
// revoke it, whichever replica of the platform gave it. It knows nothing of
// GitHub: what mints and what revokes is its caller's.
//
// # The protocol
//
// A workspace has one sealed record: a generation, which is the random name of
// one life of the workspace, whether it was released, and tokens, each live or
// owed to be revoked. Every change is one Swap of the whole record. The steps,
// and what a crash after each leaves:
//
// To give a token:
//  1. Load the record; where there is none, Swap one in. A released one refuses.
//     A crash leaves an empty record.
//  2. Mint. A crash leaves a token that nobody has, and that dies by itself.
//  3. Swap the token in. After false, and after an error, Load: a token that is
//     there under its generation is swapped in once more, as an answer was lost
//     on the way, and only one that says true makes it safe; one whose
//     generation is over, or whose record is gone, is revoked, and its caller
//     refused; else Swap again. A crash leaves a token that nobody has, recorded
//     or not.
//  4. Hand it out. It is on record: a release revokes it.
//
// To release:
//  1. Swap in another generation, released, with every token owed. From here on
//     step 3 of a mint that is under way fails, and step 1 of others refuses. A
//     crash leaves the owed tokens on record, for the next call to find.
//  2. Revoke what is owed. A token stays on record until it is revoked: taken
//     out before, a crash would lose it.
//  3. Swap out what is revoked or dead. A crash leaves tokens that are revoked
//     once more by the next call, which is no error.
//
// A record that a token call had to make is dated: the workspace may have been
// given something before, in a record that the Store lost, or by a process
// whose memory is gone. Until a token's life has passed since then, a release
// answers [Uncertain]. What this process saw in the lost one it puts back; see
// lost.go.
//
// While the Store can't be reached tokens are handed out all the same, and kept
// in memory as unrecorded; see unrecorded.go. A workspace that starts meanwhile
// begins a life of its own; see awaystart.go.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/seal"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// Config says where a [Ledger] keeps its records, and how it revokes. Key,
// TokenLife, Revoke and Logger are required, and SealKeys with a Store.
type Config struct {
	Store     tokenprovider.Store            // nil: the memory of this process
	SealKeys  [][]byte                       // of package seal, checked already
	Key       func(kind, name string) string // of what is in the Store: workspace or revoked
	TokenLife time.Duration                  // the longest that a token lives

	// Revoke kills a token, for all who hold it. One that is dead already is no
	// error. what is its [Token.For].
	Revoke func(ctx context.Context, token, what string) error
	Logger *slog.Logger // of package foreign
}

// Ledger has the records of an app's workspaces. It is safe for concurrent use.
// Nothing runs while nobody calls, but while there are unrecorded tokens.
type Ledger struct {
	config Config
	sealer *seal.Sealer
	store  *guarded
	seen   *memory               // each record as this process saw it last; nil without a Store
	marks  []tokenprovider.Store // where it is noted what was revoked: this process first
	born   time.Time             // in memory: what an earlier process gave isn't known; zero: there is a Store

	mu         sync.Mutex
	unrecorded map[string][]unrecorded // by the record's key
	recording  bool                    // a timer is set for them
}

var (
	// ErrReleased says that the workspace was released.
	ErrReleased = errors.New("the workspace was released")

	// ErrAway says that the Store can't be reached.
	ErrAway = errors.New("the Store can't be reached")

	// ErrSealed says that there is a record, and that none of the keys opens it.
	ErrSealed = errors.New("the workspace's record can't be opened; every replica needs in Options.SealKeys the keys that sealed it")

	// ErrContended says that a record changed each time that it was to be
	// changed, or that the Store loses records.
	ErrContended = errors.New("the workspace's record changes all the time")

	// ErrLost says that the record of a workspace was lost while a token was
	// minted for it. That was revoked.
	ErrLost = errors.New("the workspace's record was lost")
)

// New returns the Ledger that c describes.
func New(c Config) *Ledger {
	own := newMemory()
	l := &Ledger{config: c, marks: []tokenprovider.Store{own}, unrecorded: make(map[string][]unrecorded)}
	records, keys := c.Store, c.SealKeys
	if records == nil {
		records, l.born = own, time.Now().Round(0)
		key := make([]byte, seal.KeySize)
		_, _ = rand.Read(key) // never fails
		keys = [][]byte{key}
	}
	l.store = &guarded{store: records, log: c.Logger}
	if c.Store != nil {
		l.seen, l.marks = newMemory(), append(l.marks, l.store)
	}
	l.sealer, _ = seal.New("Options.SealKeys", keys) // an error would be about the keys
	return l
}

// Store returns the Store for others to use, with what is known of its being
// away; nil when there is none.
func (l *Ledger) Store() tokenprovider.Store {
	if l.config.Store == nil {
		return nil
	}
	return l.store
}

// Begin returns the life of a workspace that starts now: a new one after a
// release, and where there is no record; the one that runs else. The error is
// [ErrAway], [ErrSealed], [ErrContended] or ctx's. With ErrAway there is a life
// all the same, of which no token is known.
func (l *Ledger) Begin(ctx context.Context, workspace string) (Life, error) {
	key := l.config.Key("workspace", workspace)
	r, err := l.change(ctx, key, func(r *record) (*record, error) {
		switch {
		case r == nil:
			return &record{Generation: rand.Text()}, nil
		case r.Released:
			return r.begun(rand.Text()), nil
		}
		return r, nil
	})
	if err == ErrAway {
		return Life{Generation: startAway()}, err
	}
	return l.life(key, r), err
}

// Read returns the life of a workspace that runs. The error is [ErrReleased], or
// one of Begin's.
func (l *Ledger) Read(ctx context.Context, workspace string) (Life, error) {
	key := l.config.Key("workspace", workspace)
	next := func(r *record) (*record, error) {
		switch {
		case r == nil:
			return &record{Generation: rand.Text(), Dated: l.dated()}, nil
		case r.Released:
			return nil, ErrReleased
		}
		return r, nil
	}
	pending := len(l.pending(key)) > 0 // before the record is read: it may be recorded right then
	r, err := l.change(ctx, key, next)
	if err == ErrReleased && pending {
		_ = l.recordAll(ctx, key) // it may have started while the Store was away
		r, err = l.change(ctx, key, next)
	}
	return l.life(key, r), err
}

// dated returns since when all that is given is on record, for a record that is
// made in place of one that may have been lost.
func (l *Ledger) dated() time.Time {
	if !l.born.IsZero() {
		return l.born // this process loses nothing
	}
	return time.Now().Round(0)
}
