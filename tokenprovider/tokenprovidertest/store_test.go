package tokenprovidertest_test

import (
	"bytes"
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

// swapFunc is a Swap, of a store in memory or around it.
type swapFunc func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error)

// wrongStore does with keys, contexts, values and Swaps what it is told to.
type wrongStore struct {
	*tokenprovidertest.Store
	key     func(string) string
	context func(context.Context) context.Context
	loaded  func([]byte) []byte
	swap    func(swapFunc) swapFunc
}

func (s *wrongStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.key != nil {
		key = s.key(key)
	}
	if s.context != nil {
		ctx = s.context(ctx)
	}
	value, err := s.Store.Load(ctx, key)
	if s.loaded != nil {
		value = s.loaded(value)
	}
	return value, err
}

func (s *wrongStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.key != nil {
		key = s.key(key)
	}
	if s.context != nil {
		ctx = s.context(ctx)
	}
	swap := s.Store.Swap
	if s.swap != nil {
		return s.swap(swap)(ctx, key, old, new, ttl)
	}
	return swap(ctx, key, old, new, ttl)
}

// wrongStores each break one rule, the name of which is the key.
var wrongStores = map[string]func(*wrongStore){
	"absent": func(s *wrongStore) { s.loaded = func(v []byte) []byte { return append([]byte{}, v...) } },
	"value":  func(s *wrongStore) { s.loaded = func(v []byte) []byte { return bytes.Trim(v, " \x00") } },
	"keys":   func(s *wrongStore) { s.key = strings.ToLower },
	"from_nothing": changes(func(next swapFunc) swapFunc {
		return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			swapped, err := next(ctx, key, nil, new, ttl) // as if nothing had been there before
			if err == nil && !swapped {
				return next(ctx, key, old, new, ttl)
			}
			return swapped, err
		}
	}),
	"another_old": func(s *wrongStore) {
		s.swap = func(next swapFunc) swapFunc {
			return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
				if held, _ := s.Load(ctx, key); bytes.EqualFold(held, old) {
					old = held
				}
				return next(ctx, key, old, new, ttl)
			}
		}
	},
	"to_nothing": func(s *wrongStore) {
		s.swap = func(next swapFunc) swapFunc {
			return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
				if new == nil {
					old, _ = s.Load(ctx, key)
				}
				return next(ctx, key, old, new, ttl)
			}
		}
	},
	"empty": changes(func(next swapFunc) swapFunc {
		return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			if old != nil && len(old) == 0 || new != nil && len(new) == 0 {
				return false, nil
			}
			return next(ctx, key, old, new, ttl)
		}
	}),
	"swapped_before": func(s *wrongStore) {
		s.swap = func(next swapFunc) swapFunc {
			return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
				if held, _ := s.Load(ctx, key); !bytes.Equal(held, old) {
					return false, nil
				}
				return next(ctx, key, old, new, ttl)
			}
		}
	},
	"lost_answers": func(s *wrongStore) { s.swap = inTwoSteps },
	"one_winner": func(s *wrongStore) {
		s.swap = func(next swapFunc) swapFunc {
			return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
				if held, _ := s.Load(ctx, key); !bytes.Equal(held, old) && !bytes.Equal(held, new) {
					return false, nil
				}
				time.Sleep(time.Millisecond) // and then it writes, whatever is there by now
				held, _ := s.Load(ctx, key)
				return next(ctx, key, held, new, ttl)
			}
		}
	},
	"ttl": lives(func(ttl time.Duration) time.Duration { return max(ttl, time.Hour) }),
	"no_ttl": lives(func(ttl time.Duration) time.Duration {
		if ttl <= 0 {
			return 100 * time.Millisecond
		}
		return ttl
	}),
	"short_ttl": lives(func(ttl time.Duration) time.Duration { return ttl.Truncate(time.Millisecond) }),
	"own_bytes": func(s *wrongStore) {
		var last []byte
		s.loaded = func(v []byte) []byte {
			if len(last) != len(v) {
				last = v
			}
			return last
		}
	},
	"own_context": func(s *wrongStore) { s.context = context.WithoutCancel },
}

func changes(swap func(swapFunc) swapFunc) func(*wrongStore) {
	return func(s *wrongStore) { s.swap = swap }
}

func lives(change func(time.Duration) time.Duration) func(*wrongStore) {
	return changes(func(next swapFunc) swapFunc {
		return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
			return next(ctx, key, old, new, change(ttl))
		}
	})
}

// inTwoSteps removes what is there, and then puts in what is new.
func inTwoSteps(next swapFunc) swapFunc {
	return func(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
		if swapped, err := next(ctx, key, old, nil, 0); !swapped {
			return swapped, err
		}
		time.Sleep(time.Millisecond)
		return next(context.WithoutCancel(ctx), key, nil, new, ttl)
	}
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
