// Command gogithub uses github.com/google/go-github with tokens of package
// githubapp: one client for each account that has installed the app, made once
// and good for as long as the process lives.
//
//	go run .
//
// With GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE set it asks GitHub, or
// what GITHUB_API_URL names, as that app, and only reads. Without them it
// starts a fake GitHub whose tokens live for two seconds, and asks that for
// three lives.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v92/github"
	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "gogithub:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	opts, err := githubapp.OptionsFromEnv(os.Getenv)
	lasting := time.Duration(0)
	if errors.Is(err, tokenprovider.ErrNotConfigured) {
		fake, fakeErr := startFake()
		if fakeErr != nil {
			return fakeErr
		}
		defer fake.server.Close()
		defer fake.report()
		opts, err, lasting = fake.options, nil, 3*tokenLife
	}
	if err != nil {
		return err
	}
	app, err := githubapp.New(opts)
	if err != nil {
		return err
	}

	// One client for each account, at the start.
	clients := map[string]*github.Client{}
	for info, err := range app.Installations(ctx) {
		if err != nil {
			return err
		}
		if !info.SuspendedAt.IsZero() {
			continue
		}
		readOnly := githubapp.Scope{Permissions: map[string]string{"metadata": "read"}}
		if clients[info.Account], err = newClient(opts.BaseURL, app.Installation(info.ID, readOnly)); err != nil {
			return err
		}
	}

	// They go on while tokens come and go.
	for ends := time.Now().Add(lasting); ; time.Sleep(50 * time.Millisecond) {
		last := !time.Now().Before(ends)
		for _, account := range slices.Sorted(maps.Keys(clients)) {
			list, _, err := clients[account].Apps.ListRepos(ctx, &github.ListOptions{PerPage: 100})
			if err != nil {
				return fmt.Errorf("list the repositories of %s: %w", account, err)
			}
			for _, repository := range list.Repositories {
				if last {
					fmt.Println(repository.GetFullName())
				}
			}
		}
		if last {
			return nil
		}
	}
}

// newClient returns a go-github client that has a live token at each request.
// Base is "" for github.com.
func newClient(base string, tokens tokenprovider.TokenProvider) (*github.Client, error) {
	if base == "" {
		base = "https://api.github.com"
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	base = strings.TrimSuffix(base, "/") + "/"
	return github.NewClient(
		github.WithHTTPClient(&http.Client{
			Transport: &tokenprovider.Transport{Provider: tokens, Hosts: []string{u.Host}},
			Timeout:   30 * time.Second,
		}),
		github.WithURLs(&base, nil),
	)
}
