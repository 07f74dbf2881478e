// Command workloadid shows a pod of Kubernetes that gets tokens as itself: the
// platform issues no bearer and writes nothing secret into it. The pod runs before
// it is known for whom, as one of a warm pool does.
//
//	go -C examples/workloadid run .
package main

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "workloadid:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cluster, err := startCluster()
	if err != nil {
		return err
	}
	defer cluster.stop()
	pool := &pool{claimed: map[string]string{}}
	platform, err := newPlatform(cluster, pool)
	if err != nil {
		return err
	}
	server := httptest.NewServer(platform)
	defer server.Close()
	mutator, err := platform.Mutator(tokenhttp.MutatorOptions{BaseURL: server.URL, BearerFile: cluster.path("token")})
	if err != nil {
		return err
	}

	// A pod starts. All that it has of the platform is two variables.
	env := map[string]string{}
	if err := mutator.MutateEnv(ctx, "ws-1", env); err != nil {
		return err
	}
	fmt.Println("variables:", slices.Sorted(maps.Keys(env)))
	if err := cluster.project("ws-1"); err != nil {
		return err
	}
	client := &tokenhttp.Client{URL: env[tokenhttp.EnvURL], Bearer: tokenprovider.File(env[tokenhttp.EnvBearerFile])}
	show := func(when string) error {
		token, _, err := client.Token(ctx)
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s: %q %s", when, token, tokenprovider.CodeOf(err))))
		return err
	}
	_ = show("waiting in the pool")
	pool.claim("ws-1", "ann")
	if err := show("claimed by ann"); err != nil {
		return err
	}
	if err := cluster.project("ws-1"); err != nil { // as a kubelet does before the old one expires
		return err
	}
	if err := show("with a new token"); err != nil {
		return err
	}
	cluster.delete("ws-1")
	for err == nil { // an answer of the API server is remembered for 5 s
		time.Sleep(100 * time.Millisecond)
		_, _, err = client.Token(ctx)
	}
	_ = show("deleted")
	return nil
}

// newPlatform serves tokens to pods of the namespace workspaces.
func newPlatform(c *cluster, p *pool) (*tokenhttp.Handler, error) {
	auth, err := workloadid.TokenReview(workloadid.TokenReviewOptions{
		URL: c.Address(), CAFile: c.path("ca.crt"), TokenFile: c.path("platform"), Audience: audience,
		Workspace: func(claims map[string]any) (string, error) {
			namespace, err := workloadid.Text(claims, "kubernetes.io", "namespace")
			if err == nil && namespace != "workspaces" {
				err = fmt.Errorf("its pod is in the namespace %s", namespace)
			}
			if err != nil {
				return "", err
			}
			return workloadid.Text(claims, "kubernetes.io", "pod", "name")
		},
	})
	if err != nil {
		return nil, err
	}
	return tokenhttp.NewHandler(p.source, auth, nil)
}

// pool knows for whom each pod works. It is safe for concurrent use.
type pool struct {
	mu      sync.Mutex
	claimed map[string]string
}

func (p *pool) claim(pod, owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claimed[pod] = owner
}

// source is asked at each request. Yours answers with a provider of githubapp.
func (p *pool) source(_ context.Context, who tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	owner, ok := p.claimed[who.WorkspaceID]
	if !ok {
		return nil, tokenhttp.ErrForbidden
	}
	return tokenprovider.Static("token-of-" + owner), nil
}
