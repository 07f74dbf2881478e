package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// A workspace works on one repository: it pushes to branches of its own, opens
// pull requests, and reads public repositories of others.
func ExamplePolicy() {
	allow, err := gateway.AllowRefs("refs/heads/agent/*")
	if err != nil {
		log.Fatal(err)
	}
	git := tokenprovider.Static("contents: write")
	api := tokenprovider.Static("contents: read, pull_requests: write")
	grant := gateway.GitAndAPI(git, api)
	policy := gateway.PublicFetch(func(_ context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
		if op.Repository != "" && op.Repository != "acme/widgets" {
			return gateway.Grant{}, &gateway.Refusal{Message: p.WorkspaceID + " works on acme/widgets"}
		}
		return grant(op), allow(op)
	}, "acme")

	for _, op := range []gateway.Operation{
		{Kind: gateway.KindPush, Repository: "acme/widgets", Write: true, Refs: []gateway.RefUpdate{{Name: "refs/heads/agent/fix"}}},
		{Kind: gateway.KindPush, Repository: "acme/widgets", Write: true, Refs: []gateway.RefUpdate{{Name: "refs/heads/main"}}},
		{Kind: gateway.KindFetch, Repository: "acme/secrets"},
		{Kind: gateway.KindFetch, Repository: "other/library"},
	} {
		_, err := policy(context.Background(), tokenhttp.Principal{WorkspaceID: "ws-1"}, op)
		var refusal *gateway.Refusal
		if errors.As(err, &refusal) {
			fmt.Println(op.Kind, op.Repository, "refused:", refusal.Message)
		} else {
			fmt.Println(op.Kind, op.Repository, "allowed")
		}
	}
	// Output:
	// push acme/widgets allowed
	// push acme/widgets refused: the policy of this workspace doesn't allow a push to refs/heads/main; refs that git may push: refs/heads/agent/*
	// fetch acme/secrets refused: ws-1 works on acme/widgets
	// fetch other/library allowed
}

// The gateway and the mutator that has workspaces use it.
func ExampleNew() {
	hub, err := forge.GitHub("")
	if err != nil {
		log.Fatal(err)
	}
	key, err := tokenhttp.NewWorkspaceKey([]byte("at least 32 random bytes from a secret"))
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Options{
		BaseURL: "https://github.platform.example",
		Forge:   hub,
		Auth:    key,
		Admit:   func(context.Context, tokenhttp.Principal) error { return nil }, // ask the platform's database
		Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{Provider: tokenprovider.Static("an installation's token")}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mutator, err := gw.Mutator(gateway.MutatorOptions{Key: key})
	if err != nil {
		log.Fatal(err)
	}
	env := map[string]string{}
	if err := mutator.MutateEnv(context.Background(), "ws-1", env); err != nil {
		log.Fatal(err)
	}
	fmt.Println(env["GH_HOST"], env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"])
	// Output:
	// github.platform.example url.https://github.platform.example/.insteadOf https://github.com/
}
