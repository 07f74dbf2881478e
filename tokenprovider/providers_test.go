package tokenprovider_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestStaticNeverExpires(t *testing.T) {
	token, expiresAt, err := tokenprovider.Static("t").Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "t", token)
	require.True(t, expiresAt.IsZero())
	require.ErrorIs(t, requireCode(t, tokenprovider.Static(""), tokenprovider.CodeNotConfigured),
		tokenprovider.ErrNotConfigured)
}

func TestANilFuncIsAnErrorNotAPanic(t *testing.T) {
	requireCode(t, tokenprovider.Func(nil), tokenprovider.CodeInternal)
}

func TestEnvReadsTheFirstNonEmptyVariableAtEachCall(t *testing.T) {
	t.Setenv("PROVISIONKIT_TEST_A", "")
	t.Setenv("PROVISIONKIT_TEST_B", "")
	p := tokenprovider.Env("PROVISIONKIT_TEST_A", "PROVISIONKIT_TEST_B")
	err := requireCode(t, p, tokenprovider.CodeNotConfigured)
	require.ErrorContains(t, err, "PROVISIONKIT_TEST_A, PROVISIONKIT_TEST_B")
	t.Setenv("PROVISIONKIT_TEST_B", "b")
	requireToken(t, p, "b")
	t.Setenv("PROVISIONKIT_TEST_A", "a")
	requireToken(t, p, "a")
	requireCode(t, tokenprovider.Env(), tokenprovider.CodeNotConfigured)

	names := []string{"PROVISIONKIT_TEST_A"}
	p = tokenprovider.Env(names...)
	names[0] = "PROVISIONKIT_TEST_B"
	requireToken(t, p, "a") // the names are its own
}

func TestFileIsReadAtEachCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	p := tokenprovider.File(path)
	require.ErrorContains(t, requireCode(t, p, tokenprovider.CodeNotConfigured), path)
	require.NoError(t, os.WriteFile(path, []byte(" \n\t"), 0o600))
	require.ErrorContains(t, requireCode(t, p, tokenprovider.CodeNotConfigured), "empty")
	require.NoError(t, os.WriteFile(path, []byte("  first\r\n"), 0o600))
	requireToken(t, p, "first")
	require.NoError(t, os.WriteFile(path, []byte("second"), 0o600))
	requireToken(t, p, "second")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 64<<10)), 0o600))
	requireToken(t, p, strings.Repeat("x", 64<<10))
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 64<<10+1)), 0o600))
	require.ErrorContains(t, requireCode(t, p, tokenprovider.CodeInternal), "larger than")

	require.ErrorContains(t, requireCode(t, tokenprovider.File(""), tokenprovider.CodeNotConfigured), "no path")
	requireCode(t, tokenprovider.File(t.TempDir()), tokenprovider.CodeUnavailable)
}

func TestFallbackMovesOnOnlyAtNotConfigured(t *testing.T) {
	missing := tokenprovider.Static("")
	broken := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, coded(tokenprovider.CodeForbidden, "suspended")
	})
	brokenBelow := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnavailable,
			Err: tokenprovider.ErrNotConfigured}
	})
	broad := tokenprovider.Static("broad")

	requireToken(t, tokenprovider.Fallback(missing, nil, broad), "broad")
	requireCode(t, tokenprovider.Fallback(broken, broad), tokenprovider.CodeForbidden)
	requireCode(t, tokenprovider.Fallback(brokenBelow, broad), tokenprovider.CodeUnavailable)
	requireCode(t, tokenprovider.Fallback(missing, broken), tokenprovider.CodeForbidden)
	err := requireCode(t, tokenprovider.Fallback(missing,
		tokenprovider.Env("PROVISIONKIT_TEST_UNSET")), tokenprovider.CodeNotConfigured)
	require.ErrorContains(t, err, "PROVISIONKIT_TEST_UNSET")
	requireCode(t, tokenprovider.Fallback(), tokenprovider.CodeNotConfigured)
}

func TestFallbackPassesInvalidateOnAndHasTheStatusOfWhatIsUsed(t *testing.T) {
	absent := tokenprovider.NewCache(nil, &tokenprovider.CacheOptions{Name: "absent"})
	used := tokenprovider.NewCache(tokenprovider.Static("t"),
		&tokenprovider.CacheOptions{Name: "used", Settle: -1})
	p := tokenprovider.Fallback(absent, used)
	requireToken(t, p, "t")
	status, ok := tokenprovider.StatusOf(p)
	require.True(t, ok)
	require.Equal(t, "used", status.Name)
	require.True(t, tokenprovider.Invalidate(p, "t"))
	require.False(t, tokenprovider.Invalidate(p, "t"))

	told := &fixed{}
	tokenprovider.Invalidate(tokenprovider.Fallback(&broken{does: func() {}}, told), "t")
	require.Equal(t, []string{"t"}, told.invalidated)

	status, ok = tokenprovider.StatusOf(tokenprovider.Fallback(absent))
	require.True(t, ok)
	require.Equal(t, "absent", status.Name)
}

func TestMinTTLTravelsInTheContext(t *testing.T) {
	ctx := t.Context()
	require.Zero(t, tokenprovider.MinTTL(ctx))
	asked := tokenprovider.WithMinTTL(ctx, time.Minute)
	require.Equal(t, time.Minute, tokenprovider.MinTTL(asked))
	require.Zero(t, tokenprovider.MinTTL(tokenprovider.WithMinTTL(asked, 0)))
	require.Zero(t, tokenprovider.MinTTL(tokenprovider.WithMinTTL(asked, -time.Hour)))
}
