package githubapp

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

func TestAWorkspaceIsRememberedForItsLatestTokens(t *testing.T) {
	r := &replicas{store: tokenprovidertest.NewStore(), log: slog.New(slog.DiscardHandler)}
	before := make([]entry, workspaceMemory)
	for n := range before {
		before[n] = entry{Key: "key", Sealed: fmt.Append(nil, "token ", n), ExpiresAt: time.Now().Add(time.Hour)}
	}
	require.NoError(t, r.put(t.Context(), "place", before))
	s := &slot{replicas: r, key: "key", place: "place", generation: "generation", release: "release"}
	require.NoError(t, s.Save(t.Context(), "", []byte("newest"), time.Hour))
	entries, err := r.entries(t.Context(), "place")
	require.NoError(t, err)
	require.Len(t, entries, workspaceMemory)
	require.Equal(t, "newest", string(entries[0].Sealed))
	require.Equal(t, "token 0", string(entries[1].Sealed), "the oldest went")
}
