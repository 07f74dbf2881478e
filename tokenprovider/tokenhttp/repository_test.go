package tokenhttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

func TestTheSourceAndTheProviderLearnWhichRepository(t *testing.T) {
	key := newKey(t)
	bearer := issue(t, key, "ws-1")
	var atSource, atProvider string
	provider := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		atProvider = tokenprovider.Repository(ctx)
		return tokenSecret, time.Time{}, nil
	})
	source := func(ctx context.Context, _ tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		atSource = tokenprovider.Repository(ctx)
		return provider, nil
	}
	var record tokenhttp.AuditRecord
	capture := testutil.NewCapture(t, tokenSecret)
	server := serve(t, newHandler(t, key, source, &tokenhttp.Options{
		Logger: capture.Logger(), Audit: func(_ context.Context, r tokenhttp.AuditRecord) { record = r },
	}))
	const git = "protocol=https\nhost=github.com\n"
	client := &tokenhttp.Client{URL: server.URL + own, Bearer: tokenprovider.Static(bearer), HTTPClient: server.Client()}
	asked := func(query string) func() {
		return func() { tokenOf(t, ask(t, server, "GET", own+query, bearer)) }
	}
	posted := func(query, attributes string) func() {
		return func() {
			got := ask(t, server, "POST", own+query, bearer, forGit(strings.NewReader(git+attributes+"\n")))
			require.Equal(t, http.StatusOK, got.status, got.body)
		}
	}
	pulled := func(repository string) func() {
		return func() {
			_, _, err := client.Token(tokenprovider.WithRepository(t.Context(), repository))
			require.NoError(t, err)
		}
	}
	for name, row := range map[string]struct {
		want string
		call func()
	}{
		"none":                    {"", asked("")},
		"a repository":            {"acme/widgets", asked("?repository=Acme/Widgets.git&min_ttl=1m")},
		"an owner":                {"acme", asked("?repository=ACME")},
		"git without a path":      {"", posted("", "")},
		"git's path":              {"acme/widgets", posted("", "path=Acme/widgets.git\n")},
		"git's path for LFS":      {"acme/widgets", posted("", "path=acme/widgets.git/info/lfs\n")},
		"git's, in the URL alone": {"acme/widgets", posted("?repository=acme/widgets", "")},
		"git's, in both":          {"acme/widgets", posted("?repository=acme/widgets", "path=acme/widgets.git\n")},
		"a client without":        {"", pulled("")},
		"a client with one":       {"acme/widgets", pulled("acme/Widgets")},
		"a client that has a life": {"acme", func() {
			_, _, _ = client.Token(tokenprovider.WithMinTTL(tokenprovider.WithRepository(t.Context(), "acme"), time.Minute))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			atSource, atProvider, record = "-", "-", tokenhttp.AuditRecord{}
			row.call()
			require.Equal(t, row.want, atSource)
			require.Equal(t, row.want, atProvider)
			require.Equal(t, row.want, record.Repository)
			require.NotEmpty(t, record.TokenSHA256)
		})
	}
	require.Contains(t, capture.String(), `"repository":"acme/widgets"`)
}

func TestAMalformedRepositoryOfAClientIsRefusedByTheEndpoint(t *testing.T) {
	key := newKey(t)
	server := serve(t, newHandler(t, key, fixed(tokenprovider.Static(tokenSecret)), nil))
	client := &tokenhttp.Client{
		URL: server.URL + own, Bearer: tokenprovider.Static(issue(t, key, "ws-1")), HTTPClient: server.Client(),
	}
	_, _, err := client.Token(tokenprovider.WithRepository(t.Context(), "acme/../evil"))
	require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err))
}
