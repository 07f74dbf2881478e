package gateway_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// budget lets each workspace make so many calls of the API in an hour, of those
// that the forge lets the account make.
type budget struct {
	calls int

	mu   sync.Mutex
	used map[string]*used
}

// used is what a workspace has had since its hour began.
type used struct {
	since time.Time
	calls int
}

// spend takes one call from the workspace's budget, or says when there is more.
func (b *budget) spend(workspaceID string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.used[workspaceID]
	if u == nil || time.Since(u.since) > time.Hour {
		u = &used{since: time.Now()}
		b.used[workspaceID] = u // and is to go when the workspace is released
	}
	if u.calls == b.calls {
		return &tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Until(u.since.Add(time.Hour))}
	}
	u.calls++
	return nil
}

// One workspace can't use up the requests that the forge lets all of an account's
// make in an hour: the policy has it wait.
func ExamplePolicy_rateLimit() {
	each := &budget{calls: 2, used: map[string]*used{}}
	hub, err := forge.GitHub("")
	if err != nil {
		log.Fatal(err)
	}
	key, err := tokenhttp.NewWorkspaceKey([]byte("at least 32 random bytes from a secret"))
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Options{
		BaseURL: "https://github.platform.example", Forge: hub, Auth: key,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(_ context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			if op.Kind == gateway.KindAPI { // git's own requests don't count there
				if err := each.spend(p.WorkspaceID); err != nil {
					return gateway.Grant{}, err
				}
			}
			return gateway.Grant{Provider: tokenprovider.Static("an-installations-token")}, nil
		},
		Transport: pretended{}, // nil for the real GitHub
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"ws-1", "ws-1", "ws-1", "ws-2"} {
		bearer, err := key.Issue(id, 0)
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/api/v3/repos/acme/widgets", nil)
		r.Host = "github.platform.example"
		r.Header.Set("Authorization", "Bearer "+bearer)
		answer := httptest.NewRecorder()
		gw.ServeHTTP(answer, r)
		fmt.Println(id, answer.Code, answer.Header().Get("Retry-After") != "")
	}
	// Output:
	// ws-1 200 false
	// ws-1 200 false
	// ws-1 429 true
	// ws-2 200 false
}

// pretended is a GitHub that has nothing to say.
type pretended struct{}

// RoundTrip implements [http.RoundTripper].
func (pretended) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
