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
			return tokenprovider.NewCache(tokenprovider.Func(mint),
				&tokenprovider.CacheOptions{Settle: -1})
		},
		"Keyed": func() tokenprovider.TokenProvider {
			return tokenprovider.NewKeyed(func(int) tokenprovider.TokenProvider { return tokenprovider.Func(mint) }, nil).Get(1)
		},
		"Shared": func() tokenprovider.TokenProvider {
			p, err := tokenprovider.NewShared(tokenprovider.Func(mint),
				tokenprovidertest.NewStore(),
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

func reports(s tokenprovider.Status) func() tokenprovider.Status {
	return func() tokenprovider.Status { return s }
}

func right() *provider {
	return &provider{
		token:      mint,
		invalidate: func(string) bool { return false },
		status:     reports(tokenprovider.Status{State: tokenprovider.StateFresh}),
	}
}

// wrong has, for each rule by its subtest's name, providers that break it and a
// piece of what the kit says then.
var wrong = map[string]map[string]func(p *provider){
	"delivers a token": {
		"empty token": func(p *provider) {
			p.token = func(context.Context) (string, time.Time, error) { return "", time.Time{}, nil }
		},
		"the factory of the kit made no provider": func(p *provider) { *p = provider{} },
	},
	"delivers no expired token": {
		"leave expiresAt zero": func(p *provider) {
			p.token = func(context.Context) (string, time.Time, error) { return "t", time.Unix(0, 0), nil }
		},
	},
	"concurrent use": {
		"of 32 concurrent callers": func(p *provider) {
			var inside atomic.Int64
			p.token = func(ctx context.Context) (string, time.Time, error) {
				defer inside.Add(-1)
				if inside.Add(1) > 1 {
					return "", time.Time{}, errors.New("busy")
				}
				time.Sleep(time.Millisecond)
				return mint(ctx)
			}
		},
	},
	"own context": {
		"didn't return within": func(p *provider) {
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					time.Sleep(time.Minute)
				}
				return mint(ctx)
			}
		},
		"as if nobody could have a token": func(p *provider) {
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated}
				}
				return mint(ctx)
			}
		},
	},
	"cancelled leader": {
		"was cancelled": func(p *provider) {
			var poisoned atomic.Bool
			p.token = func(ctx context.Context) (string, time.Time, error) {
				time.Sleep(time.Millisecond)
				if ctx.Err() != nil || poisoned.Load() {
					poisoned.Store(true)
					return "", time.Time{}, context.Canceled
				}
				return mint(ctx)
			}
		},
	},
	"no token with an error": {
		"together with an error": func(p *provider) {
			p.token = func(ctx context.Context) (string, time.Time, error) { return "minted", time.Time{}, ctx.Err() }
		},
		"holds the token": func(p *provider) {
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if ctx.Err() != nil {
					return "", time.Time{}, fmt.Errorf("after token %s: %w", "minted", ctx.Err())
				}
				return mint(ctx)
			}
		},
	},
	"invalidate": {
		"with an empty token was true": func(p *provider) {
			p.invalidate = func(string) bool { return true }
		},
		"never issued was true": func(p *provider) {
			p.invalidate = func(token string) bool { return token != "" }
		},
		"only resembles": func(p *provider) {
			p.invalidate = func(token string) bool { return strings.HasPrefix(token, "minted") }
		},
		"true twice": func(p *provider) {
			p.invalidate = func(token string) bool { return token == "minted" }
		},
		"after Invalidate of other tokens": func(p *provider) {
			var dropped sync.Once
			dead := false
			p.token = func(ctx context.Context) (string, time.Time, error) {
				if dead {
					return "", time.Time{}, errors.New("gone")
				}
				return mint(ctx)
			}
			p.invalidate = func(string) bool { dropped.Do(func() { dead = true }); return false }
		},
	},
	"status": {
		"holds the token": func(p *provider) {
			p.status = reports(tokenprovider.Status{LastError: "refused: minted"})
		},
		"SHA-256 of another token": func(p *provider) {
			p.status = reports(tokenprovider.Status{TokenSHA256: "other"})
		},
		"while Token returns a token": func(p *provider) {
			p.status = reports(tokenprovider.Status{State: tokenprovider.StateEmpty})
		},
		"another expiry": func(p *provider) {
			p.status = func() tokenprovider.Status {
				return tokenprovider.Status{State: tokenprovider.StateFresh,
					ExpiresAt: time.Now().Add(24 * time.Hour)}
			}
		},
		"Status panicked": func(p *provider) {
			p.status = func() tokenprovider.Status { panic("a defect") }
		},
		"didn't return within": func(p *provider) {
			p.status = func() tokenprovider.Status { time.Sleep(time.Minute); return tokenprovider.Status{} }
		},
	},
}

const victim = "PROVISIONKIT_TEST_VICTIM"

// TestVictim runs in the test below, in a process of its own, because the kit
// has to fail there.
func TestVictim(t *testing.T) {
	rule, says, ok := strings.Cut(os.Getenv(victim), "|")
	if !ok {
		return
	}
	tokenprovidertest.Run(t, func(*testing.T) tokenprovider.TokenProvider {
		p := right()
		wrong[rule][says](p)
		if p.token == nil {
			return nil
		}
		return p
	})
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
				require.Contains(t, string(output),
					"--- FAIL: TestVictim/"+strings.ReplaceAll(rule, " ", "_"))
				require.Contains(t, string(output), says)
			})
		}
	}
}

func TestEveryRuleHasAProviderThatBreaksIt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^TestTheProvidersOfThisModulePass$/^Func$", "-test.v")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err)
	rules := strings.Count(string(output), "--- PASS: TestTheProvidersOfThisModulePass/Func/")
	require.Len(t, wrong, rules)
}
