package workloadid_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
)

// audience is what workspaces ask their tokens for.
const audience = "https://platform.example"

// ByTheClustersKeys takes projected tokens of pods in the namespace workspaces. It asks nobody: the cluster's key set is in a file.
func ByTheClustersKeys(ctx context.Context, keysFile string) (tokenhttp.Authenticator, error) {
	return workloadid.OIDC(ctx, workloadid.OIDCOptions{
		Issuer:    "https://kubernetes.default.svc.cluster.local",
		Audience:  audience,
		KeysFile:  keysFile,
		Rule:      inNamespace,
		Workspace: podName,
	})
}

// ByTokenReview asks the API server, which refuses the token of a pod that is deleted.
func ByTokenReview(apiServer, secrets string) (tokenhttp.Authenticator, error) {
	return workloadid.TokenReview(workloadid.TokenReviewOptions{
		URL:       apiServer,           // https://kubernetes.default.svc
		CAFile:    secrets + "/ca.crt", // /var/run/secrets/kubernetes.io/serviceaccount
		TokenFile: secrets + "/token",
		Audience:  audience,
		Workspace: podName,
	})
}

func inNamespace(claims map[string]any) error {
	namespace, err := workloadid.Text(claims, "kubernetes.io", "namespace")
	if err == nil && namespace != "workspaces" {
		err = fmt.Errorf("its pod is in the namespace %s", namespace)
	}
	return err
}

// podName is the workspace. Another namespace may have a pod of that name.
func podName(claims map[string]any) (string, error) {
	if err := inNamespace(claims); err != nil {
		return "", err
	}
	return workloadid.Text(claims, "kubernetes.io", "pod", "name")
}

// ByGitHubActions takes tokens of the jobs of one owner. GitHub signs for everybody's: without the rule a stranger's job would be
// a workspace. The owner's number stays theirs when a name goes to somebody else.
func ByGitHubActions(ctx context.Context, client *http.Client) (tokenhttp.Authenticator, error) {
	return workloadid.OIDC(ctx, workloadid.OIDCOptions{
		Issuer:     "https://token.actions.githubusercontent.com",
		Audience:   audience,
		HTTPClient: client, // nil, but in tests
		Rule:       workloadid.Claim("repository_owner_id", "9919"),
		Workspace: func(claims map[string]any) (string, error) {
			run, err := workloadid.Text(claims, "run_id")
			return "run-" + run, err
		},
	})
}

// BySPIFFE takes JWT-SVIDs of a trust domain. SPIRE's server has the issuer as its jwt_issuer, and its OIDC discovery provider
// publishes the keys.
func BySPIFFE(ctx context.Context, client *http.Client) (tokenhttp.Authenticator, error) {
	const workspaces = "spiffe://acme.example/workspaces/"
	id := func(claims map[string]any) (string, error) {
		subject, err := workloadid.Text(claims, "sub")
		name, ok := strings.CutPrefix(subject, workspaces)
		if err == nil && !ok {
			err = fmt.Errorf("its sub doesn't begin with %s", workspaces)
		}
		return name, err
	}
	return workloadid.OIDC(ctx, workloadid.OIDCOptions{
		Issuer:     "https://spire.acme.example",
		Audience:   audience,
		HTTPClient: client, // nil, but in tests
		Rule:       func(claims map[string]any) error { _, err := id(claims); return err },
		Workspace:  id,
	})
}

// Endpoint is the plugin that tells workspaces where tokens serves them, and in which file their own token is. It writes nothing
// else, so a workspace may run before it is known for whom.
func Endpoint(tokens *tokenhttp.Handler) (*tokenhttp.Mutator, error) {
	return tokens.Mutator(tokenhttp.MutatorOptions{
		BaseURL:    "https://platform.example",
		BearerFile: "/var/run/secrets/platform/token",
	})
}
