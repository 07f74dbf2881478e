package githubapptest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestABreachOfTheContractIsToldAndLogged(t *testing.T) {
	var told []githubapptest.Request
	f := newFake(t, &githubapptest.Options{OnBreach: func(r githubapptest.Request) { told = append(told, r) }})
	token, _ := f.mint("")
	claim := func(name string, value any) string {
		return f.bearer(func(c jwt.MapClaims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	hs256, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "12"}).SignedString([]byte("a key of thirty-two bytes, or so"))
	require.NoError(t, err)
	none := ""
	for name, c := range map[string]struct {
		method, path, authorization, body string
		header                            []string
		want                              string
	}{
		"a sound request of the app":          {"GET", "/app", f.bearer(), "", nil, none},
		"a sound mint":                        {"POST", mintPath, f.bearer(), `{"permissions":{"issues":"read"}}`, nil, none},
		"a sound request with a token":        {"GET", "/installation/repositories", "token " + token, "", nil, none},
		"Enterprise Server's base":            {"GET", "/api/v3/app", f.bearer(), "", nil, none},
		"a limit without credentials":         {"GET", "/rate_limit", "", "", nil, none},
		"git's first request":                 {"GET", "/acme/x.git/info/refs?service=git-upload-pack", "", "", nil, none},
		"a mint that the state refuses":       {"POST", "/app/installations/99/access_tokens", f.bearer(), "", nil, none},
		"a clock that is off":                 {"GET", "/app", claim("exp", f.Now().Add(time.Hour).Unix()), "", nil, none},
		"a token that is unknown":             {"GET", "/installation/repositories", "token ghs_unknown", "", nil, none},
		"no User-Agent":                       {"GET", "/app", f.bearer(), "", []string{"User-Agent", ""}, "no User-Agent"},
		"an API version that there isn't":     {"GET", "/app", f.bearer(), "", []string{"X-Github-Api-Version", "2020-01-01"}, "X-GitHub-Api-Version is none of"},
		"another method":                      {"PATCH", "/app", f.bearer(), "", nil, "no such method and path"},
		"another path":                        {"GET", "/apps", f.bearer(), "", nil, "no such method and path"},
		"a doubled slash":                     {"GET", "//app", f.bearer(), "", nil, "shortest form"},
		"half a body":                         {"POST", mintPath, f.bearer(), `{"permissions":`, nil, "isn't JSON"},
		"an app without credentials":          {"GET", "/app", "", "", nil, "no credentials, where an app's JWT"},
		"an app's JWT as token":               {"GET", "/app", "token " + f.bearer()[len("Bearer "):], "", nil, `scheme "token"`},
		"a token for the app":                 {"GET", "/app", "Bearer " + token, "", nil, "a credential that is no JWT"},
		"garbage for a JWT":                   {"GET", "/app", "Bearer a.b.c", "", nil, "a credential that is no JWT"},
		"another algorithm":                   {"GET", "/app", "Bearer " + hs256, "", nil, "a JWT signed with HS256"},
		"no expiry":                           {"GET", "/app", claim("exp", nil), "", nil, "a JWT whose exp is missing"},
		"a time of issue that is no integer":  {"GET", "/app", claim("iat", 1.5), "", nil, "a JWT whose iat is missing"},
		"an issuer that is no app":            {"GET", "/app", claim("iss", "13"), "", nil, "names no app"},
		"a foreign key":                       {"GET", "/app", "Bearer " + signJWT(t, 1, f.Now()), "", nil, "a JWT that no key of app 12 signed"},
		"an installation without credentials": {"GET", "/installation/repositories", "", "", nil, "no credentials, where a token"},
		"an app's JWT for a token":            {"GET", "/installation/repositories", f.bearer(), "", nil, "an app's JWT, where"},
		"a scheme that there isn't":           {"GET", "/installation/repositories", "Digest " + token, "", nil, `scheme "Digest"`},
		"git with a bearer":                   {"GET", "/acme/x.git/info/refs?service=git-upload-pack", "Bearer " + token, "", nil, "git needs Basic"},
		"git as nobody":                       {"GET", "/acme/x.git/info/refs?service=git-upload-pack", "Basic OnNlY3JldA==", "", nil, "no user name"},
		"git as somebody, as go-git does":     {"GET", "/acme/x.git/info/refs?service=git-upload-pack", "Basic Z2l0OnNlY3JldA==", "", nil, none},
		"git with the user name of its URL":   {"GET", "/acme/x.git/info/refs?service=git-upload-pack", "Basic Z2l0Og==", "", nil, none},
	} {
		t.Run(name, func(t *testing.T) {
			told = nil
			f.ForgetRequests()
			f.do(c.method, c.path, c.authorization, c.body, c.header...)
			logged := f.Requests()[0]
			if c.want == none {
				require.Empty(t, told)
				require.Empty(t, logged.Breach)
				return
			}
			require.Contains(t, logged.Breach, c.want)
			require.Len(t, told, 1)
			require.Equal(t, logged.Breach, told[0].Breach)
			require.Equal(t, c.method, told[0].Method)
			require.Empty(t, testutil.Leak(fmt.Sprintf("%+v", told), token))
		})
	}

	t.Run("a key that was changed is no breach of the client's", func(t *testing.T) {
		f.RotateKeys(appID, foreignKey(t))
		told = nil
		require.Equal(t, 401, f.do("GET", "/app", f.bearer(), "").StatusCode)
		require.Empty(t, told)
	})
	t.Run("a request that goes wrong by rule is judged too", func(t *testing.T) {
		f.Fail(githubapptest.Rule{Fault: githubapptest.HTML(502), Times: 1})
		told = nil
		f.do("GET", "/app", "", "")
		require.Len(t, told, 1)
	})
}
