package forge

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

// Operation implements [gateway.Forge].
func (g *github) Operation(r *http.Request) (gateway.Operation, error) {
	service, rest := g.split(r.URL.EscapedPath())
	switch service {
	case g.graphQL:
		return graphQLOperation(r)
	case g.api, g.uploads:
		return apiOperation(r, rest)
	}
	op, ok, err := gateway.Git(r)
	switch {
	case err != nil:
		return op, err
	case !ok:
		return op, &gateway.Refusal{Message: "there is nothing at this path that the gateway passes on: " +
			"git, Git LFS and the API under /api/v3, /api/graphql and /api/uploads"}
	case !isRepository(op.Repository):
		return op, &gateway.Refusal{Message: "the path before git's own isn't the owner and name of a repository"}
	}
	return op, nil
}

// named matches what owners and repositories are called.
var named = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func isRepository(fullName string) bool {
	owner, name, found := strings.Cut(fullName, "/")
	return found && named.MatchString(owner) && named.MatchString(name) && !strings.HasSuffix(name, ".git")
}

// apiOperation returns what a call of REST asks for. escaped is its path as it
// came: the names of owners and repositories have nothing in them that is
// escaped, nor have the API's own words.
func apiOperation(r *http.Request, escaped string) (gateway.Operation, error) {
	path, err := url.PathUnescape(escaped)
	if err != nil { // the server unescaped the same
		return gateway.Operation{}, err
	}
	op := gateway.Operation{
		Kind: gateway.KindAPI, Method: r.Method, Path: path,
		Write: r.Method != http.MethodGet && r.Method != http.MethodHead,
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	switch {
	case isRefused(path):
		return op, &gateway.Refusal{Message: "the gateway refuses this call whatever a policy says: " +
			"it is about the app and its tokens, or names a repository by its number"}
	case !recognized[first]:
		return op, &gateway.Refusal{Message: "the gateway doesn't know this part of GitHub's API, and passes on only what it knows"}
	case first != "repos":
		return op, nil
	}
	parts := strings.SplitN(strings.TrimPrefix(escaped, "/repos/"), "/", 3)
	if len(parts) < 2 {
		parts = append(parts, "")
	}
	op.Repository = strings.ToLower(parts[0] + "/" + strings.TrimSuffix(parts[1], ".git"))
	if !isRepository(op.Repository) {
		return op, &gateway.Refusal{Message: "the path after /repos isn't the owner and name of a repository"}
	}
	rest := ""
	if len(parts) == 3 {
		rest = strings.SplitN(strings.TrimPrefix(path, "/repos/"), "/", 3)[2]
	}
	op.MovesRefs = op.Write && movesRefs(op.Method, rest)
	return op, nil
}

// recognized are the first words of the API's paths that go on. "" is the root,
// which gh asks to see whether it is logged in.
var recognized = set("", "advisories", "assignments", "classrooms", "codes_of_conduct", "emojis", "events", "feeds", "gists",
	"gitignore", "issues", "installation", "licenses", "markdown", "meta", "networks", "notifications", "octocat",
	"orgs", "organizations", "projects", "rate_limit", "repos", "search", "teams", "user", "users", "versions", "zen",
	"enterprises", "marketplace_listing", "copilot")

// refusedPaths are what would reach around the platform.
var refusedPaths = regexp.MustCompile(`(?i)^/(installation/token|app|apps/[^/]+/installations|login|applications|repositories|app-manifests|user/installations)(/|$)`)

func isRefused(path string) bool { return refusedPaths.MatchString(judged(path)) }

var (
	parameters = regexp.MustCompile(`;[^/]*`)
	format     = regexp.MustCompile(`\.[A-Za-z]+$`)
)

// judged returns path without what a server may drop: what is behind a
// semicolon in each segment, a slash at the end, and then the name of a format.
func judged(path string) string {
	path = parameters.ReplaceAllString(path, "")
	return format.ReplaceAllString(strings.TrimRight(path, "/"), "")
}

// refMoves are the calls below a repository that create, move or delete a branch
// or a tag: those that need contents: write at GitHub, and those that pull
// requests and deployments have. Their methods are all but GET and HEAD, since
// GitHub has taken POST for PATCH.
var refMoves = regexp.MustCompile(`(?i)^(` + strings.Join([]string{
	`contents(/.*)?`,           // a file, and with it a branch
	`git/refs(/.*)?`,           // a ref by name
	`merges`, `merge-upstream`, // a branch into another
	`pulls/[^/]+/(merge|merge-async|update-branch)`, // by a pull request
	`branches/.+/rename`,                            // a branch by another name
	`releases(/[0-9]+)?`,                            // a release makes its tag
	`deployments`,                                   // merges the default branch into its ref
	`code-scanning/alerts/[^/]+/autofix/commits`,    // a fix
	`import`, // another repository's branches
}, "|") + `)$`)

// releases have tags, which a release that is deleted leaves.
var releases = regexp.MustCompile(`(?i)^releases/`)

// movesRefs reports whether a call that writes, with rest below the
// repository's path, moves refs.
func movesRefs(method, rest string) bool {
	rest = judged(rest)
	if method == http.MethodDelete {
		return rest == "" || refMoves.MatchString(rest) && !releases.MatchString(rest) // "": the repository, and all its branches
	}
	return refMoves.MatchString(rest)
}

func set(words ...string) map[string]bool {
	all := make(map[string]bool, len(words))
	for _, word := range words {
		all[word] = true
	}
	return all
}
