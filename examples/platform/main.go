// Command platform is a server that starts workspaces in which git keeps
// working. This file is the wiring to copy, and README.md says how to use it.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := run(ctx, log); err != nil {
		log.Error("the platform can't go on", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("PLATFORM_ADDR"), "127.0.0.1:8080"))
	if err != nil {
		return fmt.Errorf("PLATFORM_ADDR: %w", err)
	}
	key, err := tokenhttp.NewWorkspaceKey([]byte(secret("PLATFORM_KEY")))
	if err != nil {
		return fmt.Errorf("PLATFORM_KEY: %w", err)
	}
	getenv, stop, err := findGitHub(log)
	if err != nil {
		return err
	}
	defer stop()
	opts, err := githubapp.OptionsFromEnv(getenv)
	if err != nil {
		return err
	}
	app, err := githubapp.New(opts)
	if err != nil {
		return err
	}
	github, err := githubTokens(app, getenv)
	if err != nil {
		return err
	}

	// Plugins register here. What follows doesn't know which they are.
	plugins := provisionhook.NewRegistry(provisionhook.Protect("PATH", "LD_*", "WORKSPACE_ID"))
	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{
		OnFailure:   gitcredential.Quit, // an agent would wait at git's prompt for ever
		UseHTTPPath: true,               // so that the platform learns which repository a token is for
	})
	if err != nil {
		return err
	}
	plugins.Register(github, githubapp.NewIdentityMutator(app), git)
	return serve(ctx, log, listener, plugins, key)
}

// serve runs the platform until ctx ends, with whatever plugins there are.
func serve(
	ctx context.Context, log *slog.Logger, listener net.Listener,
	plugins *provisionhook.Registry, key *tokenhttp.WorkspaceKey,
) error {
	tokensOf := tokenhttp.FirstProvider(plugins)
	if plugins.FirstWorkspaceTokenProvider() != nil {
		tokensOf = tokenhttp.PerWorkspace(plugins)
	}
	admin, adminErr := tokenhttp.AdminToken(secret("PLATFORM_ADMIN_TOKEN"))
	auth, authErr := tokenhttp.AnyOf(key, admin)
	if err := cmp.Or(adminErr, authErr); err != nil {
		return err
	}
	running := &workspaces{}
	tokens, tokensErr := tokenhttp.NewHandler(tokensOf, auth, &tokenhttp.Options{Admit: running.admit, Logger: log})
	status, statusErr := statuspage.New(plugins, admin)
	if err := cmp.Or(tokensErr, statusErr); err != nil {
		return err
	}
	endpoint, err := tokens.Mutator(tokenhttp.MutatorOptions{
		BaseURL: cmp.Or(os.Getenv("PLATFORM_URL"), "http://"+listener.Addr().String()), Key: key,
	})
	if err != nil {
		return fmt.Errorf("PLATFORM_URL: %w", err)
	}
	plugins.Register(endpoint)
	log.Info("plugins are registered", slog.Any("mutators", plugins.Describe()))
	if p := plugins.FirstTokenProvider(); p != nil { // else each workspace has its own
		_, _, err := p.Token(ctx)
		if e, ok := errors.AsType[*tokenprovider.Error](err); ok && !e.Retryable() {
			return err // a wrong key shows now, not with the first workspace
		}
		if err != nil {
			log.Warn("no token can be had: the platform starts without one, and is unhealthy", "error", err)
		}
		go keepAsking(ctx, log, p, tokenprovider.CodeOf(err))
	}
	mux := http.NewServeMux()
	tokens.Mount(mux)
	mux.Handle("/admin/status", status)
	mux.Handle("/healthz", statuspage.Health(plugins))
	mux.Handle("POST /workspaces/{id}", running.starter(plugins, admin, log))
	mux.Handle("DELETE /workspaces/{id}", running.releaser(plugins, admin, log))

	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		log.Info("shutting down")
		bounded, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(bounded) // lets it finish what it has begun
	})
	log.Info("listening", "addr", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// keepAsking asks p for its token every second, which reaches GitHub only when
// a new one is due, and logs when the answer is another than last. The health
// check goes by what the last request brought, so somebody has to ask.
func keepAsking(
	ctx context.Context, log *slog.Logger, p tokenprovider.TokenProvider, last tokenprovider.Code,
) {
	for tick := time.Tick(time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		_, _, err := p.Token(ctx)
		code := tokenprovider.CodeOf(err)
		switch {
		case code == last:
		case err == nil:
			log.Info("a token can be had again")
		default:
			log.Warn("no token can be had", "error", err)
		}
		last = code
	}
}

// secret returns what the variable holds, or else what nobody knows: without
// PLATFORM_KEY the bearers of workspaces end with this process, and without
// PLATFORM_ADMIN_TOKEN there is no administrator.
func secret(name string) string { return cmp.Or(os.Getenv(name), rand.Text()+rand.Text()) }
