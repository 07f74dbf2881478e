package provisionhook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
)

// Editor is a mutator as a plugin implements it: two methods, and nothing to
// import.
type Editor struct{ Command string }

func (*Editor) Name() string { return "editor" }

func (e *Editor) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	env["EDITOR"] = e.Command
	return nil
}

// Vault is a mutator that can do more: it provides tokens, contributes a file,
// and has leases to give back.
type Vault struct{}

func (*Vault) Name() string { return "vault" }

func (*Vault) MutateEnv(_ context.Context, workspaceID string, env map[string]string) error {
	env["VAULT_CONFIG"] = "/etc/vault/config"
	return nil
}

func (*Vault) MutateFiles(_ context.Context, workspaceID string, files map[string][]byte) error {
	files["/etc/vault/config"] = []byte("workspace = " + workspaceID + "\n")
	return nil
}

func (*Vault) Token(context.Context) (string, time.Time, error) {
	return "s.aLongLivedSecret", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), nil
}

func (*Vault) ReleaseWorkspace(_ context.Context, workspaceID string) error {
	fmt.Println("the lease of", workspaceID, "is revoked")
	return nil
}

var (
	_ provisionhook.EnvMutator    = (*Vault)(nil)
	_ provisionhook.FileMutator   = (*Vault)(nil)
	_ provisionhook.TokenProvider = (*Vault)(nil)
	_ provisionhook.Releaser      = (*Vault)(nil)
)

// A platform registers what its plugins bring, and runs it each time that a
// workspace starts.
func Example() {
	var reg provisionhook.Registry
	reg.Register(&Editor{Command: "vi"})

	env := map[string]string{"HOME": "/home/dev"}
	if err := reg.Run(context.Background(), "ws-1", env); err != nil {
		fmt.Println(err)
	}
	fmt.Println(env)
	// Output: map[EDITOR:vi HOME:/home/dev]
}

// Whatever goes wrong, the map is what it was, and the error says who it was.
func ExampleRegistry_Run() {
	var reg provisionhook.Registry
	reg.Register(
		&Editor{Command: "vi"},
		provisionhook.Func("quota", func(_ context.Context, _ string, env map[string]string) error {
			delete(env, "HOME")
			return errors.New("no quota left")
		}),
	)

	env := map[string]string{"HOME": "/home/dev"}
	err := reg.Run(context.Background(), "ws-1", env)
	fmt.Println(err)
	if failed, ok := errors.AsType[*provisionhook.MutatorError](err); ok {
		fmt.Println("for the user: plugin", failed.Mutator, "failed")
	}
	fmt.Println(env)
	// Output:
	// provisionhook "quota": no quota left
	// for the user: plugin quota failed
	// map[HOME:/home/dev]
}

