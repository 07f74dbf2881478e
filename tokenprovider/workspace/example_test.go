package workspace_test

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace"
)

// plugin is one of the platform's: it has a token and nothing to write.
type plugin struct{ tokenprovider.TokenProvider }

func (plugin) Name() string                                               { return "example" }
func (plugin) MutateEnv(context.Context, string, map[string]string) error { return nil }

// The command answers git with the token of the platform that its environment
// names.
func ExampleCommand() {
	registry := provisionhook.NewRegistry()
	registry.Register(plugin{tokenprovider.Static("the-token")})
	admin, err := tokenhttp.AdminToken("the-bearer")
	if err != nil {
		panic(err)
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(registry), admin, nil)
	if err != nil {
		panic(err)
	}
	platform := httptest.NewServer(handler)
	defer platform.Close()

	env := map[string]string{
		"PROVISIONKIT_URL":    platform.URL + "/workspaces/ws-1/token",
		"PROVISIONKIT_BEARER": "the-bearer",
	}
	command := &workspace.Command{
		Args:   []string{"git-credential-provisionkit", "get"},
		Env:    func(name string) string { return env[name] },
		Stdin:  strings.NewReader("protocol=https\nhost=github.com\n\n"),
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}
	if code := command.Run(context.Background()); code != 0 {
		panic(code)
	}
	// Output:
	// username=x-access-token
	// password=the-token
}

// Main is for a program that is the command, or has it linked into itself under
// another name.
func ExampleMain() {
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{"git-credential-provisionkit", "capability"}
	if code := workspace.Main(); code != 0 {
		panic(code)
	}
	// Output:
	// version 0
	// capability authtype
}
