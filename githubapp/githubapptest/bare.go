package githubapptest

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bare is the folder of a repository, as git sees it.
type bare struct {
	tools *gitTools
	dir   string
}

// git runs git there, and returns what it printed.
func (b bare) git(args ...string) (string, error) { return b.tools.run(b.dir, nil, args...) }

// resolve returns the commit that name is: a branch, a tag, a ref in full, or
// an id; "" when there is none.
func (b bare) resolve(name string) (commit string) {
	if strings.ContainsAny(name, "^~: ") || strings.Contains(name, "@{") { // git's own words for others
		return ""
	}
	candidates := []string{"refs/heads/" + name, "refs/tags/" + name}
	if isObjectID(name) || strings.HasPrefix(name, "refs/") {
		candidates = []string{name}
	}
	for _, candidate := range candidates {
		if commit, err := b.git("rev-parse", "--verify", "--quiet", candidate+"^{commit}"); err == nil {
			return commit
		}
	}
	return ""
}

// ref is a name for an object.
type ref struct{ name, kind, object string }

// refs returns those whose names begin so.
func (b bare) refs(prefix string) []ref {
	out, _ := b.git("for-each-ref", "--format=%(refname) %(objecttype) %(objectname)")
	var all []ref
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); strings.HasPrefix(line, prefix) {
			all = append(all, ref{fields[0], fields[1], fields[2]})
		}
	}
	return all
}

// ref returns the ref of that name in full.
func (b bare) ref(name string) (found ref, ok bool) {
	for _, found := range b.refs(name) {
		if found.name == name {
			return found, true
		}
	}
	return ref{}, false
}

// commitInfo is what there is to tell of a commit.
type commitInfo struct {
	id, tree, message string
	parents           []string
	author, committer signature
}

type signature struct {
	name, email string
	at          time.Time
}

func (b bare) commitInfo(id string) commitInfo {
	out, _ := b.git("show", "--no-patch", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B", id)
	fields := append(strings.SplitN(out, "\x00", 10), make([]string, 10)...)
	at := func(text string) time.Time { n, _ := strconv.ParseInt(text, 10, 64); return time.Unix(n, 0) }
	return commitInfo{
		id: fields[0], tree: fields[1], parents: strings.Fields(fields[2]), message: strings.TrimRight(fields[9], "\n"),
		author: signature{fields[3], fields[4], at(fields[5])}, committer: signature{fields[6], fields[7], at(fields[8])},
	}
}

// String returns the signature as commits have it.
func (s signature) String() string {
	return fmt.Sprintf("%s <%s> %d +0000", s.name, s.email, s.at.Unix())
}

// env returns the signature as git takes it for the role, AUTHOR or COMMITTER.
func (s signature) env(role string) []string {
	return []string{
		"GIT_" + role + "_NAME=" + s.name, "GIT_" + role + "_EMAIL=" + s.email,
		fmt.Sprintf("GIT_%s_DATE=%d +0000", role, s.at.Unix()),
	}
}

// fileChange is what becomes of the file at path.
type fileChange struct {
	path    string
	content []byte
	deleted bool
}

// errMoved says that a ref isn't any more where it was.
var errMoved = errors.New("the ref has moved")

// commit puts a commit with changes on the branch, whose tip is parent. It is
// one run of git-fast-import(1), which moves the branch only forward.
func (b bare) commit(branch, parent, message string, author signature, changes []fileChange) (commit string, err error) {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/%s\nmark :1\nauthor %s\ncommitter %s\ndata %d\n%s\nfrom %s\n",
		branch, author, webFlow(author.at), len(message), message, parent)
	for _, change := range changes {
		path := `"` + quotes.Replace(change.path) + `"`
		if change.deleted {
			fmt.Fprintf(&in, "D %s\n", path)
		} else {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(change.content), change.content)
		}
	}
	in.WriteString("\nget-mark :1\ndone\n")
	commit, err = b.tools.run(b.dir, in.Bytes(), "fast-import", "--quiet", "--done", "--date-format=raw")
	if err != nil {
		return "", errMoved
	}
	return commit, nil
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// webFlow commits what GitHub's own pages and its API make.
func webFlow(at time.Time) signature { return signature{"GitHub", "noreply@github.com", at} }

var (
	errConflict   = errors.New("a merge conflict")
	errNothingNew = errors.New("there is nothing to merge")
)

// merge merges the commit head into the branch.
func (b bare) merge(branch, head, message string, author signature) (commit string, err error) {
	tip := b.resolve("refs/heads/" + branch)
	if b.isAncestor(head, tip) {
		return "", errNothingNew
	}
	tree, err := b.git("merge-tree", "--write-tree", tip, head)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return "", errConflict
	}
	if err != nil {
		return "", err
	}
	env := slices.Concat(author.env("AUTHOR"), webFlow(author.at).env("COMMITTER"))
	out, err := b.tools.output(b.dir, env, strings.NewReader(message), "commit-tree", tree, "-p", tip, "-p", head)
	if err != nil {
		return "", err
	}
	commit = strings.TrimSpace(string(out))
	return commit, b.move("refs/heads/"+branch, commit, tip)
}

func (b bare) isAncestor(old, new string) bool {
	_, err := b.git("merge-base", "--is-ancestor", old, new)
	return err == nil
}

// move makes ref name another object than old; of a new ref old is 0.
func (b bare) move(ref, object, old string) error {
	if _, err := b.git("update-ref", ref, object, old); err != nil {
		return errMoved
	}
	return nil
}