// Plan says who changed what, without touching anything. It doesn't print
// values.
func ExampleRegistry_Plan() {
	reg := provisionhook.NewRegistry(provisionhook.Protect("PATH", "PLATFORM_*"))
	reg.Register(&Editor{Command: "vi"}, &Vault{})

	plan, err := reg.Plan(context.Background(), "ws-1",
		map[string]string{"EDITOR": "ed", "PLATFORM_ID": "7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.Changes {
		fmt.Printf("%s: %s %s\n", c.Mutator, c.Kind, c.Key)
	}
	fmt.Println(plan)

	// A platform writes the files with mode 0600 from their creation on.
	root, _ := os.MkdirTemp("", "workspace")
	defer os.RemoveAll(root)
	for path, content := range plan.Files {
		path = filepath.Join(root, path)
		_ = os.MkdirAll(filepath.Dir(path), 0o700)
		fmt.Println("written:", os.WriteFile(path, content, 0o600) == nil)
	}
	// Output:
	// editor: override EDITOR
	// vault: set VAULT_CONFIG
	// provisionhook.Plan{Env: ["EDITOR" "PLATFORM_ID" "VAULT_CONFIG"], Files: ["/etc/vault/config"], Changes: [{Mutator:editor Key:EDITOR Kind:override Previous:} {Mutator:vault Key:VAULT_CONFIG Kind:set Previous:}], FileChanges: [{Mutator:vault Key:/etc/vault/config Kind:set Previous:}]}
	// written: true
}

// Environ is what os/exec takes.
func ExamplePlan_Environ() {
	var reg provisionhook.Registry
	reg.Register(&Editor{Command: "vi"})
	plan, _ := reg.Plan(context.Background(), "ws-1", map[string]string{"HOME": "/home/dev"})
	fmt.Println(plan.Environ())
	// Output: [EDITOR=vi HOME=/home/dev]
}

// The policy of a platform: what is its own stays its own, plugins don't
// overwrite each other, and what they write can be passed on.
func ExampleNewRegistry() {
	reg := provisionhook.NewRegistry(
		provisionhook.Protect("PATH", "PLATFORM_*", "LD_*"),
		provisionhook.NoOverride("GIT_CONFIG_*"),
		provisionhook.PortableNames(),
		provisionhook.MaxSize(131072, 1<<20),
	)
	reg.Register(
		&Editor{Command: "vi"},
		provisionhook.Func("theme", func(_ context.Context, _ string, env map[string]string) error {
			env["EDITOR"] = "emacs"
			return nil
		}),
	)
	fmt.Println(reg.Run(context.Background(), "ws-1", map[string]string{}))
	// Output: provisionhook "theme": override of "EDITOR" refused: mutator "editor" has set it
}

// A rule of a platform's own: what the user has set is the user's.
func ExampleCheck() {
	keepTheUsers := func(c provisionhook.Change, env map[string]string) error {
		if c.Kind != provisionhook.KindSet && c.Previous == "" {
			return errors.New("the user has set it")
		}
		return nil
	}
	reg := provisionhook.NewRegistry(keepTheUsers)
	reg.Register(&Editor{Command: "vi"})
	fmt.Println(reg.Run(context.Background(), "ws-1", map[string]string{"EDITOR": "emacs"}))
	// Output: provisionhook "editor": override of "EDITOR" refused: the user has set it
}

func ExampleProtect() {
	reg := provisionhook.NewRegistry(provisionhook.Protect("EDITOR"))
	reg.Register(&Editor{Command: "vi"})
	fmt.Println(reg.Run(context.Background(), "ws-1", map[string]string{}))
	// Output: provisionhook "editor": set of "EDITOR" refused: the platform protects it from all mutators
}

func ExampleMaxSize() {
	reg := provisionhook.NewRegistry(provisionhook.MaxSize(16, 0))
	reg.Register(&Editor{Command: "/usr/local/bin/code"})
	fmt.Println(reg.Run(context.Background(), "ws-1", map[string]string{}))
	// Output: provisionhook "editor": set of "EDITOR" refused: the variable has 27 bytes, at most 16 are allowed
}

// A workspace can do without its theme: it gets two seconds, and if it fails
// the workspace starts anyway.
func ExampleFailOpen() {
	theme := provisionhook.Func("theme",
		func(_ context.Context, _ string, env map[string]string) error {
			env["THEME_URL"] = "half-written"
			return errors.New("the theme service is down")
		})
	report := func(_ context.Context, workspaceID string, err error) {
		fmt.Println(workspaceID, "starts without:", err)
	}

	var reg provisionhook.Registry
	reg.Register(provisionhook.FailOpen(provisionhook.Timeout(theme, 2*time.Second), report),
		&Editor{Command: "vi"})
	env := map[string]string{}
	fmt.Println(reg.Run(context.Background(), "ws-1", env), env)
	// Output:
	// ws-1 starts without: provisionhook "theme": the theme service is down
	// <nil> map[EDITOR:vi]
}

// A mutator that honours its context ends when its time is over.
func ExampleTimeout() {
	slow := provisionhook.Func("slow", func(ctx context.Context, _ string, _ map[string]string) error {
		<-ctx.Done()
		return ctx.Err()
	})
	var reg provisionhook.Registry
	reg.Register(provisionhook.Timeout(slow, time.Millisecond))
	fmt.Println(reg.Run(context.Background(), "ws-1", map[string]string{}))
	// Output: provisionhook "slow": not done within 1ms: context deadline exceeded
}

func ExampleFunc() {
	region := provisionhook.Func("region",
		func(_ context.Context, workspaceID string, env map[string]string) error {
			env["REGION"] = "eu-west-1"
			return nil
		})
	var reg provisionhook.Registry
	reg.Register(region)
	env := map[string]string{}
	fmt.Println(reg.Run(context.Background(), "ws-1", env), env)
	// Output: <nil> map[REGION:eu-west-1]
}

// Forgetful is a mutator that is meant to provide tokens.
type Forgetful struct{ Editor }

func (*Forgetful) Token() (string, error) { return "s.aLongLivedSecret", nil }

// At boot a platform logs what it has, and what looks wrong.
func ExampleRegistry_Describe() {
	var reg provisionhook.Registry
	reg.Register(provisionhook.Timeout(&Vault{}, time.Second), &Forgetful{})

	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	for _, d := range reg.Describe() {
		logger.Info("mutator registered", slog.Any("mutator", d))
	}
	// Output:
	// {"level":"INFO","msg":"mutator registered","mutator":{"name":"vault","type":"provisionhook.Timeout(*provisionhook_test.Vault)","abilities":["TokenProvider","FileMutator","Releaser"]}}
	// {"level":"INFO","msg":"mutator registered","mutator":{"name":"editor","type":"*provisionhook_test.Forgetful","note":"no TokenProvider: method Token of *provisionhook_test.Forgetful is func() (string, error) and must be func(context.Context) (string, time.Time, error)"}}
}

// The provider is found through wrappers, and asked for a token when one is
// needed.
func ExampleRegistry_FirstTokenProvider() {
	var reg provisionhook.Registry
	reg.Register(&Editor{Command: "vi"}, provisionhook.Timeout(&Vault{}, time.Second))

	if p := reg.FirstTokenProvider(); p != nil {
		_, expiresAt, err := p.Token(context.Background())
		fmt.Println(expiresAt.Format(time.DateOnly), err)
	}
	// Output: 2030-01-01 <nil>
}

// A provider that the configuration names must be there.
func ExampleRegistry_LookupTokenProvider() {
	var reg provisionhook.Registry
	reg.Register(&Editor{Command: "vi"}, &Vault{})

	_, err := reg.LookupTokenProvider("vault")
	fmt.Println(err)
	_, err = reg.LookupTokenProvider("valut")
	fmt.Println(err)
	_, err = reg.LookupTokenProvider("editor")
	fmt.Println(err)
	// Output:
	// <nil>
	// provisionhook: no mutator is named "valut": registered are "editor", "vault"
	// provisionhook: mutator "editor" is no TokenProvider: it is "editor" (*provisionhook_test.Editor)
}

// When a workspace is gone, what was made for it is given back.
func ExampleRegistry_Release() {
	var reg provisionhook.Registry
	reg.Register(&Editor{Command: "vi"}, &Vault{})
	fmt.Println(reg.Release(context.Background(), "ws-1"))
	// Output:
	// the lease of ws-1 is revoked
	// <nil>
}

// An interface of anyone's is found through wrappers, without this package
// knowing it.
func ExampleAs() {
	type versioner interface{ Version() string }
	m := provisionhook.FailOpen(&versioned{}, nil)
	if v, ok := provisionhook.As[versioner](m); ok {
		fmt.Println(m.Name(), v.Version())
	}
	// Output: editor v1.2.3
}

type versioned struct{ Editor }

func (*versioned) Version() string { return "v1.2.3" }

// A platform that knows more of a workspace than its id tells mutators through
// the context.
func ExampleWithWorkspace() {
	role := provisionhook.Func("role",
		func(ctx context.Context, _ string, env map[string]string) error {
			if ws, ok := provisionhook.WorkspaceFrom(ctx); ok {
				env["ROLE"] = ws.Labels["role"]
			}
			return nil
		})
	var reg provisionhook.Registry
	reg.Register(role)

	ctx := provisionhook.WithWorkspace(context.Background(), provisionhook.Workspace{
		ID: "ws-1", Owner: "team-a", Labels: map[string]string{"role": "reviewer"},
	})
	env := map[string]string{}
	fmt.Println(reg.Run(ctx, "ws-1", env), env)
	// Output: <nil> map[ROLE:reviewer]
}
