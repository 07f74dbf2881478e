package tokenprovidertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestTheStoreInMemoryKeepsTheContract(t *testing.T) {
	tokenprovidertest.RunStore(t, func(*testing.T) tokenprovider.Store {
		return tokenprovidertest.NewStore()
	})
}

// wrongStores each break one rule, the name of which is the key.
var wrongStores = map[string]func(*wrongStore){
	"absent":         func(s *wrongStore) { s.absent = []byte{} },
	"value":          func(s *wrongStore) { s.oneKey = true },
	"ttl":            func(s *wrongStore) { s.ttl = time.Hour },
	"delete":         func(s *wrongStore) { s.keeps = true },
	"one_lock":       func(s *wrongStore) { s.noLocks = true },
	"lock_ttl":       func(s *wrongStore) { s.lockTTL = time.Hour },
	"late_unlock":    func(s *wrongStore) { s.unlocksAll = true },
	"apart":          func(s *wrongStore) { s.together = true },
	"own_context":    func(s *wrongStore) { s.detached = true },
	"concurrent_use": func(s *wrongStore) { s.noLocks = true },
}

type wrongStore struct {
	*tokenprovidertest.Store
	absent                                                 []byte
	ttl, lockTTL                                           time.Duration
	oneKey, keeps, noLocks, unlocksAll, together, detached bool
}

func (s *wrongStore) context(ctx context.Context) context.Context {
	if s.detached {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (s *wrongStore) key(key string) string {
	if s.oneKey {
		return "key"
	}
	return key
}

func (s *wrongStore) Load(ctx context.Context, key string) ([]byte, error) {
	value, err := s.Store.Load(s.context(ctx), s.key(key))
	if value == nil && err == nil {
		return s.absent, nil
	}
	return value, err
}

func (s *wrongStore) Save(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.Store.Save(s.context(ctx), s.key(key), value, max(ttl, s.ttl))
}

func (s *wrongStore) Delete(ctx context.Context, key string) error {
	if s.keeps {
		return nil
	}
	return s.Store.Delete(s.context(ctx), s.key(key))
}

func (s *wrongStore) TryLock(ctx context.Context, key string, ttl time.Duration) (
	func(context.Context) error, bool, error) {
	nothing := func(context.Context) error { return nil }
	if s.noLocks {
		return nothing, true, nil
	}
	unlock, ok, err := s.Store.TryLock(s.context(ctx), s.key(key), max(ttl, s.lockTTL))
	switch {
	case !ok:
		return nil, ok, err
	case s.together:
		return unlock, ok, s.Store.Save(ctx, key, []byte("locked"), ttl)
	case s.unlocksAll:
		return func(context.Context) error { s.Store = tokenprovidertest.NewStore(); return nil }, ok, err
	}
	return unlock, ok, err
}

func TestTheKitFindsAStoreThatBreaksARule(t *testing.T) {
	if rule := os.Getenv("PROVISIONKIT_TEST_WRONG_STORE"); rule != "" {
		tokenprovidertest.RunStore(t, func(*testing.T) tokenprovider.Store {
			s := &wrongStore{Store: tokenprovidertest.NewStore()}
			wrongStores[rule](s)
			return s
		})
		return
	}
	for rule := range wrongStores {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v",
				"-test.run=^TestTheKitFindsAStoreThatBreaksARule$/^"+rule+"$")
			cmd.Env = append(os.Environ(), "PROVISIONKIT_TEST_WRONG_STORE="+rule)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the kit passes it:\n%s", out)
			require.Contains(t, string(out),
				fmt.Sprintf("--- FAIL: TestTheKitFindsAStoreThatBreaksARule/%s", rule))
			require.Contains(t, string(out), "the contract says: ")
		})
	}
}

func TestEveryRuleHasAStoreThatBreaksIt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^TestTheStoreInMemoryKeepsTheContract$", "-test.v")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.Len(t, wrongStores, strings.Count(string(out),
		"--- PASS: TestTheStoreInMemoryKeepsTheContract/"))
}
