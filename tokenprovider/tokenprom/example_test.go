package tokenprom_test

import (
	"context"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprom"
	"github.com/prometheus/client_golang/prometheus"
)

func ExampleNewCollector() {
	mint := func(context.Context) (string, time.Time, error) {
		return "s3cret", time.Now().Add(time.Hour), nil
	}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), nil)
	_, _, _ = tokens.Token(context.Background())

	registry := prometheus.NewRegistry()
	reporters := map[string]tokenprovider.StatusReporter{"my-forge": tokens}
	registry.MustRegister(tokenprom.NewCollector(reporters))
	families, err := registry.Gather()
	for _, f := range families {
		fmt.Println(f.GetName())
	}
	fmt.Println(err)
	// Output:
	// provisionkit_token_age_seconds
	// provisionkit_token_expiry_timestamp_seconds
	// provisionkit_token_mints_total
	// provisionkit_token_refresh_failures_total
	// provisionkit_token_state
	// <nil>
}
