package tokenprovidertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// RunStore checks a [tokenprovider.Store] against each rule of its contract, as
// subtests of t. newStore makes a store that works; it is called once for each
// rule, and may make the same one each time: each rule has keys of its own,
// whose values are gone after a minute.
//
// It also acts as a client whose answers are lost: it swaps again what it has
// swapped already, and gives up calls while they run. It waits for values to
// expire, so it takes a second or two.
func RunStore(t *testing.T, newStore func(t *testing.T) tokenprovider.Store) {
	for n, r := range storeRules {
		t.Run(r.name, func(t *testing.T) {
			s := newStore(t)
			if foreign.IsNil(s) {
				t.Fatalf("the factory of the kit made no store")
			}
			key := fmt.Sprintf("tokenprovidertest/%d/%d", n, time.Now().UnixNano())
			ctx, cancel := context.WithTimeout(t.Context(), forever)
			defer cancel()
			_, err := foreign.Within(ctx, "the store", func(ctx context.Context) (struct{}, error) {
				return struct{}{}, r.check(ctx, keyed{s, key})
			})
			if err != nil {
				t.Errorf("the contract says: %s\n%v", r.sentence, err)
			}
		})
	}
}

// storeRule is one sentence of the contract of a Store with the check that
// finds a store which breaks it.
type storeRule struct {
	name     string
	sentence string
	check    func(ctx context.Context, s keyed) error
}

var storeRules = []storeRule{
	{"absent",
		"Load is nil and no error where no value is", absent},
	{"value",
		"a value is any bytes, and Load returns them as they were swapped in", keepsValue},
	{"keys",
		"a key is any characters but NUL, and each has a value of its own", keepsKeysApart},
	{"from nothing",
		"a Swap from nil succeeds only where no value is", swapsFromNothing},
	{"another old",
		"where another value than old is, to the byte, swapped is false and nothing changes", refusesAnotherOld},
	{"to nothing",
		"a Swap to nil removes the value, and only that of old", removes},
	{"empty",
		"an empty value is no value, and means the same as nil", treatsEmptyAsNil},
	{"swapped before",
		"where new is already, swapped is true: an answer was lost", repeats},
	{"lost answers",
		"a Swap that was given up happens once or not at all", losesAnswers},
	{"one winner",
		"of many that swap from the same old at once one succeeds", hasOneWinner},
	{"ttl",
		"the new value is gone after ttl", valueEnds},
	{"no ttl",
		"with a ttl of zero or less the value stays", valueStays},
	{"short ttl",
		"a ttl below a millisecond counts as one", valueEndsAtOnce},
	{"own bytes",
		"what a store is given it doesn't keep, and what it returns is the caller's", sharesNoBytes},
	{"own context",
		"all methods return when ctx ends, with an error", storeContext},
}

// The times to live of the kit: moment is soon over, and must be by late;
// forever isn't over before the test is.
const (
	moment  = 300 * time.Millisecond
	late    = time.Second
	forever = time.Minute
)

// keyed is a store and the key of a rule.
type keyed struct {
	tokenprovider.Store
	key string
}

// holds returns an error unless the key has the value want; nil: none.
func (s keyed) holds(ctx context.Context, want []byte) error {
	got, err := s.Load(ctx, s.key)
	switch {
	case err != nil:
		return fmt.Errorf("Load failed: %w", err)
	case want == nil && got != nil:
		return fmt.Errorf("Load returned %d bytes where no value is", len(got))
	case !bytes.Equal(got, want):
		return fmt.Errorf("Load returned other bytes than the %d that are there", len(want))
	}
	return nil
}

// swap expects a Swap to end with want.
func (s keyed) swap(ctx context.Context, old, new []byte, ttl time.Duration, want bool) error {
	swapped, err := s.Swap(ctx, s.key, old, new, ttl)
	switch {
	case err != nil:
		return fmt.Errorf("Swap failed: %w", err)
	case swapped && !want:
		return errors.New("Swap replaced another value than old, or says so")
	case !swapped && want:
		return errors.New("Swap didn't replace old, or doesn't say so")
	}
	return nil
}

// inOrder returns the first error of steps, each of which is done when those
// before it succeeded, with the number of the step.
func inOrder(steps ...func() error) error {
	for n, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d of %d: %w", n+1, len(steps), err)
		}
	}
	return nil
}

// eventually returns nil as soon as check does, and its last error when that
// takes too long.
func eventually(check func() error) error {
	deadline := time.Now().Add(late)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
