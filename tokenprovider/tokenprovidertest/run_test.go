package tokenprovidertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func mint(context.Context) (string, time.Time, error) {
	return "minted", time.Now().Add(time.Hour), nil
}

func TestTheProvidersOfThisModulePass(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("of the file"), 0o600))
	t.Setenv("PROVISIONKIT_TEST_TOKEN", "of the environment")
	for name, p := range map[string]func() tokenprovider.TokenProvider{
		"Static": func() tokenprovider.TokenProvider { return tokenprovider.Static("static") },
		"Env":    func() tokenprovider.TokenProvider { return tokenprovider.Env("PROVISIONKIT_TEST_TOKEN") },
		"File":   func() tokenprovider.TokenProvider { return tokenprovider.File(path) },
		"Func":   func() tokenprovider.TokenProvider { return tokenprovider.Func(mint) },
		"Fallback": func() tokenprovider.TokenProvider {
			return tokenprovider.Fallback(tokenprovider.Static(""), tokenprovider.Func(mint))
		},
		"Cache": func() tokenprovider.TokenProvider { return tokenprovider.NewCache(tokenprovider.Func(mint), nil) },
		"Cache without Settle": func() tokenprovider.TokenProvider {
			return tokenprovider.NewCache(tokenprovider.Func(mint), &tokenprovider.CacheOptions{Settle: -1})
		},
		"Keyed": func() tokenprovider.TokenProvider {
			return tokenprovider.NewKeyed(func(int) tokenprovider.TokenProvider { return tokenprovider.Func(mint) }, nil).Get(1)
		},
		"Shared": func() tokenprovider.TokenProvider {
			p, err := tokenprovider.NewShared(tokenprovider.Func(mint), tokenprovidertest.NewStore(),
				tokenprovider.SharedOptions{Key: "key", SealKeys: [][]byte{make([]byte, 32)}})
			require.NoError(t, err)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			tokenprovidertest.Run(t, func(*testing.T) tokenprovider.TokenProvider { return p() })
		})
	}
}

// provider is made of functions, so that each wrong one differs from a right
// one in one respect.
type provider struct {
	token      func(context.Context) (string, time.Time, error)
	invalidate func(string) bool
	status     func() tokenprovider.Status
}

func (p *provider) Token(ctx context.Context) (string, time.Time, error) { return p.token(ctx) }
func (p *provider) Invalidate(token string) bool                         { return p.invalidate(token) }
func (p *provider) Status() tokenprovider.Status                         { return p.status() }

func right() *provider {
	return &provider{
		token:      mint,
		invalidate: func(string) bool { return false },
		status:     func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFresh} },
	}
}

