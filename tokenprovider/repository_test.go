package tokenprovider_test

import (
	"context"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestARepositoryTravelsInOneForm(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	require.Empty(t, tokenprovider.Repository(ctx))
	for given, want := range map[string]string{
		"Acme": "acme", "Acme/Widgets.git": "acme/widgets", "Acme/../Evil/x.git": "Acme/../Evil/x.git",
	} {
		asked := tokenprovider.WithRepository(ctx, given)
		require.Equal(t, want, tokenprovider.Repository(asked))
		require.Empty(t, tokenprovider.Repository(tokenprovider.WithRepository(asked, "")))
	}
	require.Equal(t, ctx, tokenprovider.WithRepository(ctx, ""))
}

func TestWhatKeepsOneTokenForAllAsksForNoRepository(t *testing.T) {
	t.Parallel()
	var asked []string
	provider := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		asked = append(asked, tokenprovider.Repository(ctx))
		return "a-token", time.Now().Add(time.Hour), nil
	})
	shared, err := tokenprovider.NewShared(provider, tokenprovidertest.NewStore(), tokenprovider.SharedOptions{
		Key: "token", SealKeys: [][]byte{make([]byte, 32)},
	})
	require.NoError(t, err)
	ctx := tokenprovider.WithRepository(t.Context(), "acme/widgets")
	for name, p := range map[string]tokenprovider.TokenProvider{
		"a Cache": tokenprovider.NewCache(provider, nil), "a Shared": shared,
	} {
		asked = nil
		_, _, err := p.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, []string{""}, asked, name)
	}
}
