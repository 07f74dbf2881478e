package tokenprovider_test

import (
	"context"
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