// wrong has, for each rule by its subtest's name, providers that break it and a
// piece of what the kit says then.
var wrong = map[string]map[string]func() tokenprovider.TokenProvider{
	"delivers a token": {
		"empty token": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(context.Context) (string, time.Time, error) { return "", time.Time{}, nil }
			return p
		},
		"the factory of the kit made no provider": func() tokenprovider.TokenProvider { return nil },
	},
	"delivers no expired token": {
		"leave expiresAt zero": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(context.Context) (string, time.Time, error) { return "t", time.Unix(0, 0), nil }
			return p
		},
	},
	"concurrent use": {
		"of 32 concurrent callers": func() tokenprovider.TokenProvider {
			var inside atomic.Int64
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				defer inside.Add(-1)
				if inside.Add(1) > 1 {
					return "", time.Time{}, errors.New("busy")
				}
				time.Sleep(time.Millisecond)
				return mint(ctx)
			}
			return p
		},
	},
	"own context": {
		"didn't return within": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					time.Sleep(time.Minute)
				}
				return mint(ctx)
			}
			return p
		},
		"as if nobody could have a token": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated}
				}
				return mint(ctx)
			}
			return p
		},
	},
	"cancelled leader": {
		"was cancelled": func() tokenprovider.TokenProvider {
			var poisoned atomic.Bool
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				time.Sleep(time.Millisecond)
				if ctx.Err() != nil || poisoned.Load() {
					poisoned.Store(true)
					return "", time.Time{}, context.Canceled
				}
				return mint(ctx)
			}
			return p
		},
	},
	"no token with an error": {
		"together with an error": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) { return "minted", time.Time{}, ctx.Err() }
			return p
		},
		"holds the token": func() tokenprovider.TokenProvider {
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					return "", time.Time{}, fmt.Errorf("after token %s: %w", "minted", ctx.Err())
				}
				return mint(ctx)
			}
			return p
		},
	},
	"invalidate": {
		"with an empty token was true": func() tokenprovider.TokenProvider {
			p := right()
			p.invalidate = func(string) bool { return true }
			return p
		},
		"never issued was true": func() tokenprovider.TokenProvider {
			p := right()
			p.invalidate = func(token string) bool { return token != "" }
			return p
		},
		"only resembles": func() tokenprovider.TokenProvider {
			p := right()
			p.invalidate = func(token string) bool { return strings.HasPrefix(token, "minted") }
			return p
		},
		"true twice": func() tokenprovider.TokenProvider {
			p := right()
			p.invalidate = func(token string) bool { return token == "minted" }
			return p
		},
		"after Invalidate of other tokens": func() tokenprovider.TokenProvider {
			var dropped sync.Once
			dead := false
			p := right()
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if dead {
					return "", time.Time{}, errors.New("gone")
				}
				return mint(ctx)
			}
			p.invalidate = func(string) bool { dropped.Do(func() { dead = true }); return false }
			return p
		},
	},
	"status": {
		"holds the token": func() tokenprovider.TokenProvider {
			p := right()
			p.status = func() tokenprovider.Status { return tokenprovider.Status{LastError: "refused: minted"} }
			return p
		},
		"SHA-256 of another token": func() tokenprovider.TokenProvider {
			p := right()
			p.status = func() tokenprovider.Status { return tokenprovider.Status{TokenSHA256: "other"} }
			return p
		},
		"while Token returns a token": func() tokenprovider.TokenProvider {
			p := right()
			p.status = func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateEmpty} }
			return p
		},
		"another expiry": func() tokenprovider.TokenProvider {
			p := right()
			p.status = func() tokenprovider.Status {
				return tokenprovider.Status{State: tokenprovider.StateFresh, ExpiresAt: time.Now().Add(24 * time.Hour)}
			}
			return p
		},
		"didn't return within": func() tokenprovider.TokenProvider {
			p := right()
			p.status = func() tokenprovider.Status { time.Sleep(time.Minute); return tokenprovider.Status{} }
			return p
		},
	},
}

const victim = "PROVISIONKIT_TEST_VICTIM"

// TestVictim is run by the test below, in a process of its own, because the kit
// has to fail there.
func TestVictim(t *testing.T) {
	rule, says, ok := strings.Cut(os.Getenv(victim), "|")
	if !ok {
		return
	}
	tokenprovidertest.Run(t, func(*testing.T) tokenprovider.TokenProvider { return wrong[rule][says]() })
}

func TestEachRuleFindsTheProvidersThatBreakIt(t *testing.T) {
	for rule, providers := range wrong {
		for says := range providers {
			t.Run(rule+"/"+says, func(t *testing.T) {
				t.Parallel()
				pattern := "^TestVictim$/^" + strings.ReplaceAll(rule, " ", "_") + "$"
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.v")
				cmd.Env = append(os.Environ(), victim+"="+rule+"|"+says)
				output, err := cmd.CombinedOutput()
				require.Error(t, err, "the kit let it pass:\n%s", output)
				require.Contains(t, string(output), "--- FAIL: TestVictim/"+strings.ReplaceAll(rule, " ", "_"))
				require.Contains(t, string(output), says)
			})
		}
	}
}

func TestEveryRuleHasAProviderThatBreaksIt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheProvidersOfThisModulePass$/^Func$", "-test.v")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err)
	rules := strings.Count(string(output), "--- PASS: TestTheProvidersOfThisModulePass/Func/")
	require.Len(t, wrong, rules)
}
