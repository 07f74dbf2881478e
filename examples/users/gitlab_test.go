package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/stretchr/testify/require"
)

// labServer speaks as GitLab does, by its documentation, and has the fake GitHub
// behind it do what is asked.
type labServer struct {
	*httptest.Server
	t      *testing.T
	github *gitHub
	users  map[string]bool // that git came with
	scope  string
}

func startLab(t *testing.T) *labServer {
	github, err := startGitHub(true)
	require.NoError(t, err)
	t.Cleanup(github.Close)
	l := &labServer{t: t, github: github, users: map[string]bool{}}
	behind, err := url.Parse(github.URL)
	require.NoError(t, err)
	git := &httputil.ReverseProxy{Transport: github.Client().Transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/authorize_device", l.authorizeDevice)
	mux.HandleFunc("POST /oauth/token", l.token)
	mux.HandleFunc("GET /api/v4/user", l.user)
	mux.HandleFunc("GET /api/v4/projects/{project}", l.project)
	mux.HandleFunc("POST /api/v4/projects/{project}/merge_requests", l.mergeRequest)
	mux.HandleFunc("/acme/widgets.git/", func(w http.ResponseWriter, r *http.Request) {
		if user, _, ok := r.BasicAuth(); ok {
			l.users[user] = true
		}
		git.ServeHTTP(w, r)
	})
	l.Server = httptest.NewTLSServer(mux)
	t.Cleanup(l.Close)
	return l
}

func (l *labServer) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Certificate().Raw})
}

// ask has GitHub answer, and returns the status and the members of the answer.
func (l *labServer) ask(r *http.Request, method, path, contentType, body string) (int, map[string]any) {
	req, err := http.NewRequestWithContext(r.Context(), method, l.github.URL+path, strings.NewReader(body))
	require.NoError(l.t, err)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", r.Header.Get("Authorization"))
	resp, err := l.github.Client().Do(req)
	require.NoError(l.t, err)
	defer resp.Body.Close()
	var members map[string]any
	require.NoError(l.t, json.NewDecoder(resp.Body).Decode(&members))
	return resp.StatusCode, members
}

func answer(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members)
}

func (l *labServer) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	l.scope = r.PostFormValue("scope")
	_, device := l.ask(r, "POST", "/login/device/code", "application/x-www-form-urlencoded", r.PostForm.Encode())
	require.NoError(l.t, l.github.Server.Approve(device["user_code"].(string), "alice")) // who is quick
	device["verification_uri"] = l.URL + "/oauth/device"
	device["verification_uri_complete"] = fmt.Sprintf("%s/oauth/device?user_code=%s", l.URL, device["user_code"])
	answer(w, 200, device)
}

// token answers with the errors of RFC 6749, whose status is 400.
func (l *labServer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, given := l.ask(r, "POST", "/login/oauth/access_token", "application/x-www-form-urlencoded", r.PostForm.Encode())
	if given["error"] != nil {
		answer(w, 400, given)
		return
	}
	given["token_type"], given["scope"] = "Bearer", l.scope
	answer(w, 200, given)
}

func (l *labServer) user(w http.ResponseWriter, r *http.Request) {
	status, user := l.ask(r, "GET", "/user", "", "")
	answer(w, status, map[string]any{"username": user["login"], "name": user["name"], "commit_email": "alice@gitlab.example"})
}

func (l *labServer) project(w http.ResponseWriter, r *http.Request) {
	require.Equal(l.t, "acme/widgets", r.PathValue("project"))
	status, project := l.ask(r, "GET", "/repos/acme/widgets", "", "")
	answer(w, status, map[string]any{"default_branch": project["default_branch"]})
}

func (l *labServer) mergeRequest(w http.ResponseWriter, r *http.Request) {
	var asked map[string]string
	text, _ := io.ReadAll(r.Body)
	require.NoError(l.t, json.Unmarshal(text, &asked))
	body, _ := json.Marshal(map[string]string{"title": asked["title"], "head": asked["source_branch"], "base": asked["target_branch"]})
	status, pull := l.ask(r, "POST", "/repos/acme/widgets/pulls", "application/json", string(body))
	require.Equal(l.t, 201, status)
	answer(w, status, map[string]any{
		"web_url": fmt.Sprintf("%s/acme/widgets/-/merge_requests/%v", l.URL, pull["number"]),
		"author":  map[string]any{"username": pull["user"].(map[string]any)["login"]},
	})
}

// trustedLab is a gitLab whose certificate is its own.
type trustedLab struct {
	*gitLab
	server *labServer
}

func (l *trustedLab) Client() *http.Client { return l.server.Client() }

func (l *trustedLab) CertPEM() []byte { return l.server.certPEM() }

func TestTheSameWorksAgainstAGitLab(t *testing.T) {
	server := startLab(t)
	lab, err := newGitLab(server.URL+"/", server.github.app.ClientID, "acme/widgets")
	require.NoError(t, err)
	told := captured(t, func() error { return run(t.Context(), &trustedLab{lab, server}) })
	require.Regexp(t, story, told)
	require.Contains(t, told, "alice at "+server.URL)
	require.Contains(t, told, "Alice <alice@gitlab.example>")
	require.Contains(t, told, "/-/merge_requests/1")
	require.Equal(t, map[string]bool{"oauth2": true}, server.users)
	require.Equal(t, "api write_repository", server.scope)
	require.NotEmpty(t, refreshes(server.github.Requests()))
}

// refreshes returns the requests that renewed a token.
func refreshes(all []githubapptest.Request) (found []githubapptest.Request) {
	for _, r := range all {
		if strings.Contains(string(r.Body), "grant_type=refresh_token") {
			found = append(found, r)
		}
	}
	return found
}

// captured returns what do prints.
func captured(t *testing.T, do func() error) string {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	out := os.Stdout
	os.Stdout = write
	err = do()
	os.Stdout = out
	require.NoError(t, write.Close())
	told, readErr := io.ReadAll(read)
	require.NoError(t, readErr)
	require.NoError(t, err, "%s", told)
	return string(told)
}
