// Command workspace-image prints the environment of a workspace as the lines of
// an environment file. It is the platform's side of the images in this folder.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

func main() {
	inline := flag.Bool("inline", false, "for an image without git-credential-provisionkit")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: workspace-image [-inline] WORKSPACE > FILE")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Getenv, flag.Arg(0), *inline); err != nil {
		fmt.Fprintln(os.Stderr, "workspace-image:", err)
		os.Exit(1)
	}
}

// run writes the environment of a new workspace: where it gets its tokens, as
// whom, and a git that asks there.
func run(w io.Writer, getenv func(string) string, workspaceID string, inline bool) error {
	list := cmp.Or(getenv(gitcredential.EnvHosts), gitcredential.DefaultHost)
	hosts, err := gitcredential.ParseHosts(list)
	if err != nil {
		return fmt.Errorf("%s: %w", gitcredential.EnvHosts, err)
	}
	key, err := tokenhttp.NewWorkspaceKey([]byte(getenv("PLATFORM_KEY")))
	if err != nil {
		return fmt.Errorf("PLATFORM_KEY: %w", err)
	}
	endpoint, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL: getenv("PLATFORM_URL"), Key: key,
	})
	if err != nil {
		return fmt.Errorf("PLATFORM_URL: %w", err)
	}
	git, err := gitcredential.NewMutator(&gitcredential.MutatorOptions{Hosts: hosts, Inline: inline})
	if err != nil {
		return err
	}
	plugins := provisionhook.NewRegistry()
	plugins.Register(endpoint, git)
	plan, err := plugins.Plan(context.Background(), workspaceID, nil)
	if err != nil {
		return err
	}
	for _, line := range plan.Environ() {
		if strings.ContainsAny(line, "\r\n") { // an environment file has no way to write it
			return errors.New("a variable has more than one line")
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
