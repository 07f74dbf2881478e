package clienttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// Each answer goes by a witness. In the end none that GitHub describes is left out.
func TestEveryAnswerIsAsGitHubDescribesIt(t *testing.T) {
	f := newFake(t, &githubapptest.Options{TokenFormat: githubapptest.FormatClassic})
	expect := func(status int, method, path, authorization, body string, header ...string) string {
		t.Helper()
		resp, answer := f.do(method, path, authorization, body, header...)
		require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, path, answer)
		return answer
	}
	get := func(status int, path, authorization string) string {
		t.Helper()
		return expect(status, "GET", path, authorization, "")
	}
	mint := func(path, body string, header ...string) string {
		t.Helper()
		return "token " + f.mint(path, body, header...)
	}

	t.Run("the app and its installations", func(t *testing.T) {
		for _, base := range []string{"", "/api/v3"} {
			get(200, base+"/", "")
			get(200, base+"/app", f.app())
			get(200, base+"/app/installations", f.app())
			get(200, base+"/app/installations?per_page=1&page=2&since=2020-01-01T00:00:00Z&outdated=1", f.app())
			for _, path := range []string{
				"/app/installations/345", "/orgs/acme/installation", "/users/alice/installation", "/users/acme/installation",
				"/enterprises/big/installation", "/repos/acme/one/installation", "/repos/alice/notes/installation",
			} {
				get(200, base+path, f.app())
			}
			for _, path := range []string{
				"/app/installations/99", "/orgs/alice/installation", "/users/nobody/installation", "/enterprises/acme/installation",
				"/repos/acme/none/installation", "/nowhere", "/app/installations/99/nowhere",
			} {
				get(404, base+path, f.app())
			}
		}
	})

	t.Run("tokens", func(t *testing.T) {
		for _, header := range []string{"enabled", "disabled"} {
			for _, version := range []string{"2022-11-28", "2026-03-10"} {
				for _, body := range []string{
					"", "{}", "null", `{"repositories":["one","two"]}`, `{"permissions":{"organization_projects":"write","contents":"read"}}`,
				} {
					token := mint(mintAcme, body, "X-GitHub-Stateless-S2S-Token", header, "X-GitHub-Api-Version", version)
					get(200, "/installation/repositories", token)
					get(200, "/installation/repositories?per_page=1&page=2", token)
				}
			}
		}
		token := mint("/app/installations/346/access_tokens", "")
		repository := get(200, "/repos/alice/notes", token)
		var found struct{ ID int64 }
		require.NoError(t, json.Unmarshal([]byte(repository), &found))
		get(200, fmt.Sprintf("/repositories/%d", found.ID), token)
		get(200, fmt.Sprintf("/repositories/%d/installation", found.ID), f.app())
		get(404, "/repositories/1", token)
		get(404, "/repos/acme/one", token)
		get(403, "/user", token)
		get(401, "/user", "")
		get(200, "/rate_limit", token)
		get(200, "/rate_limit", "")
		expect(304, "GET", "/rate_limit", token, "", "If-None-Match", "*")
		f.SetRateLimit(-1)
		get(404, "/rate_limit", token)
		f.SetRateLimit(0)
		resp, _ := f.do("GET", "/installation/repositories", token, "")
		expect(304, "GET", "/installation/repositories", token, "", "If-None-Match", resp.Header.Get("ETag"))
		expect(204, "DELETE", "/installation/token", token, "")
		expect(401, "DELETE", "/installation/token", token, "")
		get(401, "/installation/repositories", token)
		get(401, "/repos/alice/notes", token)
	})

	t.Run("a repository's README", func(t *testing.T) {
		testutil.NeedTool(t, "git")
		_, err := f.AddRepository("acme/two")
		require.NoError(t, err)
		token := mint(mintAcme, "")
		get(200, "/", token)
		get(401, "/", "token garbage")
		get(200, "/repos/acme/two/readme", token)
		get(200, "/api/v3/repos/acme/two/readme?ref=main", token)
		expect(304, "GET", "/repos/acme/two/readme", token, "", "If-None-Match", "*")
		get(404, "/repos/acme/one/readme", token)
		get(403, "/repos/acme/two/readme", mint(mintAcme, `{"permissions":{"issues":"read"}}`))
		var found struct{ ID int64 }
		require.NoError(t, json.Unmarshal([]byte(get(200, "/repos/acme/two", token)), &found))
		get(200, fmt.Sprintf("/repositories/%d/readme", found.ID), token)
		require.NoError(t, f.RenameRepository("acme/two", "acme/zwei"))
		get(301, "/repos/acme/two/readme", token)
		require.NoError(t, f.RenameRepository("acme/zwei", "acme/two"))
	})

	t.Run("a repository's git", func(t *testing.T) {
		_, err := f.AddRepository("acme/work")
		require.NoError(t, err)
		token, reader := mint(mintAcme, ""), mint(mintAcme, `{"permissions":{"contents":"read","pull_requests":"read"}}`)
		const work = "/repos/acme/work"
		git := func(path string) string {
			var found struct{ Object, Commit struct{ SHA string } }
			require.NoError(t, json.Unmarshal([]byte(get(200, work+path, token)), &found))
			return found.Object.SHA + found.Commit.SHA
		}
		main := git("/git/ref/heads/main")
		require.Equal(t, main, git("/branches/main"))
		for path, body := range map[string]string{"/merges": `{"base":"main","head":"main"}`, "/releases": `{"tag_name":"v0"}`, "/git/refs": `{"ref":"refs/heads/a/b","sha":"` + main + `"}`} {
			expect(403, "POST", work+path, reader, body)
		}
		expect(403, "PUT", work+"/pulls/1/merge", reader, "{}")
		expect(403, "PUT", work+"/pulls/1/update-branch", reader, "")
		expect(201, "POST", work+"/git/refs", token, `{"ref":"refs/heads/a/b","sha":"`+main+`"}`)
		expect(422, "POST", work+"/git/refs", token, `{"ref":"refs/heads/a/b","sha":"`+main+`"}`)
		get(200, work+"/branches?per_page=1", token)
		get(200, work+"/branches/a/b", token)
		get(404, work+"/branches/none", token)
		get(200, work+"/git/matching-refs/heads/a", token)
		get(404, work+"/git/ref/heads/none", token)
		get(404, work+"/git/ref/heads/main", "token "+f.mint("/app/installations/346/access_tokens", ""))

		file := `{"message":"x","content":"eA==","branch":"a/b"`
		expect(201, "PUT", work+"/contents/sub/file", token, file+"}")
		expect(422, "PUT", work+"/contents/sub/file", token, file+"}")
		expect(409, "PUT", work+"/contents/sub/file", token, file+`,"sha":"`+main+`"}`)
		expect(404, "PUT", work+"/contents/sub/file", token, `{"message":"x","content":"eA==","branch":"none"}`)
		var entry struct{ SHA string }
		require.NoError(t, json.Unmarshal([]byte(get(200, work+"/contents/sub/file?ref=a/b", token)), &entry))
		get(200, work+"/contents/sub?ref=a/b", token)
		get(403, work+"/contents/README.md", mint(mintAcme, `{"permissions":{"issues":"read"}}`))
		get(404, work+"/contents/none", token)
		expect(304, "GET", work+"/contents/README.md", token, "", "If-None-Match", "*")
		expect(200, "PUT", work+"/contents/sub/file", token, `{"message":"x","content":"eQ==","branch":"a/b","sha":"`+entry.SHA+`"}`)
		expect(409, "DELETE", work+"/contents/sub/file", token, `{"message":"x","branch":"a/b","sha":"`+entry.SHA+`"}`)
		expect(422, "DELETE", work+"/contents/README.md", token, `{"message":"x"}`)
		expect(404, "DELETE", work+"/contents/none", token, `{"message":"x","sha":"`+entry.SHA+`"}`)
		require.NoError(t, json.Unmarshal([]byte(get(200, work+"/contents/README.md", token)), &entry))
		expect(200, "DELETE", work+"/contents/README.md", token, `{"message":"x","sha":"`+entry.SHA+`"}`)

		for range 2 {
			_, err = f.AddPullRequest("acme/work", "a/b", "main")
			require.NoError(t, err)
		}
		expect(202, "PUT", work+"/pulls/1/update-branch", token, "")
		expect(422, "PUT", work+"/pulls/1/update-branch", token, "{}")
		expect(409, "PUT", work+"/pulls/1/merge", token, `{"sha":"`+main+`"}`)
		expect(422, "PUT", work+"/pulls/1/merge", token, `{"sha":1}`)
		expect(200, "PUT", work+"/pulls/1/merge", token, "{}")
		expect(405, "PUT", work+"/pulls/1/merge", token, "{}")
		expect(404, "PUT", work+"/pulls/3/merge", token, "{}")

		expect(201, "PUT", work+"/contents/one", token, `{"message":"x","content":"eA==","branch":"main"}`)
		expect(201, "POST", work+"/merges", token, `{"base":"a/b","head":"main"}`)
		expect(204, "POST", work+"/merges", token, `{"base":"a/b","head":"main"}`)
		expect(404, "POST", work+"/merges", token, `{"base":"none","head":"main"}`)
		expect(422, "POST", work+"/merges", token, `{"base":"a/b"}`)
		expect(201, "PUT", work+"/contents/two", token, `{"message":"x","content":"eA==","branch":"main"}`)
		expect(201, "PUT", work+"/contents/two", token, `{"message":"x","content":"eQ==","branch":"a/b"}`)
		expect(409, "POST", work+"/merges", token, `{"base":"a/b","head":"main"}`)
		expect(201, "POST", work+"/releases", token, `{"tag_name":"v1","name":"One","draft":true}`)
		expect(201, "POST", work+"/releases", token, `{"tag_name":"v1"}`)
		expect(422, "POST", work+"/releases", token, `{"tag_name":"v2","target_commitish":"none"}`)
		expect(404, "POST", "/repos/acme/none/releases", token, `{"tag_name":"v2"}`)

		expect(200, "PATCH", work+"/git/refs/heads/a/b", token, `{"sha":"`+main+`","force":true}`)
		expect(422, "PATCH", work+"/git/refs/heads/none", token, `{"sha":"`+main+`"}`)
		expect(204, "DELETE", work+"/git/refs/tags/v1", token, "")
		expect(422, "DELETE", work+"/git/refs/tags/v1", token, "")
		const empty = "/repos/acme/one/git"
		get(409, empty+"/ref/heads/main", token)
		get(409, empty+"/matching-refs/heads", token)
		expect(409, "POST", empty+"/refs", token, `{"ref":"refs/heads/main","sha":"`+main+`"}`)
		expect(409, "PATCH", empty+"/refs/heads/main", token, `{"sha":"`+main+`"}`)
		expect(409, "DELETE", empty+"/refs/heads/main", token, "")
		get(404, "/repos/acme/one/branches", token)
		require.NoError(t, f.RenameRepository("acme/work", "acme/worked"))
		get(301, work+"/branches/main", token)
		require.NoError(t, f.RenameRepository("acme/worked", "acme/work"))
	})

	t.Run("a person, and what they do", func(t *testing.T) {
		f.AddUser(githubapptest.User{Login: "carol", Name: "Carol", Access: map[string]string{"acme": "write"}})
		token, bot := "token "+f.signIn("carol"), mint(mintAcme, "")
		get(200, "/user", token)
		get(200, "/users/carol", "")
		expect(304, "GET", "/user", token, "", "If-None-Match", "*")
		get(200, "/repos/acme/work", token)
		get(404, "/repos/alice/notes", token)
		get(403, "/installation/repositories", token)
		expect(403, "DELETE", "/installation/token", token, "")
		const work = "/repos/acme/work"
		var main struct{ Object struct{ SHA string } }
		require.NoError(t, json.Unmarshal([]byte(get(200, work+"/git/ref/heads/main", token)), &main))
		expect(201, "POST", work+"/git/refs", token, `{"ref":"refs/heads/c","sha":"`+main.Object.SHA+`"}`)
		expect(201, "PUT", work+"/contents/three", token, `{"message":"x","content":"eA==","branch":"c"}`)
		get(200, work+"/branches/c", token)
		asked := `{"title":"Three","head":"c","base":"main"`
		expect(201, "POST", work+"/pulls", token, asked+`,"body":"Why"}`)
		expect(422, "POST", work+"/pulls", token, asked+"}")
		expect(422, "POST", work+"/pulls", token, `{"title":"None","head":"none","base":"main"}`)
		expect(403, "POST", work+"/pulls", mint(mintAcme, `{"permissions":{"contents":"read"}}`), asked+"}")
		for _, who := range []string{token, bot} {
			get(200, work+"/pulls?state=all&per_page=1&page=2", who)
			get(200, work+"/pulls/3", who)
			expect(201, "POST", work+"/issues/3/comments", who, `{"body":"Well"}`)
			get(200, work+"/issues/3/comments?per_page=1&page=2", who)
		}
		get(404, work+"/pulls/9", token)
		get(404, work+"/issues/9/comments", token)
		expect(404, "POST", work+"/issues/9/comments", token, `{"body":"Well"}`)
		expect(422, "POST", work+"/issues/3/comments", token, "{}")
		expect(403, "POST", work+"/issues/3/comments", mint(mintAcme, `{"permissions":{"contents":"read"}}`), `{"body":"Well"}`)
		expect(304, "GET", work+"/pulls", token, "", "If-None-Match", "*")
		expect(304, "GET", work+"/pulls/3", token, "", "If-None-Match", "*")
		expect(200, "PUT", work+"/pulls/3/merge", token, "{}")
		get(200, work+"/pulls/3", token)
		f.SetRateLimit(1)
		get(200, "/user", token)
		get(403, "/user", token)
		f.SetRateLimit(0)
		f.RevokeGrant(appID, "carol")
		get(401, "/user", token)
	})

	t.Run("apps and users", func(t *testing.T) {
		for _, authorization := range []string{"", f.app(), mint(mintAcme, "")} {
			get(200, "/apps/robot", authorization)
			get(404, "/apps/none", authorization)
			for _, login := range []string{"robot%5Bbot%5D", "acme", "alice"} {
				get(200, "/users/"+login, authorization)
			}
			get(404, "/users/nobody", authorization)
		}
		f.Fail(githubapptest.Rule{Fault: githubapptest.PrimaryLimit(403, time.Minute), Times: 1})
		get(403, "/apps/robot", "")
	})

	t.Run("mints that are refused", func(t *testing.T) {
		refused := func(status int, body string) {
			t.Helper()
			expect(status, "POST", mintAcme, f.app(), body)
		}
		refused(400, `{"repositories":`)
		refused(400, `[]`)
		refused(422, `{"repositories":"one"}`)
		refused(422, `{"repositories":["none"]}`)
		refused(422, `{"repository_ids":[99]}`)
		refused(422, `{"permissions":{"secrets":"read"}}`)
		refused(422, `{"permissions":{"pull-requests":"read"}}`)
		refused(422, `{"permissions":{"contents":"admin"}}`)
		refused(422, `{"repositories":["`+strings.Repeat(`one","`, 500)+`one"]}`)
		expect(404, "POST", "/app/installations/99/access_tokens", f.app(), "")
	})

	t.Run("credentials that are refused", func(t *testing.T) {
		now := f.Now().Unix()
		for _, authorization := range []string{
			"", "Bearer garbage", "token garbage", f.app("exp", now-10), f.app("exp", now+3600), f.app("iat", now+60),
			f.app("iss", nil),
		} {
			get(401, "/app", authorization)
			expect(401, "POST", mintAcme, authorization, "")
		}
		get(404, "/app", f.app("iss", "13"))
		get(401, "/installation/repositories", f.app())
		expect(400, "GET", "/app", f.app(), "", "X-GitHub-Api-Version", "2020-01-01")
	})

	t.Run("renamed", func(t *testing.T) {
		require.NoError(t, f.RenameRepository("acme/old", "acme/new"))
		get(301, "/repos/acme/old/installation", f.app())
		get(301, "/repos/acme/old", mint(mintAcme, ""))
	})

	t.Run("suspended and removed", func(t *testing.T) {
		token := mint(mintAcme, "")
		narrowed := mint(mintAcme, `{"permissions":{"contents":"read"}}`)
		f.SetPropagationDelay(time.Hour)
		get(401, "/installation/repositories", token)
		get(403, "/installation/repositories", narrowed)
		f.SetPropagationDelay(0)

		const path = "/app/installations/345"
		expect(204, "PUT", path+"/suspended", f.app(), "")
		get(200, path, f.app())
		get(200, "/app/installations", f.app())
		expect(403, "POST", mintAcme, f.app(), "")
		get(403, "/installation/repositories", token)
		get(403, "/repos/acme/one", token)
		expect(204, "DELETE", path+"/suspended", f.app(), "")
		expect(204, "DELETE", path, f.app(), "")
		get(401, "/installation/repositories", token)
		for _, method := range []string{"PUT", "DELETE"} {
			expect(404, method, path+"/suspended", f.app(), "")
		}
		expect(404, "DELETE", path, f.app(), "")
		expect(202, "DELETE", "/app/installations/347", f.app(), "", "X-GitHub-Api-Version", "2026-03-10")
	})

	t.Run("limits and refusals by switch", func(t *testing.T) {
		f.SetRateLimit(1)
		get(200, "/app", f.app())
		get(403, "/app", f.app())
		f.SetRateLimit(0)
		for status, fault := range map[int][]githubapptest.Fault{
			401: {githubapptest.UndecodableJWT, githubapptest.ClockFast, githubapptest.ClockSlow, githubapptest.IssuedInFuture,
				githubapptest.IssuerNotInteger, githubapptest.RequiresAuthentication, githubapptest.BadCredentials},
			403: {githubapptest.Suspended, githubapptest.NotAccessible, githubapptest.PrimaryLimit(403, time.Minute),
				githubapptest.SecondaryLimit(403, 0), githubapptest.AbuseDetection(time.Minute)},
			404: {githubapptest.NotFound, githubapptest.AppNotFound},
			422: {githubapptest.PermissionNotGranted, githubapptest.RepositoryNotAccessible, githubapptest.TooManyRepositories,
				githubapptest.EndpointSpammed, githubapptest.ValidationFailed(map[string]string{"resource": "Integration", "code": "invalid"})},
			429: {githubapptest.PrimaryLimit(429, 0), githubapptest.SecondaryLimit(429, time.Second)},
		} {
			for _, fault := range fault {
				f.Fail(githubapptest.Rule{Fault: fault, Times: 1})
				expect(status, "POST", "/app/installations/346/access_tokens", f.app(), "")
			}
		}
		f.Fail(githubapptest.Rule{Fault: githubapptest.MintWiderGrant, Times: 1})
		mint("/app/installations/346/access_tokens", `{"repositories":["notes"]}`)
	})

	answers, operations := f.witness.answers()
	t.Logf("%d answers validated, of %d kinds", answers, len(operations))
	missing := slices.DeleteFunc(f.witness.description.operations(), func(operation string) bool {
		return operations[operation] > 0 || slices.Contains(unreachable, operation)
	})
	require.Empty(t, missing, "GitHub describes them, and no answer of theirs was validated")
}

// unreachable are answers that the fake doesn't give: it refuses no ref of a README otherwise than as not found, has no
// files that are elsewhere, is never too busy to delete one or to show a pull request, shows no diff, which could be too
// large, and turns no comments off.
var unreachable = []string{
	"GET /repos/{owner}/{repo}/pulls 422", "GET /repos/{owner}/{repo}/pulls/{pull_number} 406",
	"GET /repos/{owner}/{repo}/pulls/{pull_number} 500", "GET /repos/{owner}/{repo}/pulls/{pull_number} 503",
	"GET /repos/{owner}/{repo}/issues/{issue_number}/comments 410", "POST /repos/{owner}/{repo}/issues/{issue_number}/comments 410",
	"GET /repos/{owner}/{repo}/readme 422",
	"GET /repos/{owner}/{repo}/contents/{path} 302", "DELETE /repos/{owner}/{repo}/contents/{path} 503",
}
