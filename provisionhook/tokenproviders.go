package provisionhook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// WorkspaceTokenProvider is [tokenprovider.WorkspaceTokenProvider]: a mutator
// that has it has a token of its own for each workspace.
type WorkspaceTokenProvider = tokenprovider.WorkspaceTokenProvider

// FirstTokenProvider returns the first registered mutator, or what it wraps,
// that is a [TokenProvider]; nil if none is. It was found when that mutator was
// registered: this calls no mutator and is fit for the request path.
//
// It is the first registered, while a variable in the environment is the last
// written. Where two mutators provide tokens, [Registry.Describe] says so: a
// workspace that boots with one's token and refreshes with the other's changes
// its identity on the way. Leave one of them out, or name the one to use with
// [Registry.LookupTokenProvider].
func (r *Registry) FirstTokenProvider() TokenProvider {
	for _, e := range r.registered() {
		if e.token != nil {
			return e.token
		}
	}
	return nil
}

// FirstWorkspaceTokenProvider returns the first registered mutator, or what it
// wraps, that is a [WorkspaceTokenProvider], as [Registry.FirstTokenProvider]
// does.
func (r *Registry) FirstWorkspaceTokenProvider() WorkspaceTokenProvider {
	for _, e := range r.registered() {
		if e.workspaceToken != nil {
			return e.workspaceToken
		}
	}
	return nil
}

// LookupTokenProvider returns the [TokenProvider] of the first registered
// mutator with that name that has one. If there is none the error says what is
// there instead. It is a [tokenprovider.Error] of [tokenprovider.CodeInternal]
// and not [tokenprovider.ErrNotConfigured]: a provider that was asked for by
// name and is missing is a defect of the configuration, which nothing should
// fall back from.
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
