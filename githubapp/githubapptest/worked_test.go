package githubapptest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// worked is a fake with acme/widgets: main is a commit ahead of the branches
// topic and old, and topic has one of its own, which pull request 1 wants in
// main.
type worked struct {
	*fake
	git          *testutil.Git
	token        string // may write
	main, topic  string // commits
	first        string // the commit before them
	old          string // the node id of the branch
	repository   string // its node id
	readmeSHA    string
	onlyPulls    string // contents: read, pull_requests: write
	repositoryID float64
	pull         int    // the latest, which isn't merged
	backup       string // of its refs
}

func newWorked(t *testing.T) *worked {
	f := newFake(t, &githubapptest.Options{OnBreach: func(r githubapptest.Request) { t.Errorf("%s %s: %s", r.Method, r.Path, r.Breach) }})
	f.AddInstallation(githubapptest.Installation{ID: installationID, AppID: appID, Account: account, Permissions: map[string]string{
		"contents": "write", "pull_requests": "write", "workflows": "write",
	}})
	_, err := f.AddRepository("acme/widgets")
	require.NoError(t, err)
	w := &worked{fake: f, git: testutil.NewGit(t), backup: t.TempDir()}
	w.token, _ = f.mint(`{"permissions":{"contents":"write","pull_requests":"write"}}`)
	w.onlyPulls, _ = f.mint(`{"permissions":{"contents":"read","pull_requests":"write"}}`)
	w.main = w.rev("main")
	for _, branch := range []string{"topic", "old"} {
		w.expect(201, "POST", "/git/refs", fmt.Sprintf(`{"ref":"refs/heads/%s","sha":%q}`, branch, w.main))
	}
	w.expect(201, "PUT", "/contents/one", `{"message":"One","content":"MQ==","branch":"topic"}`)
	w.expect(201, "PUT", "/contents/two", `{"message":"Two","content":"Mg=="}`)
	w.first, w.main, w.topic, w.readmeSHA = w.main, w.rev("main"), w.rev("topic"), w.rev("main:README.md")
	w.old = w.node(`ref(qualifiedName:"refs/heads/old")`)
	require.NoError(t, os.CopyFS(w.backup, os.DirFS(filepath.Join(f.RepositoryDir("acme/widgets"), "refs"))))
	w.pull, err = f.AddPullRequest("acme/widgets", "topic", "main")
	require.NoError(t, err)
	require.Equal(t, 1, w.pull)
	repository := f.do("GET", "/repos/acme/widgets", "token "+w.token, "")
	w.repository, w.repositoryID = repository.json["node_id"].(string), repository.json["id"].(float64)
	return w
}

// rev asks git itself.
func (w *worked) rev(name string) string {
	w.t.Helper()
	return w.git.Run(w.t, w.RepositoryDir("acme/widgets"), "rev-parse", "--verify", name)
}

// state is all that git has there.
func (w *worked) state() string {
	w.t.Helper()
	return w.git.Run(w.t, w.RepositoryDir("acme/widgets"), "for-each-ref", "--format=%(refname) %(objectname)")
}

// restore brings all refs back to where they were at first, with another pull
// request.
func (w *worked) restore() {
	w.t.Helper()
	dir := filepath.Join(w.RepositoryDir("acme/widgets"), "refs")
	require.NoError(w.t, os.RemoveAll(dir))
	require.NoError(w.t, os.CopyFS(dir, os.DirFS(w.backup)))
	var err error
	w.pull, err = w.AddPullRequest("acme/widgets", "topic", "main")
	require.NoError(w.t, err)
}

func (w *worked) expect(status int, method, path, body string) *response {
	w.t.Helper()
	resp := w.do(method, "/repos/acme/widgets"+path, "token "+w.token, body)
	require.Equal(w.t, status, resp.StatusCode, "%s %s: %s", method, path, resp.body)
	return resp
}

// mutate returns the answer to a mutation by its name.
func (w *worked) mutate(token, name, input, payload string) *response {
	w.t.Helper()
	return w.graphQL(token, fmt.Sprintf("mutation{%s(input:{%s}){%s}}", name, input, payload))
}

// node asks for the node id of what a field of the repository leads to.
func (w *worked) node(field string) string {
	w.t.Helper()
	resp := w.graphQL(w.token, `{repository(owner:"acme",name:"widgets"){it:`+field+`{id}}}`)
	data := resp.json["data"].(map[string]any)["repository"].(map[string]any)["it"].(map[string]any)
	return data["id"].(string)
}

// moved names the refs that two states differ in.
func moved(before, after string) (names []string) {
	all := slices.Concat(strings.Split(before, "\n"), strings.Split(after, "\n"))
	for _, line := range all {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "refs/"), " ")
		if strings.Contains(before, line) != strings.Contains(after, line) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// fill puts what there is in the place of its name.
func (w *worked) fill(text string) string {
	return strings.NewReplacer("MAIN", w.main, "TOPIC", w.topic, "FIRST", w.first, "README_SHA", w.readmeSHA,
		"REPOSITORY", w.repository, "OLD", w.old, "PULL_NODE", w.node(fmt.Sprintf("pullRequest(number:%d)", w.pull)),
		"PULL", fmt.Sprint(w.pull)).Replace(text)
}
