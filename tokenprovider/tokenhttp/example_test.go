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

// examplePlugin is a mutator with one token for everyone, as a plugin's author
// writes it.
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
	running := map[string]bool{"ws-1": true} // the platform's own record
	handler, err := tokenhttp.NewHandler(tokenhttp.FirstProvider(registry), key, &tokenhttp.Options{
		Admit: func(_ context.Context, p tokenhttp.Principal) error {
			if !running[p.WorkspaceID] {
				return tokenhttp.ErrForbidden
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	handler.Mount(mux)
	platform := httptest.NewServer(mux)
	defer platform.Close()

	mutator, err := handler.Mutator(tokenhttp.MutatorOptions{BaseURL: platform.URL, Key: key})
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
		URL:    env[tokenhttp.EnvURL],
		Bearer: tokenprovider.Static(env[tokenhttp.EnvBearer]),
	}
	token, expiresAt, err := client.Token(context.Background())
	fmt.Println(token, expiresAt.Format(time.DateOnly), err)
	// Output: example-token 2099-01-01 <nil>
}

// A workspace whose release has begun gets no more tokens, although its bearer
// is still valid.
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
			fmt.Printf("%s: code %q, expires %s\n", r.Principal.WorkspaceID, r.Code,
				r.ExpiresAt.Format(time.DateOnly))
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

// Git's own request is answered in git's own format, for the hosts whose
// credentials the tokens are.
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
		r := httptest.NewRequest("POST", "/workspaces/ws-1/token",
			strings.NewReader("protocol=https\nhost="+host+"\n"))
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
