package tokenhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// With BearerFile the bearer stays out of the environment; the plan has the
// file to write.
func ExampleNewMutator() {
	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	mutator, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL:    "https://platform.example",
		Key:        key,
		BearerFile: "/run/provisionkit/bearer",
	})
	if err != nil {
		panic(err)
	}
	registry := provisionhook.NewRegistry()
	registry.Register(mutator)
	plan, err := registry.Plan(context.Background(), "ws-1", nil)
	if err != nil {
		panic(err)
	}
	for _, entry := range plan.Environ() {
		fmt.Println(entry)
	}
	for path := range plan.Files {
		fmt.Println("file", path)
	}
	// Output:
	// PROVISIONKIT_BEARER_FILE=/run/provisionkit/bearer
	// PROVISIONKIT_URL=https://platform.example/workspaces/ws-1/token
	// file /run/provisionkit/bearer
}

// A Cache over the Client asks the platform only when a token is running out.
func ExampleClient() {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked by", r.UserAgent())
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w,
			`{"token":"example-token","expires_at":"2099-01-01T00:00:00Z","username":"x-access-token"}`)
	}))
	defer platform.Close()

	cache := tokenprovider.NewCache(&tokenhttp.Client{
		URL: platform.URL + "/workspaces/ws-1/token",
		// File or Env in a real workspace: they see a rotated one
		Bearer:    tokenprovider.Static("the-bearer"),
		UserAgent: "my-agent/1.0",
	}, nil)
	for range 3 {
		token, _, err := cache.Token(context.Background())
		fmt.Println(token, err)
	}
	// Output:
	// asked by my-agent/1.0
	// example-token <nil>
	// example-token <nil>
	// example-token <nil>
}
