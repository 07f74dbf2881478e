package gateway_test

import (
	"cmp"
	"context"
	"expvar"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// tally counts operations by what they were and what became of them. A
// workspace's id is no label: there is no end of them.
type tally struct{ operations, sent expvar.Map }

func (m *tally) count(_ context.Context, r gateway.AuditRecord) {
	kind, code := cmp.Or(string(r.Operation.Kind), "none"), cmp.Or(string(r.Code), "ok")
	m.operations.Add(kind+"/"+code, 1)
	m.sent.Add(kind, r.Sent)
}

// Metrics are made from the audit: its records say what was asked for, how it
// ended, and how much went through.
func ExampleAuditRecord() {
	hub, err := forge.GitHub("")
	if err != nil {
		log.Fatal(err)
	}
	key, err := tokenhttp.NewWorkspaceKey([]byte("at least 32 random bytes from a secret"))
	if err != nil {
		log.Fatal(err)
	}
	m := &tally{} // expvar.Publish("gateway_operations", &m.operations) has /debug/vars show it
	gw, err := gateway.New(gateway.Options{
		BaseURL: "https://github.platform.example", Forge: hub, Auth: key, Audit: m.count,
		Admit: func(context.Context, tokenhttp.Principal) error { return nil },
		Policy: func(context.Context, tokenhttp.Principal, gateway.Operation) (gateway.Grant, error) {
			return gateway.Grant{}, &gateway.Refusal{Message: "nobody works here today"}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	bearer, err := key.Issue("ws-1", 0)
	if err != nil {
		log.Fatal(err)
	}
	for _, target := range []string{
		"/api/v3/repos/acme/widgets", "/api/v3/user", "/acme/widgets.git/info/refs?service=git-upload-pack", "/api/v3/app",
	} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Host = "github.platform.example"
		r.Header.Set("Authorization", "Bearer "+bearer)
		gw.ServeHTTP(httptest.NewRecorder(), r)
	}
	fmt.Println(m.operations.String())
	// Output:
	// {"api/forbidden": 2, "api/invalid_request": 1, "fetch/forbidden": 1}
}
