// Command platform is a server that starts workspaces in which git keeps working: the wiring to copy. GitHub is the real
// one when GITHUB_APP_ID and its companions are set, and otherwise a fake one. README.md says how to use it.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/provisionhook"
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
	endpoint, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL: cmp.Or(os.Getenv("PLATFORM_URL"), "http://"+listener.Addr().String()), Key: key,
	})
	if err != nil {
		return fmt.Errorf("PLATFORM_URL: %w", err)
	}
	getenv, which := os.Getenv, "the real one, of the App in the environment"
	if _, err := githubapp.OptionsFromEnv(getenv); errors.Is(err, tokenprovider.ErrNotConfigured) {
		fakeEnv, stop, err := fakeGitHub()
		if err != nil {
			return err
		}
		defer stop()
		getenv, which = fakeEnv, "a fake one, because no GITHUB_APP_ID is set"
	}
	log.Info("GitHub is " + which)
	opts, optsErr := githubapp.OptionsFromEnv(getenv)
	id, idErr := githubapp.InstallationIDFromEnv(getenv)
	if err := cmp.Or(optsErr, idErr); err != nil {
		return err
	}
	app, err := githubapp.New(opts)
	if err != nil {
		return err
	}

	// Plugins register here. The provisioner and the router get the registry and don't know which there are.
	plugins := provisionhook.NewRegistry(provisionhook.Protect("PATH", "LD_*", "WORKSPACE_ID"))
	git, err := gitcredential.NewMutator(nil)
	if err != nil {
		return err
	}
	plugins.Register(githubapp.NewMutator(app.Installation(id), nil), endpoint, git)
	log.Info("plugins are registered", slog.Any("mutators", plugins.Describe()))
	if _, _, err := plugins.FirstTokenProvider().Token(ctx); err != nil { // a wrong key shows now, not with the first workspace
		return err
	}
	admin := tokenhttp.AdminToken(secret("PLATFORM_ADMIN_TOKEN"))
	tokens, tokensErr := tokenhttp.NewHandler(tokenhttp.FirstProvider(plugins), tokenhttp.AnyOf(key, admin), &tokenhttp.Options{Logger: log})
	status, statusErr := tokenhttp.StatusHandler(plugins, admin)
	if err := cmp.Or(tokensErr, statusErr); err != nil {
		return err
	}
	mux := http.NewServeMux()
	tokens.Mount(mux)
	mux.Handle("/admin/status", status)
	mux.Handle("/healthz", tokenhttp.HealthHandler(plugins))
	mux.Handle("POST /workspaces/{id}", provisioner(plugins, admin, log))

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

// secret is what the variable holds, or else one that nobody knows: without PLATFORM_KEY the bearers of workspaces end with
// this process, and without PLATFORM_ADMIN_TOKEN there is no administrator.
func secret(name string) string { return cmp.Or(os.Getenv(name), rand.Text()+rand.Text()) }

// provisioner starts workspaces for administrators. It answers with the environment of the new one, as JSON or as a script
// for a shell; a platform would hand that to its container runtime.
func provisioner(plugins *provisionhook.Registry, admin tokenhttp.Authenticator, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := admin.Authenticate(r); err != nil {
			http.Error(w, "for administrators only", http.StatusUnauthorized)
			return
		}
		id := r.PathValue("id")
		plan, err := plugins.Plan(r.Context(), id, map[string]string{"WORKSPACE_ID": id})
		if err != nil {
			log.Error("a workspace can't start", "workspace", id, "error", err)
			http.Error(w, "the workspace can't start: see the platform's log", http.StatusInternalServerError)
			return
		}
		log.Info("a workspace starts", "workspace", id, "plan", plan)
		w.Header().Set("Cache-Control", "no-store")
		if r.Header.Get("Accept") != "text/x-shellscript" {
			_ = json.NewEncoder(w).Encode(plan.Environ())
			return
		}
		for name, value := range plan.Env { // to be that workspace in a shell
			fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
}

// fakeGitHub starts a GitHub of our own. Its App is configured in getenv as the real one is in the environment.
func fakeGitHub() (getenv func(string) string, stop func(), err error) {
	fake, err := githubapptest.NewServer(nil)
	if err != nil {
		return nil, nil, err
	}
	app, err := fake.SetUp("acme/widgets")
	if err != nil {
		fake.Close()
		return nil, nil, err
	}
	env := map[string]string{
		"GITHUB_APP_ID": fmt.Sprint(app.AppID), "GITHUB_APP_INSTALLATION_ID": fmt.Sprint(app.InstallationID),
		"GITHUB_APP_PRIVATE_KEY": string(app.PrivateKey()), "GITHUB_API_URL": fake.URL,
	}
	return func(name string) string { return env[name] }, fake.Close, nil
}
