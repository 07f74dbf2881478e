package redisstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

const valueKey = "provisionkit:forge/42"

func TestNoTokenIsInClearInRedis(t *testing.T) {
	s, f := startRedis(t), newForge(t, time.Hour, 0)
	client := s.client(t)
	token, _, err := shared(mintAt(f.URL), client, 0, nil).Token(t.Context())
	require.NoError(t, err)
	again, _, err := shared(mintAt(f.URL), client, 0, nil).Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, token, again, "it is in Redis")
	require.NoError(t, client.Set(t.Context(), "control", "what is in clear is found", 0).Err())

	require.NoError(t, client.Save(t.Context()).Err())
	file, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	require.NoError(t, err)
	require.Contains(t, string(file), valueKey)
	require.Contains(t, string(file), "what is in clear is found")
	secrets := append(f.secrets(), string(sealKey(1)))
	require.Empty(t, testutil.Leak(string(file), secrets...))

	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	for _, key := range keys {
		dump, err := client.Dump(t.Context(), key).Result()
		require.NoError(t, err)
		require.Empty(t, testutil.Leak(key+dump, secrets...))
	}
}

func TestAValueInRedisThatCannotBeOpenedIsAbsentAndLogged(t *testing.T) {
	s := startRedis(t)
	client := s.client(t)
	for name, spoil := range map[string]func(context.Context) error{
		"another seal key": func(ctx context.Context) error {
			return seed(ctx, client, "forge/42", sealKey(2))
		},
		"swapped with another key": func(ctx context.Context) error {
			if err := seed(ctx, client, "forge/43", sealKey(1)); err != nil {
				return err
			}
			return client.Rename(ctx, "provisionkit:forge/43", valueKey).Err()
		},
		"truncated": func(ctx context.Context) error {
			value, err := client.Get(ctx, valueKey).Result()
			if err != nil {
				return err
			}
			return client.Set(ctx, valueKey, value[:len(value)/2], time.Hour).Err()
		},
		"changed": func(ctx context.Context) error {
			return client.SetRange(ctx, valueKey, 20, "x").Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, client.FlushAll(t.Context()).Err())
			f := newForge(t, time.Hour, 0)
			output := testutil.NewCapture(t, string(sealKey(1)))
			_, _, err := shared(mintAt(f.URL), client, 0, nil).Token(t.Context())
			require.NoError(t, err)
			require.NoError(t, spoil(t.Context()))

			token, _, err := shared(mintAt(f.URL), client, 0, output.Logger()).Token(t.Context())
			output.Secret(f.secrets()...)
			require.NoError(t, err)
			require.Equal(t, f.secrets()[1], token, "a new one")
			require.Contains(t, output.String(), "stored token can't be used")
			require.Contains(t, output.String(), `"key":"forge/42"`)

			again, _, err := shared(mintAt(f.URL), client, 0, nil).Token(t.Context())
			require.NoError(t, err)
			require.Equal(t, token, again, "the new one took its place")
		})
	}
}

// seed stores a token of another source.
func seed(ctx context.Context, client redis.UniversalClient, key string, sealKeys ...[]byte) error {
	p := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "planted", time.Now().Add(time.Hour), nil
	})
	if err := client.Del(ctx, "provisionkit:"+key).Err(); err != nil {
		return err
	}
	s, err := tokenprovider.NewShared(p, redisstore.New(client, nil),
		tokenprovider.SharedOptions{Key: key, SealKeys: sealKeys})
	if err != nil {
		return err
	}
	_, _, err = s.Token(ctx)
	return err
}

func TestWhatIsOfAnotherTypeInRedisCostsMintsUntilItIsRemoved(t *testing.T) {
	client := startRedis(t).client(t)
	f := newForge(t, time.Hour, 0)
	output := testutil.NewCapture(t)
	mint := func() {
		_, _, err := shared(mintAt(f.URL), client, 0, output.Logger()).Token(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, client.LPush(t.Context(), valueKey, "a list").Err())
	mint()
	mint()
	require.Equal(t, int64(2), f.mints.Load())
	require.Contains(t, output.String(), "WRONGTYPE")
	require.NoError(t, client.Del(t.Context(), valueKey).Err())
	mint()
	mint()
	require.Equal(t, int64(3), f.mints.Load())
}
