package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	githubforge "github.com/molecule-ai/provisionkit/githubapp/forge"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// authority is the certificate of the replicas' gateways.
type authority struct {
	config *tls.Config
	roots  *x509.CertPool
	file   string
}

// newAuthority takes the certificate that httptest has for loopback.
func newAuthority(dir string) (authority, error) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	a := authority{
		config: &tls.Config{Certificates: s.TLS.Certificates}, roots: x509.NewCertPool(),
		file: filepath.Join(dir, "gateway.pem"),
	}
	a.roots.AddCert(s.Certificate())
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return a, os.WriteFile(a.file, certificate, 0o600)
}

// newGateway gives the replica a gateway at an address of its own, and the
// registry of the workspaces behind it.
func (r *replica) newGateway(w *world, key *tokenhttp.WorkspaceKey) error {
	hub, err := githubforge.GitHub(w.forge.URL + "/api/v3")
	if err != nil {
		return err
	}
	allow, err := gateway.AllowRefs("refs/heads/work")
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Options{
		BaseURL: "https://" + r.gatewayAddr, Forge: hub, Auth: key, Admit: w.admit, Audit: w.auditGateway,
		Transport: w.forge.Client().Transport, Logger: w.journal.logger(),
		Policy: func(_ context.Context, p tokenhttp.Principal, op gateway.Operation) (gateway.Grant, error) {
			ws, ok := w.lookUp(p.WorkspaceID)
			if !ok || op.Repository != ws.repository() {
				return gateway.Grant{}, &gateway.Refusal{Message: "a workspace has its own repository and no other"}
			}
			return gateway.Grant{Provider: r.apps[ws.installation]}, allow(op)
		},
	})
	if err != nil {
		return err
	}
	wiring, err := g.Mutator(gateway.MutatorOptions{Key: key})
	if err != nil {
		return err
	}
	r.gateway, r.behind = g, provisionhook.NewRegistry(provisionhook.Protect("PATH"))
	r.behind.Register(wiring)
	return nil
}

// call asks GitHub's API for the workspace's repository, through the gateway and
// with its bearer.
func (g *gitWorker) call(ctx context.Context) operation {
	url := g.vars["GITHUB_API_URL"] + "/repos/" + g.ws.repository()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return operation{what: callingBehind, err: err}
	}
	req.Header.Set("Authorization", "token "+g.vars["GH_ENTERPRISE_TOKEN"])
	resp, err := (&http.Client{Transport: g.ws.endpoints}).Do(req)
	if err != nil {
		return operation{what: callingBehind, err: err, said: broken, hung: ctx.Err() != nil}
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	switch {
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(said)))
		return operation{what: callingBehind, err: err, said: statusSaid(resp.StatusCode)}
	case err != nil:
		return operation{what: callingBehind, err: err, said: broken}
	}
	return operation{what: callingBehind}
}

// statusSaid returns what an answer of a gateway's says of the cause.
func statusSaid(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return toldByGateway
	case status == http.StatusForbidden:
		return forbidden
	}
	return ""
}
