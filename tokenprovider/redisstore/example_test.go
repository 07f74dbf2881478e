package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/redisstore"
	"github.com/redis/go-redis/v9"
)

// The replicas of a service share their tokens through Redis. Nothing listens
// at this address, which costs what it costs at any outage of Redis: a mint.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{
		Addr:                  "127.0.0.1:1",
		ContextTimeoutEnabled: true, // so that a call that was given up ends
		MaxRetries:            -1,
		DialerRetries:         1,
	})
	defer client.Close()
	sealKey := make([]byte, 32) // in production a secret that all replicas have
	_, _ = rand.Read(sealKey)

	mint := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		return "s3cret", time.Now().Add(time.Hour), nil
	})
	shared, err := tokenprovider.NewShared(mint, redisstore.New(client, nil), tokenprovider.SharedOptions{
		Key:      "my-forge/account-42",
		SealKeys: [][]byte{sealKey},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens := tokenprovider.NewCache(shared, nil)
	token, _, err := tokens.Token(context.Background())
	fmt.Println(token, err)
	// Output: s3cret <nil>
}
