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

// Policy decides whether p may do op, and with whose token. An error refuses
// it: of a [*Refusal] the person in the workspace sees the message, of any other
// error a fixed sentence, and the log has its text. A [tokenprovider.Error] of
// CodeRateLimited is answered with 429 and one of CodeUnavailable with 503, with
// their RetryAfter; everything else with 403.
//
// It is called for each request, so it neither mints nor waits; ctx has the
// workspace ([tokenprovider.WorkspaceFrom]), and so has that of the provider,
// with the Operation's Repository besides ([tokenprovider.Repository]). It is
// safe for concurrent use.
type Policy func(ctx context.Context, p tokenhttp.Principal, op Operation) (Grant, error)

// Grant is what a [Policy] allows with.
type Grant struct {
	// Provider's token is added to the request. Nil: the request goes on
	// without one, which is enough for public repositories.
	Provider tokenprovider.TokenProvider
}

// Refusal is the error for people: git, gh and API clients show its message,
// which says what isn't allowed and what is.
type Refusal struct {
	Message string // one sentence, no secret
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// AllowRefs returns a rule for a [Policy]: of a push it allows only refs that
// match one of patterns, and it refuses calls of the API that move refs, since
// they don't say which. What it refuses is a [*Refusal] that names the ref.
//
// A pattern is a ref in full, such as refs/heads/main, in which a star stands
// for any run of characters but a slash, and one at the end, after a slash, for
// everything below: refs/heads/agent/* has refs/heads/agent/a/b. No patterns
// allow no push. The error names a pattern that is malformed.
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

// GitAndAPI returns what grants git's operations the token of git and calls of
// the API that of api. With contents: write for git alone, and pull_requests:
// write beside contents: read for the API, the forge itself closes the API's ways
// around the rules for refs, as far as its permissions go. A nil provider means
// that those requests go on without a token.
func GitAndAPI(git, api tokenprovider.TokenProvider) func(Operation) Grant {
	return func(op Operation) Grant {
		if op.Kind == KindAPI {
			return Grant{Provider: api}
		}
		return Grant{Provider: git}
	}
}

// PublicFetch returns policy, but for a fetch and an LFS download that it
// refuses with a [*Refusal]: those go on without a token, so that a workspace can
// fetch its dependencies from public repositories. Repositories of the owners
// named by own, without regard to case, and those whose owner isn't known stay
// refused, and so does what policy refuses with any other error. A nil policy
// refuses everything.
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
