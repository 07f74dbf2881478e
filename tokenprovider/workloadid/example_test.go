package workloadid_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// show prints who sends a request with each token.
func show(auth tokenhttp.Authenticator, err error, tokens ...string) {
	if err != nil {
		panic(err)
	}
	for _, token := range tokens {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		p, err := auth.Authenticate(r)
		switch {
		case errors.Is(err, tokenhttp.ErrUnauthenticated):
			fmt.Println("401")
		case errors.Is(err, tokenhttp.ErrForbidden):
			fmt.Println("403")
		case err != nil:
			fmt.Println("503")
		default:
			fmt.Println(p.WorkspaceID)
		}
	}
}

// A job of GitHub Actions is a workspace, if it is one of the owner's.
func ExampleOIDC() {
	github := issuertest.NewIssuer("https://token.actions.githubusercontent.com", "RS256")
	job := func(owner, audience string) string {
		return github.Sign(map[string]any{
			"aud": audience, "sub": "repo:acme/widgets:ref:refs/heads/main", "repository": "acme/widgets",
			"repository_owner_id": owner, "run_id": "1234567",
		})
	}
	auth, err := ByGitHubActions(context.Background(), github.Client())
	show(auth, err, job("9919", audience), job("666", audience), job("9919", "sts.amazonaws.com"))
	// Output:
	// run-1234567
	// 403
	// 401
}

// A pod of a cluster is a workspace by its projected token, and stays one until
// that expires: the cluster isn't asked.
func ExampleOIDC_kubernetes() {
	cluster := issuertest.StartCluster()
	defer cluster.Close()
	cluster.Start("workspaces", "ws-1")
	cluster.Start("default", "ws-1")
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	keys := filepath.Join(dir, "keys.json") // kubectl get --raw /openid/v1/jwks
	if err := os.WriteFile(keys, cluster.Keys(), 0o600); err != nil {
		panic(err)
	}
	auth, err := ByTheClustersKeys(context.Background(), keys)
	show(auth, err, cluster.Token("workspaces", "ws-1", audience, nil), cluster.Token("default", "ws-1", audience, nil),
		cluster.Token("workspaces", "ws-1", "vault", nil))
	// Output:
	// ws-1
	// 403
	// 401
}

// A workload is a workspace by its JWT-SVID.
func ExampleOIDC_spiffe() {
	spire := issuertest.NewIssuer("https://spire.acme.example", "ES256")
	svid := func(id string) string { return spire.Sign(map[string]any{"aud": []string{audience}, "sub": id}) }
	auth, err := BySPIFFE(context.Background(), spire.Client())
	show(auth, err, svid("spiffe://acme.example/workspaces/ws-1"), svid("spiffe://acme.example/db"),
		svid("spiffe://evil.example/workspaces/ws-1"))
	// Output:
	// ws-1
	// 403
	// 403
}

// A pod is a workspace until it is deleted. While the API server is down nobody is
// let in.
func ExampleTokenReview() {
	cluster := issuertest.StartCluster()
	defer cluster.Close()
	cluster.Start("workspaces", "ws-1")
	cluster.Start("workspaces", "ws-2")
	cluster.Allow("the-platforms-own-token", http.StatusCreated)
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"ca.crt": string(cluster.CA()), "token": "the-platforms-own-token"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			panic(err)
		}
	}
	auth, err := ByTokenReview(cluster.Address(), dir)
	running := cluster.Token("workspaces", "ws-1", audience, nil)
	deleted := cluster.Token("workspaces", "ws-2", audience, nil)
	cluster.Delete("workspaces", "ws-2")
	show(auth, err, running, deleted)
	cluster.Break(http.StatusServiceUnavailable)
	show(auth, nil, cluster.Token("workspaces", "ws-1", audience, map[string]any{"jti": "another"}))
	// Output:
	// ws-1
	// 401
	// 503
}
