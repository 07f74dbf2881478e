package githubapptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// workflowFolder holds what GitHub Actions runs.
const workflowFolder = ".github/workflows"

// refuseWorkflows answers a push that must not be, and reports whether it did:
// a token without the permission workflows: write can't push a commit that
// creates or changes a file in .github/workflows, unless the same file, path
// and content, is on a branch already. Nothing of the push is then done, for
// the other refs neither.
func (s *Server) refuseWorkflows(w http.ResponseWriter, r *http.Request, repo *repository) bool {
	session, refusal := s.session(exchangeOf(r).caller)
	if refusal == nil && session.may(repo, "workflows", "write") {
		return false
	}
	p, err := readPush(r)
	if err != nil {
		(&gitError{http.StatusBadRequest, err.Error()}).write(w)
		return true
	}
	reasons, err := s.changedWorkflows(repo, p)
	if err != nil || len(reasons) == 0 {
		return false // a push that git can't read is git's to refuse, with what it has to say
	}
	p.refuse(w, reasons)
	return true
}

// changedWorkflows says for each ref of a push which workflow is why it is
// refused.
func (s *Server) changedWorkflows(repo *repository, p *push) (reasons map[string]string, err error) {
	tools, err := s.gitTools()
	if err != nil {
		return nil, err
	}
	q, err := newQuarantine(tools, s.gitRoot, filepath.Join(s.gitRoot, repo.dir), p)
	if err != nil {
		return nil, err
	}
	defer q.close()
	reasons = map[string]string{}
	for _, u := range p.updates {
		if u.deletes() {
			continue
		}
		path, err := q.newWorkflow(u.new)
		if err != nil {
			return nil, err
		}
		if path != "" {
			reasons[u.ref] = fmt.Sprintf("refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", path)
		}
	}
	return reasons, nil
}

// quarantine holds the objects of a push apart from the repository, which still
// knows nothing of them.
type quarantine struct {
	tools *gitTools
	repo  string
	dir   string
	env   []string
}

func newQuarantine(tools *gitTools, root, repo string, p *push) (*quarantine, error) {
	dir, err := os.MkdirTemp(root, "push-*")
	if err != nil {
		return nil, err
	}
	q := &quarantine{tools: tools, repo: repo, dir: dir, env: []string{
		"GIT_OBJECT_DIRECTORY=" + dir,
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + filepath.Join(repo, "objects"),
	}}
	for _, u := range p.updates {
		if u.deletes() {
			continue
		}
		if _, err := tools.output(repo, q.env, p.pack, "index-pack", "--stdin", "--fix-thin"); err != nil {
			q.close()
			return nil, err
		}
		break
	}
	return q, nil
}

func (q *quarantine) close() { _ = os.RemoveAll(q.dir) }

// newWorkflow returns a workflow that a commit, or one before it that the
// repository doesn't have yet, creates or changes, and "" when there is none.
// Of a merge only what differs from all its parents counts.
func (q *quarantine) newWorkflow(commit string) (path string, err error) {
	out, err := q.tools.output(q.repo, q.env, nil, "log", "--format=", "--raw", "-z", "-c", "--no-abbrev", "--no-renames",
		"--full-history", commit, "--not", "--all", "--", workflowFolder)
	if err != nil {
		return "", err
	}
	var known map[workflow]bool
	parts := strings.Split(string(out), "\x00")
	for n := 0; n+1 < len(parts); n++ {
		// ":100644 100644 <blob before> <blob> M", with one more of each for
		// each further parent, then the path
		change := strings.Fields(parts[n])
		if len(change) < 5 || change[0][0] != ':' {
			continue
		}
		n++
		found := workflow{path: parts[n], blob: change[len(change)-2]}
		if strings.Trim(found.blob, "0") == "" {
			continue // deleted
		}
		if known == nil {
			if known, err = q.workflows(); err != nil {
				return "", err
			}
		}
		if !known[found] {
			return found.path, nil
		}
	}
	return "", nil
}

// workflow is a file with its content.
type workflow struct{ path, blob string }

// workflows returns those that the repository's branches have.
func (q *quarantine) workflows() (map[workflow]bool, error) {
	branches, err := q.tools.run(q.repo, nil, "for-each-ref", "--format=%(objectname)", "refs/heads")
	if err != nil {
		return nil, err
	}
	known := map[workflow]bool{}
	for _, commit := range strings.Fields(branches) {
		tree, err := q.tools.run(q.repo, nil, "ls-tree", "-r", "-z", commit, "--",
			workflowFolder+"/")
		if err != nil {
			return nil, err
		}
		for entry := range strings.SplitSeq(tree, "\x00") {
			if meta, path, ok := strings.Cut(entry, "\t"); ok {
				fields := strings.Fields(meta) // mode, type, blob
				known[workflow{path, fields[2]}] = true
			}
		}
	}
	return known, nil
}
