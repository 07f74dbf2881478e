package provisionhook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// WorkspaceTokenProvider is [tokenprovider.WorkspaceTokenProvider]. A mutator
// that is one hands out a token for each workspace. See
// [Registry.FirstWorkspaceTokenProvider].
type WorkspaceTokenProvider = tokenprovider.WorkspaceTokenProvider

// FirstTokenProvider returns the first registered mutator that is a
// [TokenProvider] or wraps one; nil if none is or does. It calls no mutator and
// is fast enough to be called for each request.
//
// If two mutators provide tokens, the first one is returned here, but the last
// one's variable is in the environment: a workspace would start with one
// identity and go on with another. [Registry.Describe] notes that. Register
// only one of them, or name the one to use with [Registry.LookupTokenProvider].
func (r *Registry) FirstTokenProvider() TokenProvider {
	for _, e := range r.registered() {
		if e.token != nil {
			return e.token
		}
	}
	return nil
}

// FirstWorkspaceTokenProvider returns the first registered mutator that is a
// [WorkspaceTokenProvider] or wraps one, as [Registry.FirstTokenProvider] does.
func (r *Registry) FirstWorkspaceTokenProvider() WorkspaceTokenProvider {
	for _, e := range r.registered() {
		if e.workspaceToken != nil {
			return e.workspaceToken
		}
	}
	return nil
}

// LookupTokenProvider returns the first registered mutator with that name that
// is a [TokenProvider] or wraps one. If there is none, it returns a
// [*tokenprovider.Error] that says what is there instead. The error is of
// [tokenprovider.CodeInternal] and not [tokenprovider.ErrNotConfigured], so
// that no [tokenprovider.Fallback] hides a wrong name.
func (r *Registry) LookupTokenProvider(name string) (TokenProvider, error) {
	entries := r.registered()
	var namesake *entry
	for _, e := range entries {
		if e.name != name {
			continue
		}
		if e.token != nil {
			return e.token, nil
		}
		namesake = e
	}

	text := fmt.Sprintf("no mutator is named %q: none is registered", name)
	switch {
	case namesake != nil:
		text = fmt.Sprintf("mutator %q is no TokenProvider: it is %s", name, namesake.description)
	case len(entries) > 0:
		names := make([]string, 0, len(entries))
		for _, e := range entries {
			names = append(names, strconv.Quote(e.name))
		}
		text = fmt.Sprintf("no mutator is named %q: registered are %s", name, strings.Join(names, ", "))
	}
	return nil, &tokenprovider.Error{
		Code: tokenprovider.CodeInternal, Err: errors.New("provisionhook: " + text),
	}
}
