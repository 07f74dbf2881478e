package oauth2token_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
)

// BenchmarkCached compares a cached read with that of a bare Cache.
func BenchmarkCached(b *testing.B) {
	f, _, p := signedIn(b)
	f.token(b, p)
	bare := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "token", time.Now().Add(2 * time.Hour), nil
	}), nil)
	for _, c := range []struct {
		name string
		p    tokenprovider.TokenProvider
	}{{"bare Cache", bare}, {"Provider", p}} {
		b.Run(c.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.p.Token(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStatus asks for that of everybody's tokens.
func BenchmarkStatus(b *testing.B) {
	for _, people := range []int{10, 10_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			f := newForge(b)
			u := newUsers(b, f, tokenprovidertest.NewStore())
			for n := range people {
				_, _, err := u.WorkspaceToken(ownedBy(b.Context(), fmt.Sprint(n)), "ws-1")
				require.Error(b, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if u.Status().Of != people {
					b.Fatal("somebody is missing")
				}
			}
		})
	}
}

// A cached read costs what that of the Cache inside costs: no lock, no
// allocation.
func TestACachedReadAllocatesNothing(t *testing.T) {
	f, _, p := signedIn(t)
	f.token(t, p)
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _, _ = p.Token(ctx) }))
}
