package clienttest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// A check that nothing fails proves nothing, so here each answer is one that GitHub wouldn't give, by one change.
func TestAnAnswerThatGitHubWouldNotGiveIsRefused(t *testing.T) {
	f := newFake(t, nil)
	d := f.witness.description
	set := func(path string, value any) func(*githubapptest.Answer) {
		return func(a *githubapptest.Answer) { edit(t, a, path, value) }
	}
	const (
		app          = "/app"
		list         = "/app/installations"
		installation = "/app/installations/345"
		enterprise   = "/enterprises/big/installation"
		repositories = "/installation/repositories"
		repository   = "/repos/acme/one"
	)
	for name, c := range map[string]struct {
		method, path string
		change       func(*githubapptest.Answer)
		want         string
	}{
		"a required member is missing":       {"GET", installation, set("app_slug", nil), `/app_slug: property "app_slug" is missing`},
		"a number became text":               {"GET", installation, set("id", "345"), "/id: value must be an integer"},
		"text became a number":               {"GET", installation, set("app_slug", 1), "/app_slug: value must be a string"},
		"a fraction for an integer":          {"GET", installation, set("app_id", 1.5), "/app_id: value must be an integer"},
		"null where none may be":             {"GET", installation, set("events", json.RawMessage("null")), "/events: Value is not nullable"},
		"a value outside of the enum":        {"GET", installation, set("repository_selection", "some"), `/repository_selection: value is not one of the allowed values ["all","selected"]`},
		"a time in another form":             {"GET", installation, set("created_at", "2026-11-23 19:00:00"), "/created_at: string doesn't match the format"},
		"a path for a URL":                   {"GET", installation, set("html_url", "/acme"), "/html_url: string doesn't match the format"},
		"a member that GitHub doesn't have":  {"GET", installation, set("token", "x"), `/: property "token" is unsupported`},
		"an invented permission":             {"GET", installation, set("permissions.pull-requests", "read"), `/permissions: property "pull-requests" is unsupported`},
		"a level that a permission has not":  {"GET", installation, set("permissions.contents", "admin"), "/permissions/contents: value is not one of the allowed"},
		"an account that is neither":         {"GET", enterprise, set("account.slug", nil), `/account: doesn't match any schema from "anyOf"`},
		"an object for a list":               {"GET", list, func(a *githubapptest.Answer) { a.Body = []byte("{}") }, "value must be an array"},
		"null for a list":                    {"GET", list, func(a *githubapptest.Answer) { a.Body = []byte("null") }, "Value is not nullable"},
		"a fault deep in a list":             {"GET", repositories, set("repositories.0.owner.login", nil), `login" is missing`},
		"a member more, deep in a list":      {"GET", repositories, set("repositories.0.secret", "x"), `/repositories/0: property "secret" is unsupported`},
		"a count that is missing":            {"GET", repositories, set("total_count", nil), `property "total_count" is missing`},
		"a repository as a list has it":      {"GET", repository, set("subscribers_count", nil), `property "subscribers_count" is missing`},
		"an owner of another shape":          {"GET", app, set("owner.login", 1), `/owner: value doesn't match any schema from "oneOf"`},
		"no token":                           {"POST", mintAcme, set("token", nil), `property "token" is missing`},
		"no expiry":                          {"POST", mintAcme, set("expires_at", nil), `property "expires_at" is missing`},
		"another content type":               {"GET", app, func(a *githubapptest.Answer) { a.Header.Set("Content-Type", "text/html") }, "content type text/html is not described"},
		"no content type":                    {"GET", app, func(a *githubapptest.Answer) { a.Header.Del("Content-Type") }, "no media type"},
		"a page for an object":               {"GET", app, func(a *githubapptest.Answer) { a.Body = []byte("<html>") }, "invalid character"},
		"half a body":                        {"GET", app, func(a *githubapptest.Answer) { a.Body = a.Body[:len(a.Body)/2] }, "unexpected end of JSON"},
		"another status":                     {"GET", app, func(a *githubapptest.Answer) { a.Status = 206 }, "status 206 is not described"},
		"an answer where there is nothing":   {"GET", "/nowhere", func(a *githubapptest.Answer) { a.Status = 403 }, "no such operation is described"},
		"an error whose status is a number":  {"GET", "/app/installations/99", set("status", 404), "/status: value must be a string"},
		"an error without a message":         {"GET", "/app/installations/99", set("message", 1), "/message: value must be a string"},
		"an error of validation without one": {"POST", mintAcme + "#422", set("message", nil), `property "message" is missing`},
		"a body where there is none":         {"DELETE", "/installation/token", func(a *githubapptest.Answer) { a.Body = []byte("{}") }, "204 has no body"},
		"a limit that is no number":          {"GET", "/rate_limit", func(a *githubapptest.Answer) { a.Header.Set("X-RateLimit-Limit", "many") }, "X-RateLimit-Limit"},
		"a limit of search that is missing":  {"GET", "/rate_limit", set("resources.search", nil), `property "search" is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			path, fragment, _ := strings.Cut(c.path, "#")
			authorization, body := f.app(), ""
			switch {
			case fragment == "422":
				body = `{"repositories":["none"]}`
			case strings.HasPrefix(path, "/installation/") || path == repository:
				authorization = "token " + f.mint(mintAcme, "")
			}
			resp, answer := f.do(c.method, path, authorization, body) // the witness has nothing against this one
			req := resp.Request
			changed := &githubapptest.Answer{Status: resp.StatusCode, Header: resp.Header.Clone(), Body: []byte(answer)}
			require.NoError(t, d.checkAnswer(req, changed.Status, changed.Header, changed.Body))
			c.change(changed)
			require.ErrorContains(t, d.checkAnswer(req, changed.Status, changed.Header, changed.Body), c.want)
		})
	}
}

// edit sets the member that path leads to, or drops it when value is nil.
func edit(t *testing.T, a *githubapptest.Answer, path string, value any) {
	t.Helper()
	var document any
	require.NoError(t, json.Unmarshal(a.Body, &document))
	at := document
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		if list, ok := at.([]any); ok {
			require.Equal(t, "0", step)
			at = list[0]
			continue
		}
		at = at.(map[string]any)[step]
	}
	if last := steps[len(steps)-1]; value == nil {
		delete(at.(map[string]any), last)
	} else {
		at.(map[string]any)[last] = value
	}
	body, err := json.Marshal(document)
	require.NoError(t, err)
	a.Body = body
}

// A witness tells its test, and goes on telling.
func TestAWitnessFailsItsTest(t *testing.T) {
	f := newFake(t, nil)
	told := &recorder{TB: t}
	f.witness.t = told
	f.Fail(githubapptest.Rule{Fault: githubapptest.MintEmptyObject, Times: 2})
	for range 2 {
		f.do(http.MethodPost, mintAcme, f.app(), "")
	}
	f.do(http.MethodPost, mintAcme, f.app(), "")
	require.Equal(t, 2, told.errors)
}

type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }
