package gateway

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// Policy decides whether p may do op, and with which provider's token. An error
// refuses op. The person in the workspace sees the message of a [*Refusal]; for
// any other error they see a fixed sentence, and the log has the error. A
// [tokenprovider.Error] of CodeRateLimited is answered with 429 and one of
// CodeUnavailable with 503, both with its RetryAfter. A Policy that panics is
// answered with 503, and any other error with 403.
//
// A Policy is called for each request, so it must neither mint nor wait. It
// must be safe for concurrent use. ctx has the workspace
// ([tokenprovider.WorkspaceFrom]). The ctx of the provider has it too, and the
// Repository of op ([tokenprovider.Repository]).
type Policy func(ctx context.Context, p tokenhttp.Principal, op Operation) (Grant, error)

// Grant is a [Policy]'s consent to an [Operation].
type Grant struct {
	// Provider is asked for the token that is added to the request. Nil: the
	// request goes on without a token, which is enough to read public
	// repositories.
	Provider tokenprovider.TokenProvider
}

// Refusal is an error whose message is for the person in the workspace: git, gh
// and API clients show it. It says what isn't allowed and what is.
type Refusal struct {
	Message string // one sentence, no secret
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// AllowRefs returns a rule for a [Policy]. It refuses a push of any ref that
// matches none of patterns, with a [*Refusal] that names the ref. It refuses
// every call of the API that moves refs ([Operation].MovesRefs), since the call
// doesn't say which. It allows every other operation.
//
// A pattern is a full ref, such as refs/heads/main, in the syntax of
// [path.Match]: a star stands for any run of characters but a slash. A slash
// and a star at the end stand for everything below: refs/heads/agent/* matches
// refs/heads/agent/a/b. Without patterns no push is allowed. The error names a
// pattern that is malformed or doesn't begin with refs/.
func AllowRefs(patterns ...string) (func(Operation) error, error) {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || !strings.HasPrefix(pattern, "refs/") {
			return nil, fmt.Errorf("gateway: AllowRefs: %q is not the pattern of a ref in full, "+
				"such as refs/heads/agent/*", pattern)
		}
	}
	patterns = slices.Clone(patterns)
	allowed := strings.Join(patterns, ", ")
	if allowed == "" {
		allowed = "none"
	}
	return func(op Operation) error {
		if op.MovesRefs {
			return &Refusal{"the policy of this workspace doesn't allow a call of the API to move a branch or tag; " +
				"refs that git may push: " + allowed}
		}
		for _, u := range op.Refs {
			if !slices.ContainsFunc(patterns, func(p string) bool { return matches(p, u.Name) }) {
				return &Refusal{"the policy of this workspace doesn't allow a push to " + u.Name +
					"; refs that git may push: " + allowed}
			}
		}
		return nil
	}, nil
}

// matches reports whether pattern is ref, or has it below.
func matches(pattern, ref string) bool {
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		depth := strings.Count(below, "/") + 1
		parts := strings.Split(ref, "/")
		if len(parts) <= depth || parts[len(parts)-1] == "" {
			return false
		}
		pattern, ref = below, strings.Join(parts[:depth], "/")
	}
	ok, _ := path.Match(pattern, ref)
	return ok
}

// GitAndAPI returns a function that grants the token of git to operations of
// git and Git LFS, and the token of api to calls of the API. If only git's
// token may write contents, the forge itself refuses most calls of the API that
// go around the rules for refs. Requests with a nil provider go on without a
// token.
func GitAndAPI(git, api tokenprovider.TokenProvider) func(Operation) Grant {
	return func(op Operation) Grant {
		if op.Kind == KindAPI {
			return Grant{Provider: api}
		}
		return Grant{Provider: git}
	}
}

// PublicFetch returns a [Policy] that asks policy and lets a fetch or an LFS
// download that it refuses with a [*Refusal] go on without a token. So a
// workspace can fetch its dependencies from public repositories. Refusals for
// repositories of the owners own, whose case doesn't matter, stay, and so do
// those for an operation without a repository, and all other errors. With a nil
// policy everything is refused.
func PublicFetch(policy Policy, own ...string) Policy {
	own = slices.Clone(own)
	return func(ctx context.Context, p tokenhttp.Principal, op Operation) (Grant, error) {
		if policy == nil {
			return Grant{}, errNoPolicy
		}
		grant, err := policy(ctx, p, op)
		refusal, refused := errors.AsType[*Refusal](err)
		if !refused || refusal == nil || op.Write || op.Kind != KindFetch && op.Kind != KindLFS {
			return grant, err
		}
		owner, _, named := strings.Cut(op.Repository, "/")
		if !named || slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, owner) }) {
			return Grant{}, err
		}
		return Grant{}, nil
	}
}

var errNoPolicy = errors.New("gateway: there is no policy")
