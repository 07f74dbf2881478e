package githubapptest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// entry is what a tree has at a path.
type entry struct {
	mode, sha, path string
	size            int64
}

// entries lists what git-ls-tree(1) finds in a commit.
func (b bare) entries(tree, below string, args ...string) []entry {
	out, _ := b.git(append([]string{"ls-tree", "-z", "--long", tree}, args...)...)
	var all []entry
	for line := range strings.SplitSeq(out, "\x00") {
		if meta, name, ok := strings.Cut(line, "\t"); ok {
			fields := strings.Fields(meta) // mode, type, object, size
			size, _ := strconv.ParseInt(fields[3], 10, 64)
			all = append(all, entry{fields[0], fields[2], path.Join(below, name), size})
		}
	}
	return all
}

// file finds a path in a commit.
func (b bare) file(commit, path string) (entry, bool) {
	found := b.entries(commit, "", "--", path)
	if len(found) != 1 {
		return entry{}, false
	}
	return found[0], true
}

// kinds are by the mode of an entry.
var kinds = map[string]string{"040000": "dir", "120000": "symlink", "160000": "submodule"}

// fileJSON returns GitHub's entry of a folder.
func (c *call) fileJSON(e entry, ref string) map[string]any {
	kind, page, object := "file", "/blob/", "/git/blobs/"
	if special, ok := kinds[e.mode]; ok {
		kind = special
	}
	escaped := (&url.URL{Path: e.path}).EscapedPath()
	var download any = c.links.html + "/raw/" + c.repo.fullName() + "/" + ref + "/" + escaped
	if kind == "dir" {
		page, object, download = "/tree/", "/git/trees/", nil
	}
	self := c.api("/contents/" + escaped + "?ref=" + url.QueryEscape(ref))
	html := c.html(page + ref + "/" + escaped)
	return map[string]any{
		"name": path.Base(e.path), "path": e.path, "sha": e.sha, "size": e.size, "type": kind,
		"url": self, "html_url": html, "git_url": c.api(object + e.sha), "download_url": download,
		"_links": map[string]string{"self": self, "git": c.api(object + e.sha), "html": html},
	}
}

// at returns the ref that the query asks for, and its commit.
func (c *call) at() (ref, commit string) {
	if ref = c.request.URL.Query().Get("ref"); ref == "" {
		ref = defaultBranch
	}
	return ref, c.resolve(ref)
}

func getContents(c *call) (int, any, *apiError) {
	ref, commit := c.at()
	name := c.request.PathValue("path")
	if commit == "" {
		return 0, nil, &apiError{status: http.StatusNotFound, message: "No commit found for the ref " + ref}
	}
	if name != "" {
		found, ok := c.file(commit, name)
		if !ok {
			return 0, nil, errNotFound
		}
		if kinds[found.mode] != "dir" {
			return c.content(found, ref)
		}
	}
	list := []map[string]any{} // never null
	for _, e := range c.entries(commit+":"+name, name) {
		list = append(list, c.fileJSON(e, ref))
	}
	return http.StatusOK, list, nil
}

// content answers with a file and what is in it.
func (c *call) content(e entry, ref string) (int, any, *apiError) {
	content, err := c.tools.output(c.dir, nil, nil, "cat-file", "blob", e.sha)
	if err != nil {
		return 0, nil, errNotFound // a submodule's commit is in another repository
	}
	file := c.fileJSON(e, ref)
	file["content"], file["encoding"] = wrapped(base64.StdEncoding.EncodeToString(content)), "base64"
	return http.StatusOK, file, nil
}

// wrapped returns base64 as GitHub sends it: in lines of 60 characters.
func wrapped(encoded string) string {
	var lines strings.Builder
	for ; len(encoded) > 60; encoded = encoded[60:] {
		lines.WriteString(encoded[:60] + "\n")
	}
	return lines.String() + encoded + "\n"
}

var readmeName = regexp.MustCompile(`(?i)^readme(?:\.[a-z]+)?$`)

// getReadme is what `gh repo view` shows.
func getReadme(c *call) (int, any, *apiError) {
	ref, commit := c.at()
	if commit != "" {
		for _, e := range c.entries(commit, "") {
			if readmeName.MatchString(e.path) && kinds[e.mode] == "" {
				return c.content(e, ref)
			}
		}
	}
	return 0, nil, errNotFound
}

// contentsChange is the body of a request that changes a file.
type contentsChange struct {
	Message, Content, SHA, Branch string
}

func putContents(c *call) (int, any, *apiError)    { return c.changeContents(false) }
func deleteContents(c *call) (int, any, *apiError) { return c.changeContents(true) }

func (c *call) changeContents(delete bool) (int, any, *apiError) {
	asked := contentsChange{Branch: defaultBranch}
	required := []string{"message", "content"}
	if delete {
		required[1] = "sha"
	}
	if refusal := c.read(&asked, required...); refusal != nil {
		return 0, nil, refusal
	}
	change := fileChange{path: c.request.PathValue("path"), deleted: delete}
	var err error
	if change.content, err = base64.StdEncoding.DecodeString(asked.Content); err != nil {
		return 0, nil, unprocessable("content is not valid Base64")
	}
	tip := c.resolve("refs/heads/" + asked.Branch)
	if tip == "" {
		return 0, nil, &apiError{status: http.StatusNotFound, message: "Branch " + asked.Branch + " not found"}
	}
	old, there := c.file(tip, change.path)
	switch {
	case !there && delete:
		return 0, nil, errNotFound
	case there && asked.SHA == "":
		return 0, nil, unprocessable("Invalid request.\n\n\"sha\" wasn't supplied.")
	case there && old.sha != asked.SHA:
		return 0, nil, &apiError{status: http.StatusConflict, message: change.path + " does not match " + asked.SHA}
	}
	commit, refusal := c.change(asked.Branch, tip, asked.Message, change)
	if refusal != nil {
		return 0, nil, refusal
	}
	answer := map[string]any{"content": nil, "commit": c.gitCommitJSON(c.commitInfo(commit))}
	if now, ok := c.file(commit, change.path); ok {
		answer["content"] = c.fileJSON(now, asked.Branch)
	}
	if !there {
		return http.StatusCreated, answer, nil
	}
	return http.StatusOK, answer, nil
}

// change puts a commit on a branch in the session's name.
func (c *call) change(branch, tip, message string, changes ...fileChange) (commit string, refusal *apiError) {
	for _, change := range changes {
		switch {
		case path.Clean("/"+change.path) != "/"+change.path || change.path == "" ||
			strings.Contains("/"+strings.ToLower(change.path)+"/", "/.git/"):
			return "", unprocessable("path contains a malformed path component")
		case strings.HasPrefix(change.path, workflowFolder+"/") && !c.may("workflows", "write"):
			return "", errNotAccessible
		}
	}
	commit, err := c.commit(branch, tip, message, c.author(), changes)
	if err != nil {
		return "", &apiError{status: http.StatusConflict, message: "is at another commit than " + tip}
	}
	return commit, nil
}

func (c *call) may(permission, level string) bool {
	return c.session.may(c.repo, permission, level)
}
