package gateway

// Kind says whether an [Operation] is one of git, of Git LFS or of the API.
type Kind string

// The kinds of an [Operation].
const (
	KindFetch Kind = "fetch" // git reads: clone, fetch, ls-remote
	KindPush  Kind = "push"  // git pushes, or lists refs before it pushes
	KindLFS   Kind = "lfs"   // Git LFS: batches and locks
	KindAPI   Kind = "api"   // a call of the forge's API
)

// Operation is what one request asks the forge to do.
type Operation struct {
	Kind Kind

	// Repository is the one that it is about, as owner/name in lower case; ""
	// when the request doesn't say, or is about none.
	Repository string

	Method string
	Path   string // below the forge's service for API or git, unescaped

	// Write reports whether it changes something: a push and the two requests
	// before it (which list refs, and probe with no commands), an LFS upload or
	// lock, a GraphQL mutation, and any other call of the API that isn't a GET
	// or HEAD.
	Write bool

	// MovesRefs reports whether a call of the API moves a branch or a tag; see
	// [AllowRefs].
	MovesRefs bool

	// Refs are the updates that a push asks for. The two requests that git
	// sends before a push have none. The [Gateway] fills them in.
	Refs []RefUpdate
}

// RefUpdate is one ref that a push creates, moves or deletes.
type RefUpdate struct {
	Name     string // in full, as refs/heads/main
	Old, New string // object ids in hex; all zeros: no such ref
}

// Create reports whether the push creates the ref.
func (u RefUpdate) Create() bool { return isZero(u.Old) }

// Delete reports whether the push deletes the ref.
func (u RefUpdate) Delete() bool { return isZero(u.New) }

func isZero(id string) bool {
	for i := range len(id) {
		if id[i] != '0' {
			return false
		}
	}
	return id != ""
}
