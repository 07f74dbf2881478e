package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// issuer is a source of numbered tokens, token-1, token-2 and so on, that
// counts how often it is asked.
type issuer struct {
	life    time.Duration // of each token
	latency time.Duration // of each answer
	fail    atomic.Pointer[error]
	asked   atomic.Int64
	wishes  chan time.Duration // what each call asked for, when not nil
}

func (i *issuer) Token(ctx context.Context) (string, time.Time, error) {
	n := i.asked.Add(1)
	if i.wishes != nil {
		i.wishes <- tokenprovider.MinTTL(ctx)
	}
	fail := i.fail.Load()
	select {
	case <-time.After(i.latency):
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
	if fail != nil && *fail != nil {
		return "", time.Time{}, *fail
	}
	return fmt.Sprintf("token-%d", n), time.Now().Add(i.life), nil
}

func (i *issuer) breakWith(err error) { i.fail.Store(&err) }
func (i *issuer) calls() int          { return int(i.asked.Load()) }

// filled returns a cache that has token-1 of a source whose tokens live for an
// hour, and that source.
func filled(t testing.TB, opts *tokenprovider.CacheOptions) (*tokenprovider.Cache, *issuer) {
	t.Helper()
	source := &issuer{life: time.Hour}
	c := tokenprovider.NewCache(source, opts)
	requireToken(t, c, "token-1")
	return c, source
}

// cacheOver returns a cache of what f provides.
func cacheOver(f tokenprovider.Func) *tokenprovider.Cache { return tokenprovider.NewCache(f, nil) }

// always returns a provider of one token, which lives for life from each call
// on.
func always(token string, life time.Duration) tokenprovider.TokenProvider {
	return tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return token, time.Now().Add(life), nil
	})
}

func coded(code tokenprovider.Code, text string) error {
	return &tokenprovider.Error{Code: code, Err: errors.New(text)}
}

// requireToken asks p and expects exactly that token.
func requireToken(t testing.TB, p tokenprovider.TokenProvider, want string) {
	t.Helper()
	token, _, err := p.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, token)
}

// requireCode asks p and expects an error of that code.
func requireCode(t *testing.T, p tokenprovider.TokenProvider, want tokenprovider.Code) error {
	t.Helper()
	token, _, err := p.Token(t.Context())
	require.Error(t, err)
	require.Empty(t, token)
	require.Equal(t, want, tokenprovider.CodeOf(err), "error: %v", err)
	return err
}
