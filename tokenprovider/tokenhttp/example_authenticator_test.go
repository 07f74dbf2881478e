package tokenhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// A Source of the platform's own decides by what it knows of the workspace.
func ExampleSource() {
	teams := map[string]tokenprovider.TokenProvider{"web": tokenprovider.Static("token-of-web")}
	source := tokenhttp.Source(func(ctx context.Context, p tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		workspace, ok := tokenprovider.WorkspaceFrom(ctx) // Options.Workspace put it there
		if !ok {
			return nil, tokenhttp.ErrForbidden
		}
		return teams[workspace.Labels["team"]], nil
	})

	ctx := tokenprovider.WithWorkspace(context.Background(),
		tokenprovider.Workspace{ID: "ws-1", Labels: map[string]string{"team": "web"}})
	provider, err := source(ctx, tokenhttp.Principal{WorkspaceID: "ws-1"})
	if err != nil {
		panic(err)
	}
	token, _, err := provider.Token(ctx)
	fmt.Println(token, err)
	// Output: token-of-web <nil>
}

// Workspaces come with bearers, the operator with a token.
func ExampleAnyOf() {
	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	admin, err := tokenhttp.AdminToken("an-admin-token")
	if err != nil {
		panic(err)
	}
	auth, err := tokenhttp.AnyOf(key, admin)
	if err != nil {
		panic(err)
	}

	bearer, err := key.Issue("ws-1", time.Hour)
	if err != nil {
		panic(err)
	}
	for _, bearer := range []string{bearer, "an-admin-token", "a guess"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		p, err := auth.Authenticate(r)
		fmt.Printf("%q %t %v\n", p.WorkspaceID, p.Admin, err)
	}
	// Output:
	// "ws-1" false <nil>
	// "" true <nil>
	// "" false tokenhttp: unauthenticated
}

// The new key signs; bearers of the old one are accepted until it is taken out,
// when the last workspace that started under it has ended.
func ExampleNewWorkspaceKey() {
	oldSecret, newSecret := bytes.Repeat([]byte("o"), 32), bytes.Repeat([]byte("n"), 32)
	before, err := tokenhttp.NewWorkspaceKey(oldSecret)
	if err != nil {
		panic(err)
	}
	after, err := tokenhttp.NewWorkspaceKey(newSecret, oldSecret)
	if err != nil {
		panic(err)
	}
	bearer, err := before.Issue("ws-1", time.Hour)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+bearer)
	p, err := after.Authenticate(r)
	fmt.Println(p.WorkspaceID, err)

	_, err = tokenhttp.NewWorkspaceKey([]byte("too short"))
	fmt.Println(err)
	// Output:
	// ws-1 <nil>
	// tokenhttp: NewWorkspaceKey: key 1 of 1 has 9 bytes and needs at least 32 random ones
}
