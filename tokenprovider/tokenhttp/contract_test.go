package tokenhttp_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// The answers are documented in doc.go, and clients of other people are written
// by it. A change of the handler that takes the table of its tests along
// doesn't take the documentation along.
func TestTheAnswersAreThoseOfTheDocumentation(t *testing.T) {
	key := newKey(t)
	admit := func(err error) *tokenhttp.Options {
		return &tokenhttp.Options{Admit: func(context.Context, tokenhttp.Principal) error { return err }}
	}
	live, own := fixed(leased(tokenSecret, time.Now().Add(time.Hour))), "/workspaces/ws-1/token"
	broken := fixed(failing(&tokenprovider.Error{
		Code: tokenprovider.CodeRateLimited, RetryAfter: time.Minute,
	}))
	none := tokenhttp.FirstProvider(provisionhook.NewRegistry())
	type request struct {
		source       tokenhttp.Source
		opts         *tokenhttp.Options
		method, path string
		change       func(*http.Request)
	}
	answers := map[string]request{
		"200 ":                {live, nil, "GET", own, nil},
		"400 invalid_request": {live, nil, "GET", own + "?min_ttl=soon", nil},
		"401 unauthenticated": {live, nil, "GET", own, withHeader("Authorization", "Bearer wrong")},
		"403 forbidden":       {live, nil, "GET", "/workspaces/ws-2/token", nil},
		"404 not_configured":  {none, nil, "GET", own, nil},
		"404 not_found":       {live, nil, "GET", "/elsewhere", nil},
		"405 invalid_request": {live, nil, "DELETE", own, nil},
		"406 invalid_request": {live, nil, "GET", own, withHeader("Accept", gitCredential)},
		"429 rate_limited": {
			live,
			admit(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Second}),
			"GET", own, nil,
		},
		"500 rate_limited": {broken, nil, "GET", own, nil},
		"503 unavailable":  {live, admit(errors.New("database is down")), "GET", own, nil},
	}
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var documented []string
	for _, line := range regexp.MustCompile(`(?m)^//\t(\d{3})  (.*)$`).FindAllStringSubmatch(string(doc), -1) {
		for answer := range answers {
			status, code, _ := strings.Cut(answer, " ")
			if status == line[1] && (strings.Contains(line[2], code+":") || strings.HasPrefix(line[2], code) || status == "500" && strings.Contains(line[2],
				"with its code")) {
				documented = append(documented, answer)
			}
		}
		require.True(t,
			slices.ContainsFunc(documented,
				func(answer string) bool { return strings.HasPrefix(answer, line[1]) }),
			"nothing here asks for %s", line[0])
	}
	require.Len(t, documented, len(answers), "an answer isn't documented, or in other words")

	for answer, r := range answers {
		got := ask(t, serveDirectly(t,
			newHandler(t, key, r.source,
				r.opts)), r.method, r.path, issue(t, key, "ws-1"), func(req *http.Request) {
			if r.change != nil {
				r.change(req)
			}
		})
		status, code, _ := strings.Cut(answer, " ")
		require.Equal(t, status, strconv.Itoa(got.status), answer)
		if code != "" {
			require.Contains(t, got.body, `"code":"`+code+`"`, answer)
		}
		require.Equal(t, status == "429" || status == "500" || status == "503",
			got.header.Get("Retry-After") != "", answer)
	}
}
