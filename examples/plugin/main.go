// Command plugin shows how a platform uses a plugin that knows nothing of
// provisionkit: package broker, in the folder beside this file, imports the
// standard library only.
//
//	go run ./examples/plugin
//
// It needs no configuration: it starts a token broker of its own, whose tokens
// live for two seconds.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/examples/plugin/broker"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, issued := startBroker("platform-key")
	defer server.Close()
	plugin, err := broker.New(server.URL, "platform-key")
	if err != nil {
		return err
	}

	// At boot: register, and log what was registered. A plugin that isn't
	// what it should be shows here.
	reg := provisionhook.NewRegistry(provisionhook.Protect("PATH", "PLATFORM_*"))
	reg.Register(plugin)
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("mutators registered", slog.Any("mutators", reg.Describe()))

	// For each workspace: plan what its environment will be. A plan prints
	// names, never values.
	plan, err := reg.Plan(ctx, "ws-1", map[string]string{"PLATFORM_URL": "https://platform.example"})
	if err != nil {
		return err
	}
	for _, change := range plan.Changes {
		fmt.Printf("%s: %s %s\n", change.Mutator, change.Kind, change.Key)
	}

	// While workspaces run: the plugin's token, kept fresh. It is read all
	// the time, for longer than one token lives.
	tokens := tokenprovider.NewCache(reg.FirstTokenProvider(), nil)
	reads := 0
	for ends := time.Now().Add(readFor); time.Now().Before(ends); reads++ {
		if _, _, err := tokens.Token(ctx); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("%d reads in %s, %d tokens issued, state %s\n",
		reads, readFor, issued.Load(), tokens.Status().State)
	return nil
}

const (
	tokenLife = 2 * time.Second
	readFor   = tokenLife + tokenLife/4
)

// startBroker starts a token broker that knows one key, and returns it with the
// count of the tokens that it issued.
func startBroker(key string) (*httptest.Server, *atomic.Int64) {
	issued := new(atomic.Int64)
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"token": fmt.Sprintf("forge-token-%d", issued.Add(1)), "expires_at": time.Now().Add(tokenLife),
		})
	})), issued
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
