// This program is built as a module of its own, from outside, with README.md's snippets as packages beside it: it does
// what they say.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"consumer.example/gateway"
	"consumer.example/platform"
	"consumer.example/plugin"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

var (
	_ provisionhook.EnvMutator    = (*plugin.Packages)(nil)
	_ tokenprovider.TokenProvider = (*plugin.Packages)(nil)
)

func main() {
	if err := errors.Join(runGateway(context.Background()), runPlatform(context.Background()), runPlugin(context.Background())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func everyone(context.Context, tokenhttp.Principal) error { return nil }

// runGateway asks the snippet's gateway with the bearer of a workspace that its plugin wired, and without.
func runGateway(ctx context.Context) error {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		return err
	}
	defer github.Close()
	setup, err := github.SetUp("acme/widgets")
	if err != nil {
		return err
	}
	app := githubapp.Options{AppID: setup.AppID, PrivateKey: setup.PrivateKey(), BaseURL: github.URL}
	handler, wiring, err := gateway.New("https://git.example", app, setup.InstallationID, secret, everyone)
	if err != nil {
		return err
	}
	registry := provisionhook.NewRegistry()
	registry.Register(wiring)
	env := map[string]string{}
	if err := registry.Run(ctx, "ws-1", env); err != nil {
		return err
	}
	ask := func(bearer string) int {
		r := httptest.NewRequestWithContext(ctx, "PUT", "/api/v3/repos/acme/widgets/contents/a", http.NoBody)
		r.Host = env["GH_HOST"]
		r.Header.Set("Authorization", "token "+bearer)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	fmt.Println("gateway: a branch that the API moves:", ask(env["GH_ENTERPRISE_TOKEN"]), "and without a bearer:", ask("x"))
	return nil
}

// runPlatform pulls a token as a workspace of the snippet's platform.
func runPlatform(ctx context.Context) error {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		return err
	}
	defer github.Close()
	setup, err := github.SetUp("acme/widgets")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	app := githubapp.Options{AppID: setup.AppID, PrivateKey: setup.PrivateKey(), BaseURL: github.URL}
	registry, err := platform.Mount(mux, server.URL, app, setup.InstallationID, secret, everyone)
	if err != nil {
		return err
	}
	env := map[string]string{}
	if err := registry.Run(ctx, "ws-1", env); err != nil {
		return err
	}
	client := &tokenhttp.Client{URL: env["PROVISIONKIT_URL"], Bearer: tokenprovider.Static(env["PROVISIONKIT_BEARER"])}
	token, _, err := client.Token(ctx)
	if err != nil {
		return err
	}
	fmt.Println("platform: the workspace pulled a token, and has none in its environment:", token != "" && env["GH_TOKEN"] == "")
	return nil
}

// runPlugin reads a token of the snippet's plugin, many times, through a registry and a cache.
func runPlugin(ctx context.Context) error {
	fetches := 0
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches++
		_, _ = io.WriteString(w, `{"token":"npm-1","expires_at":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`)
	}))
	defer service.Close()
	registry := provisionhook.NewRegistry()
	registry.Register(&plugin.Packages{Registry: "https://packages.example", TokenURL: service.URL})
	env := map[string]string{}
	if err := registry.Run(ctx, "ws-1", env); err != nil {
		return err
	}
	cache := tokenprovider.NewCache(registry.FirstTokenProvider(), nil)
	for range 1000 {
		if _, _, err := cache.Token(ctx); err != nil {
			return err
		}
	}
	fmt.Println("plugin:", env["NPM_CONFIG_REGISTRY"], "and", fetches, "fetch for 1000 reads")
	return nil
}
