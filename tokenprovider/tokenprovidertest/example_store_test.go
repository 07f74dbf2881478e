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
	first, second := []byte("first"), []byte("second")
	fmt.Println(store.Swap(ctx, "key", nil, first, time.Minute))
	fmt.Println(store.Swap(ctx, "key", nil, second, time.Minute)) // there is one already
	fmt.Println(store.Swap(ctx, "key", first, second, time.Minute))
	value, err := store.Load(ctx, "key")
	fmt.Println(string(value), err)
	// Output:
	// true <nil>
	// false <nil>
	// true <nil>
	// second <nil>
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
