package tokenhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// examplePlugin is a mutator with one token for everyone, as a plugin's author writes it.
type examplePlugin struct{}

func (examplePlugin) Name() string                                               { return "example" }
func (examplePlugin) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (examplePlugin) Token(context.Context) (string, time.Time, error) {
	return "example-token", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), nil
}

// exampleSecret stands for 32 random bytes from the platform's secret store.
var exampleSecret = bytes.Repeat([]byte("k"), 32)

// A platform serves tokens, starts a workspace, and the workspace pulls one.
func Example() {
	registry := provisionhook.NewRegistry()
	registry.Register(examplePlugin{})

	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(registry), key, nil)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	handler.Mount(mux)
	platform := httptest.NewServer(mux)
	defer platform.Close()

	mutator, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{BaseURL: platform.URL, Key: key})
	if err != nil {
		panic(err)
	}
	registry.Register(mutator)
	env := map[string]string{}
	if err := registry.Run(context.Background(), "ws-1", env); err != nil {
		panic(err)
	}

	// Inside the workspace, at any later time:
	client := &tokenhttp.Client{
		URL:    env[tokenhttp.EnvTokenURL],
		Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
	}
	token, expiresAt, err := client.Token(context.Background())
	fmt.Println(token, expiresAt.Format(time.DateOnly), err)
	// Output: example-token 2099-01-01 <nil>
}

// A workspace whose release has begun gets no more tokens, although its bearer is still valid.
func ExampleNewHandler() {
	released := map[string]bool{"ws-2": true}
	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	registry := provisionhook.NewRegistry()
	registry.Register(examplePlugin{})
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(registry), key, &tokenhttp.Options{
		Admit: func(_ context.Context, p tokenhttp.Principal) error {
			if released[p.WorkspaceID] {
				return tokenhttp.ErrForbidden
			}
			return nil
		},
		Audit: func(_ context.Context, r tokenhttp.AuditRecord) {
			fmt.Printf("%s: code %q, expires %s\n", r.Principal.WorkspaceID, r.Code, r.ExpiresAt.Format(time.DateOnly))
		},
	})
	if err != nil {
		panic(err)
	}
	for _, id := range []string{"ws-1", "ws-2"} {
		bearer, err := key.Issue(id, time.Hour)
		if err != nil {
			panic(err)
		}
		r := httptest.NewRequest("GET", "/workspaces/"+id+"/token", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// ws-1: code "", expires 2099-01-01
	// ws-2: code "forbidden", expires 0001-01-01
}

// Git's own request is answered in git's own format, for the hosts whose credentials the tokens are.
func ExampleNewHandler_git() {
	admin, err := tokenhttp.AdminToken("an-admin-token")
	if err != nil {
		panic(err)
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.One(examplePlugin{}), admin, &tokenhttp.Options{
		Hosts: []string{"github.com", "git.example:8443"},
	})
	if err != nil {
		panic(err)
	}
	for _, host := range []string{"git.example:8443", "evil.example"} {
		r := httptest.NewRequest("POST", "/workspaces/ws-1/token", strings.NewReader("protocol=https\nhost="+host+"\n"))
		r.Header.Set("Authorization", "Bearer an-admin-token")
		r.Header.Set("Accept", "application/x-git-credential")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
		fmt.Println(w.Body)
	}
	// Output:
	// 200 application/x-git-credential
	// username=x-access-token
	// password=example-token
	// password_expiry_utc=4070908800
	//
	// 403 application/json
	// {"error":"forbidden","code":"forbidden"}
}

// A router other than http.ServeMux gets the Handler as it is.
func ExampleHandler_ServeHTTP() {
	admin, err := tokenhttp.AdminToken("an-admin-token")
	if err != nil {
		panic(err)
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(nil), admin, nil)
	if err != nil {
		panic(err)
	}
	router := http.StripPrefix("/api/v1", handler)

	r := httptest.NewRequest("GET", "/api/v1/admin/github-installation-token", nil)
	r.Header.Set("Authorization", "Bearer an-admin-token")
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"error":"no GitHub App configured","code":"not_configured"}
}

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

	ctx := tokenprovider.WithWorkspace(context.Background(), tokenprovider.Workspace{ID: "ws-1", Labels: map[string]string{"team": "web"}})
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
		fmt.Printf("%+v %v\n", p, err)
	}
	// Output:
	// {WorkspaceID:ws-1 Admin:false} <nil>
	// {WorkspaceID: Admin:true} <nil>
	// {WorkspaceID: Admin:false} tokenhttp: unauthenticated
}

// The new key signs; bearers of the old one are accepted until they have expired.
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

// With BearerFile the bearer stays out of the environment; the plan has the file to write.
func ExampleNewMutator() {
	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	mutator, err := tokenhttp.NewMutator(tokenhttp.MutatorOptions{
		BaseURL:    "https://platform.example",
		Key:        key,
		BearerFile: "/run/provisionkit/bearer",
	})
	if err != nil {
		panic(err)
	}
	registry := provisionhook.NewRegistry()
	registry.Register(mutator)
	plan, err := registry.Plan(context.Background(), "ws-1", nil)
	if err != nil {
		panic(err)
	}
	for _, entry := range plan.Environ() {
		fmt.Println(entry)
	}
	for path := range plan.Files {
		fmt.Println("file", path)
	}
	// Output:
	// PROVISIONKIT_BEARER_FILE=/run/provisionkit/bearer
	// PROVISIONKIT_TOKEN_URL=https://platform.example/workspaces/ws-1/token
	// file /run/provisionkit/bearer
}

// A Cache over the Client asks the platform only when a token is running out.
func ExampleClient() {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked by", r.UserAgent())
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"token":"example-token","expires_at":"2099-01-01T00:00:00Z","username":"x-access-token"}`)
	}))
	defer platform.Close()

	cache := tokenprovider.NewCache(&tokenhttp.Client{
		URL:       platform.URL + "/workspaces/ws-1/token",
		Bearer:    tokenprovider.Static("the-bearer"), // File or Env in a real workspace: they see a rotated one
		UserAgent: "my-agent/1.0",
	}, nil)
	for range 3 {
		token, _, err := cache.Token(context.Background())
		fmt.Println(token, err)
	}
	// Output:
	// asked by my-agent/1.0
	// example-token <nil>
	// example-token <nil>
	// example-token <nil>
}
