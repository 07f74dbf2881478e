package gateway

// Kind says what sort of thing an [Operation] does.
type Kind string

const (
	KindFetch Kind = "fetch" // git reads: clone, fetch, ls-remote
	KindPush  Kind = "push"  // git writes, and asks what is there in order to
	KindLFS   Kind = "lfs"   // Git LFS: objects and locks
	KindAPI   Kind = "api"   // a call of the forge's API
)

// Operation is what a request asks the forge to do.
type Operation struct {
	Kind Kind

	// Repository is what it is about, as owner/name in lower case; "" where
	// that can't be told, or where it is about none.
	Repository string

	Method string
	Path   string // as the forge's own API or git service has it, unescaped

	// Write reports whether it changes something: a push with the request that
	// asks what is there and the empty one before it, an LFS upload or lock, a
	// call of the API but GET and HEAD, a GraphQL mutation.
	Write bool

	// MovesRefs reports whether a call of the API moves a branch or a tag, past
	// the rules for refs: see [AllowRefs].
	MovesRefs bool

	// Refs are what a push asks for. There are none in the requests of a push
	// that come before: the one that asks what is there, and git's probe.
	Refs []RefUpdate
}

// RefUpdate is one ref that a push creates, moves or deletes. Whether a move
// rewrites history can't be seen from it.
type RefUpdate struct {
	Name     string // in full, as refs/heads/main
	Old, New string // object ids in hex; all zeros: the ref isn't there
}

// Create reports whether the ref isn't there yet.
func (u RefUpdate) Create() bool { return isZero(u.Old) }

// Delete reports whether the ref goes.
func (u RefUpdate) Delete() bool { return isZero(u.New) }

func isZero(id string) bool {
	for i := range len(id) {
		if id[i] != '0' {
			return false
		}
	}
	return id != ""
}
