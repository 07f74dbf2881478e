package provisionhook

import (
	"fmt"
	"strings"
)

// Description says what a registered mutator is and can do. It is for people:
// the texts of Note may change.
type Description struct {
	Name string `json:"name"`

	// Type is its Go type; for a wrapper, with the type of what it wraps in
	// parentheses.
	Type string `json:"type"`

	// Abilities are the optional interfaces of this package that it has, by
	// name.
	Abilities []string `json:"abilities,omitempty"`

	// Note says what looks wrong with it, and what to do. It is advice,
	// never an error.
	Note string `json:"note,omitempty"`
}

// String returns the description in one line.
func (d Description) String() string {
	text := fmt.Sprintf("%q (%s)", d.Name, d.Type)
	if len(d.Abilities) > 0 {
		text += ": " + strings.Join(d.Abilities, ", ")
	}
	if d.Note != "" {
		text += " [note: " + d.Note + "]"
	}
	return text
}

// Describe returns a [Description] of each mutator, in the order in which they
// run. Log it at boot, to see a plugin that should provide tokens and doesn't
// before the first token expires:
//
//	logger.Info("mutators registered", slog.Any("mutators", reg.Describe()))
//
// A Note is about one of these:
//
//   - an optional interface that is nearly implemented: a method has the right
//     name and another signature, or has a pointer receiver and a value was
//     registered.
//   - a wrapper without the method Unwrap() EnvMutator. (A wrapper that hides
//     what it wraps on purpose should have an Unwrap that returns nil.)
//   - a wrapper that wraps itself, or more mutators than [As] follows.
//   - an empty name, or a name that several mutators have.
//   - a second [TokenProvider] or [WorkspaceTokenProvider]: the first one is
//     asked for tokens, while the last one writes the environment.
//
// Describe calls no method of a mutator.
func (r *Registry) Describe() []Description {
	entries := r.registered()
	names := map[string]int{}
	for _, e := range entries {
		names[e.name]++
	}
	var firstToken, firstWorkspaceToken *entry
	var descriptions []Description
	for _, e := range entries {
		d := e.description
		d.Abilities = append([]string(nil), d.Abilities...)
		notes := notes{d.Note}
		if e.name == "" {
			notes.add("its name is empty, so that nothing says who it is")
		} else if names[e.name] > 1 {
			notes.add("%d mutators have this name", names[e.name])
		}
		if e.token != nil {
			if firstToken == nil {
				firstToken = e
			} else {
				notes.add("FirstTokenProvider is %q, which was registered before", firstToken.name)
			}
		}
		if e.workspaceToken != nil {
			if firstWorkspaceToken == nil {
				firstWorkspaceToken = e
			} else {
				notes.add("FirstWorkspaceTokenProvider is %q, which was registered before",
					firstWorkspaceToken.name)
			}
		}
		d.Note = notes.String()
		descriptions = append(descriptions, d)
	}
	return descriptions
}

// describe returns the description of a mutator by itself.
func describe(name string, layers []EnvMutator) Description {
	d := Description{Name: name, Type: typeName(layers)}
	var notes notes
	for _, a := range abilities {
		if a.of(layers) {
			d.Abilities = append(d.Abilities, a.name)
		} else {
			notes = append(notes, a.nearMisses(layers)...)
		}
	}
	notes = append(notes, hidden(layers)...)
	d.Note = notes.String()
	return d
}

// typeName returns the types of the layers: the outer ones around the inner
// ones.
func typeName(layers []EnvMutator) string {
	if len(layers) == maxUnwrap {
		return typeName(layers[:1]) + "(...)"
	}
	names := make([]string, 0, len(layers))
	for _, layer := range layers {
		if named, ok := layer.(interface{ typeName() string }); ok {
			names = append(names, named.typeName())
		} else {
			names = append(names, fmt.Sprintf("%T", layer))
		}
	}
	return strings.Join(names, "(") + strings.Repeat(")", max(len(names)-1, 0))
}

// notes are sentences. Empty ones don't count.
type notes []string

func (n *notes) add(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// String returns the sentences in one line.
func (n notes) String() string {
	var texts []string
	for _, text := range n {
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}
