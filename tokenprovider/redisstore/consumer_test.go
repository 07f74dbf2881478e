package redisstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
)

func main() {
	store := redisstore.New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}), nil)
	shared, err := tokenprovider.NewShared(tokenprovider.Static("a token"), store, tokenprovider.SharedOptions{
		Key: "key", SealKeys: [][]byte{bytes.Repeat([]byte("k"), 32)},
	})
	if err != nil {
		panic(err)
	}
	token, _, err := shared.Token(context.Background())
	fmt.Println(token, err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideUsesTheStore(t *testing.T) {
	proxy := testutil.NewModuleProxy(t.TempDir())
	proxy.Publish(t, filepath.Join("..", ".."), "v0.1.0")
	path := proxy.Publish(t, ".", "v0.1.0")
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/redisstore", path)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module consumer.example\n\ngo 1.26.0\n\nrequire "+path+" v0.1.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(consumer), 0o600))
	require.Equal(t, "a token <nil>\n", proxy.Go(t, dir, "run", "."), "a store that is down costs no token")
}
