package tokenprovidertest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// RunStore checks a [tokenprovider.Store] against each rule of its contract, as
// subtests of t. newStore makes a store that works; it is called once for each
// rule, and may make the same one each time: each rule has keys of its own.
// What has to be gone after a time is waited for, so this takes about a second.
func RunStore(t *testing.T, newStore func(t *testing.T) tokenprovider.Store) {
	for n, r := range storeRules {
		t.Run(r.name, func(t *testing.T) {
			s := newStore(t)
			if foreign.IsNil(s) {
				t.Fatalf("the factory of the kit made no store")
			}
			key := fmt.Sprintf("tokenprovidertest/%d/%d", n, time.Now().UnixNano())
			if err := r.check(t.Context(), s, key); err != nil {
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
	check    func(ctx context.Context, s tokenprovider.Store, key string) error
}

var storeRules = []storeRule{
	{"absent",
		"Load is nil and no error when there is no value, and Delete of none is no error", absent},
	{"value",
		"Load is what was saved last, byte for byte, under exactly that key", keepsValue},
	{"ttl",
		"the value is gone after ttl", valueEnds},
	{"delete",
		"Delete removes the value", deletes},
	{"one lock",
		"TryLock takes the lock of key if nobody has it, and doesn't wait for it", oneLock},
	{"lock ttl",
		"the lock ends after ttl", lockEnds},
	{"late unlock",
		"an unlock that comes too late leaves the lock of whoever has it by then alone", lateUnlock},
	{"apart",
		"values and locks are apart", apart},
	{"own context",
		"all methods return when ctx ends, with an error", storeContext},
	{"concurrent use",
		"all methods are safe for concurrent use", concurrentStore},
}

// The times to live of the kit: moment is soon over, and must be by late;
// forever isn't over before the test is.
const (
	moment  = 300 * time.Millisecond
	late    = time.Second
	forever = time.Minute
)

func expectValue(ctx context.Context, s tokenprovider.Store, key string, want []byte) error {
	got, err := s.Load(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("Load failed: %w", err)
	case want == nil && got != nil:
		return fmt.Errorf("Load returned %d bytes where no value is", len(got))
	case !bytes.Equal(got, want):
		return fmt.Errorf("Load returned other bytes than the %d that were saved", len(want))
	}
	return nil
}

func absent(ctx context.Context, s tokenprovider.Store, key string) error {
	if err := expectValue(ctx, s, key, nil); err != nil {
		return err
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("Delete failed: %w", err)
	}
	return nil
}

func keepsValue(ctx context.Context, s tokenprovider.Store, key string) error {
	every := make([]byte, 16<<10) // longer than any token, with each byte that there is
	for i := range every {
		every[i] = byte(i)
	}
	for _, value := range [][]byte{[]byte("first"), every, []byte("third")} {
		saved := bytes.Clone(value)
		if err := s.Save(ctx, key, saved, forever); err != nil {
			return fmt.Errorf("Save failed: %w", err)
		}
		clear(saved) // the store must have a copy of its own
		if err := expectValue(ctx, s, key, value); err != nil {
			return err
		}
	}
	for _, other := range []string{key + "x", key[:len(key)-1], "{" + key + "}", key + ":lock"} {
		if err := expectValue(ctx, s, other, nil); err != nil {
			return fmt.Errorf("under another key: %w", err)
		}
	}
	return s.Delete(ctx, key)
}

func valueEnds(ctx context.Context, s tokenprovider.Store, key string) error {
	if err := s.Save(ctx, key, []byte("value"), forever); err != nil {
		return fmt.Errorf("Save failed: %w", err)
	}
	if err := s.Save(ctx, key, []byte("value"), moment); err != nil {
		return fmt.Errorf("Save failed: %w", err)
	}
	if err := expectValue(ctx, s, key, []byte("value")); err != nil {
		return err
	}
	return eventually(func() error { return expectValue(ctx, s, key, nil) })
}

func deletes(ctx context.Context, s tokenprovider.Store, key string) error {
	if err := s.Save(ctx, key, []byte("value"), forever); err != nil {
		return fmt.Errorf("Save failed: %w", err)
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("Delete failed: %w", err)
	}
	return expectValue(ctx, s, key, nil)
}

func apart(ctx context.Context, s tokenprovider.Store, key string) error {
	unlock, err := expectLock(ctx, s, key, forever, true)
	if err != nil {
		return err
	}
	if err := expectValue(ctx, s, key, nil); err != nil {
		return fmt.Errorf("with a lock on the key: %w", err)
	}
	if err := s.Save(ctx, key, []byte("value"), forever); err != nil {
		return fmt.Errorf("with a lock on the key, Save failed: %w", err)
	}
	if err := unlock(ctx); err != nil {
		return fmt.Errorf("unlock failed: %w", err)
	}
	if err := expectValue(ctx, s, key, []byte("value")); err != nil {
		return fmt.Errorf("after unlock: %w", err)
	}
	unlock, err = expectLock(ctx, s, key, forever, true)
	if err != nil {
		return fmt.Errorf("with a value under the key: %w", err)
	}
	if err := s.Delete(ctx, key); err != nil {
		return fmt.Errorf("Delete failed: %w", err)
	}
	if _, err := expectLock(ctx, s, key, forever, false); err != nil {
		return fmt.Errorf("after Delete of the value: %w", err)
	}
	return unlock(ctx)
}

func storeContext(ctx context.Context, s tokenprovider.Store, key string) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range map[string]func() error{
		"Load":   func() error { _, err := s.Load(over, key); return err },
		"Save":   func() error { return s.Save(over, key, []byte("value"), forever) },
		"Delete": func() error { return s.Delete(over, key) },
		"TryLock": func() error {
			_, ok, err := s.TryLock(over, key, forever)
			if ok {
				return nil
			}
			return err
		},
	} {
		if err := within(name+" with a context that is over", func() error {
			if call() == nil {
				return fmt.Errorf("%s with a context that is over succeeded", name)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func concurrentStore(ctx context.Context, s tokenprovider.Store, key string) error {
	var all sync.WaitGroup
	failures := make(chan error, 64)
	winners := make(chan func(context.Context) error, 64)
	for n := range 16 {
		all.Go(func() {
			value := []byte{byte(n)}
			own := fmt.Sprintf("%s/%d", key, n)
			if err := s.Save(ctx, own, value, forever); err != nil {
				failures <- fmt.Errorf("Save failed: %w", err)
				return
			}
			if err := expectValue(ctx, s, own, value); err != nil {
				failures <- err
			}
			if err := s.Delete(ctx, own); err != nil {
				failures <- fmt.Errorf("Delete failed: %w", err)
			}
			unlock, ok, err := s.TryLock(ctx, key, forever)
			if err != nil {
				failures <- fmt.Errorf("TryLock failed: %w", err)
			} else if ok {
				winners <- unlock
			}
		})
	}
	all.Wait()
	if len(failures) > 0 {
		return <-failures
	}
	if len(winners) != 1 {
		return fmt.Errorf("%d of 16 concurrent callers got the lock", len(winners))
	}
	return (<-winners)(ctx)
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
