package tokenprovidertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
)

func ExampleNewStore() {
	ctx := context.Background()
	store := tokenprovidertest.NewStore()
	_ = store.Save(ctx, "key", []byte("value"), time.Minute)
	value, err := store.Load(ctx, "key")
	fmt.Println(string(value), err)

	unlock, ok, err := store.TryLock(ctx, "key", time.Minute)
	fmt.Println(ok, err)
	_, ok, err = store.TryLock(ctx, "key", time.Minute)
	fmt.Println(ok, err)
	fmt.Println(unlock(ctx))
	// Output:
	// value <nil>
	// true <nil>
	// false <nil>
	// <nil>
}

func ExampleRunStore() {
	var t *testing.T // the parameter of a test function

	contract := func() {
		tokenprovidertest.RunStore(t, func(t *testing.T) tokenprovider.Store {
			return tokenprovidertest.NewStore() // or one of your own
		})
	}
	_ = contract // run by go test
	// Output:
}
