package githubapptest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// readmeEntry is a README in the list of a tree that git ls-tree --long gives.
var readmeEntry = regexp.MustCompile(`(?im)^100(?:644|755) blob ([0-9a-f]+) +([0-9]+)\t(readme(?:\.[a-z]+)?)$`)

// getReadme answers GET /repos/{owner}/{repo}/readme from the repository
// itself; `gh repo view` shows it.
func (s *Server) getReadme(w http.ResponseWriter, r *http.Request, session session) {
	repo := s.reached(w, r, session, "/readme")
	if repo == nil {
		return
	}
	if !session.token.may(session.installation, "contents", "read") {
		errNotAccessible.write(w)
		return
	}
	ref := r.URL.Query().Get("ref")
	if ref == "" {
		ref = defaultBranch
	}
	readme, err := s.readme(repo, ref)
	if err != nil {
		errNotFound.write(w)
		return
	}
	api := apiURL(r) + "/repos/" + repo.fullName()
	self := api + "/contents/" + readme.name + "?ref=" + url.QueryEscape(ref)
	blob := api + "/git/blobs/" + readme.sha
	html := s.URL + "/" + repo.fullName() + "/blob/" + ref + "/" + readme.name
	writeJSON(w, http.StatusOK, map[string]any{
		"name": readme.name, "path": readme.name, "sha": readme.sha, "size": readme.size, "type": "file",
		"url": self, "html_url": html, "git_url": blob,
		"download_url": s.URL + "/raw/" + repo.fullName() + "/" + ref + "/" + readme.name,
		"content":      wrapped(base64.StdEncoding.EncodeToString(readme.content)), "encoding": "base64",
		"_links": map[string]string{"self": self, "git": blob, "html": html},
	})
}

type readme struct {
	name, sha string
	size      int64
	content   []byte
}

// readme reads the README in the root of a commit.
func (s *Server) readme(repo *repository, ref string) (*readme, error) {
	if repo.dir == "" || strings.HasPrefix(ref, "-") {
		return nil, errUnknownRepository
	}
	tools, err := s.gitTools()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.gitRoot, repo.dir)
	tree, err := tools.run(dir, nil, "ls-tree", "--long", ref+"^{commit}")
	if err != nil {
		return nil, err
	}
	match := readmeEntry.FindStringSubmatch(tree)
	if match == nil {
		return nil, fmt.Errorf("no README in %s", ref)
	}
	content, err := tools.output(dir, nil, nil, "cat-file", "blob", match[1])
	if err != nil {
		return nil, err
	}
	size, _ := strconv.ParseInt(match[2], 10, 64)
	return &readme{match[3], match[1], size, content}, nil
}

// wrapped returns base64 as GitHub sends it: in lines of 60 characters.
func wrapped(encoded string) string {
	var lines strings.Builder
	for ; len(encoded) > 60; encoded = encoded[60:] {
		lines.WriteString(encoded[:60] + "\n")
	}
	return lines.String() + encoded + "\n"
}
