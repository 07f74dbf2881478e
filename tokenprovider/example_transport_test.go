package tokenprovider_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// An HTTP client whose requests to one host have a live token, hour after hour.
func ExampleTransport() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization") == "Bearer s3cret")
	}))
	defer api.Close()

	mint := func(ctx context.Context) (string, time.Time, error) {
		return "s3cret", time.Now().Add(time.Hour), nil
	}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), nil)
	client := &http.Client{Transport: &tokenprovider.Transport{
		Provider: tokens,
		Hosts:    []string{api.Listener.Addr().String()}, // in real life: api.github.com
	}}

	resp, err := client.Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	fmt.Println("authenticated:", string(answer))
	// Output: authenticated: true
}
