package tokenprovider_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
)

// Three replicas of a service share one token. In production the store is one
// that they all reach, such as that of package redisstore, and the seal key is
// a secret of their configuration.
func ExampleNewShared() {
	minted := 0
	mint := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		minted++
		return "s3cret", time.Now().Add(time.Hour), nil
	})
	store := tokenprovidertest.NewStore()
	sealKey := make([]byte, 32)
	_, _ = rand.Read(sealKey)

	for range 3 {
		shared, err := tokenprovider.NewShared(mint, store, tokenprovider.SharedOptions{
			Key:      "my-forge/account-42",
			SealKeys: [][]byte{sealKey},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		tokens := tokenprovider.NewCache(shared, nil)
		_, _, err = tokens.Token(context.Background())
		fmt.Println(err)
	}
	fmt.Println("minted:", minted)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// minted: 1
}
