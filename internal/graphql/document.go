package graphql

import (
	"slices"
	"strings"
)

// document is a query as it was sent.
type document struct {
	operations []*operation
	fragments  []*fragment
}

// fragment returns the one of that name, and nil if there is none.
func (d *document) fragment(name string) *fragment {
	at := slices.IndexFunc(d.fragments, func(f *fragment) bool { return f.name == name })
	if at < 0 {
		return nil
	}
	return d.fragments[at]
}

// hasTwins reports whether two operations or two fragments have the same name.
func (d *document) hasTwins() bool {
	names := map[string]bool{}
	for _, o := range d.operations {
		if names["operation "+o.name] {
			return true
		}
		names["operation "+o.name] = true
	}
	for _, f := range d.fragments {
		if names["fragment "+f.name] {
			return true
		}
		names["fragment "+f.name] = true
	}
	return false
}

type operation struct {
	kind       string // query, mutation, subscription
	name       string
	variables  []*variable
	directives []directive
	selections []*selection
	at         Location
}

// title names the operation as the path of an error does.
func (o *operation) title() string { return strings.TrimSpace(o.kind + " " + o.name) }

type variable struct {
	name     string
	typ      typeRef
	standard any // what it is when the request gives none
	optional bool
	at       Location
}

type fragment struct {
	name, on   string
	directives []directive
	selections []*selection
	at         Location
}

// selection is a field, the spread of a named fragment, or an inline fragment.
type selection struct {
	name       string // of the field
	alias      string // of the field
	arguments  []argument
	spread     string // the fragment's name
	on         string // the inline fragment's type; "" for the one around it
	directives []directive
	selections []*selection // nil when there are no braces
	at         Location
}

func (s *selection) isField() bool { return s.name != "" }

// key returns the field's name in the answer.
func (s *selection) key() string {
	if s.alias != "" {
		return s.alias
	}
	return s.name
}

type directive struct {
	name      string
	arguments []argument
	at        Location
}

// argument has a value of these types: nil, bool, int64, float64, string,
// enumValue, variableName, []any, inputObject.
type argument struct {
	name  string
	value any
	at    Location
}

type (
	enumValue    string
	variableName string
	inputObject  map[string]any
)

// typeRef is a type with its lists and exclamation marks.
type typeRef struct {
	name    string   // of a type that is no list
	element *typeRef // of a list
	nonNull bool
}

func (t typeRef) String() string {
	text := t.name
	if t.element != nil {
		text = "[" + t.element.String() + "]"
	}
	if t.nonNull {
		text += "!"
	}
	return text
}

// named returns the name of the type inside all lists.
func (t typeRef) named() string {
	for t.element != nil {
		t = *t.element
	}
	return t.name
}

// nullable returns the same type, where null is allowed.
func (t typeRef) nullable() typeRef {
	t.nonNull = false
	return t
}
