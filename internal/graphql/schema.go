package graphql

import (
	"fmt"
	"slices"
)

// Schema is what can be asked for. It is immutable.
type Schema struct{ types map[string]*typeDef }

type typeDef struct {
	name       string
	kind       string // type, interface, enum, scalar, input
	fields     map[string]*fieldDef
	interfaces []string
	values     []string      // of an enum
	members    []argumentDef // of an input
}

type fieldDef struct {
	arguments []argumentDef
	typ       typeRef
}

type argumentDef struct {
	name     string
	typ      typeRef
	standard any
	optional bool // it has a default
}

func (a argumentDef) required() bool { return a.typ.nonNull && !a.optional }

// ParseSchema reads a schema in GraphQL's own language: type, interface, enum,
// scalar and input. The type Query is where queries start, and Mutation, which
// there need not be, where mutations do. The scalars String, Int, Float, Boolean
// and ID are always there.
func ParseSchema(text string) (*Schema, error) {
	s, err := parseSchema(text)
	if err != nil {
		return nil, err // not a typed nil
	}
	for _, t := range s.types {
		for _, name := range t.interfaces {
			if s.types[name] == nil {
				return nil, fmt.Errorf("type %s implements %s, which isn't defined", t.name, name)
			}
			for field := range s.types[name].fields {
				if t.fields[field] == nil {
					return nil, fmt.Errorf("type %s implements %s without its field %s", t.name,
						name, field)
				}
			}
		}
		for name, f := range t.fields {
			if s.types[f.typ.named()] == nil {
				return nil, fmt.Errorf("field %s.%s has the type %s, which isn't defined", t.name,
					name, f.typ)
			}
			for _, a := range f.arguments {
				if !s.isInput(a.typ.named()) {
					return nil, fmt.Errorf("argument %s of %s.%s has the type %s, which is no scalar, enum or input",
						a.name, t.name, name, a.typ)
				}
			}
		}
		for _, m := range t.members {
			if !s.isInput(m.typ.named()) {
				return nil, fmt.Errorf("field %s.%s has the type %s, which is no scalar, enum or input", t.name, m.name, m.typ)
			}
		}
	}
	if s.types["Query"] == nil {
		return nil, fmt.Errorf("the schema has no type Query")
	}
	return s, nil
}

func parseSchema(text string) (s *Schema, err *Error) {
	defer catch(&err)
	s = &Schema{types: map[string]*typeDef{}}
	for _, name := range []string{"String", "Int", "Float", "Boolean", "ID"} {
		s.types[name] = &typeDef{name: name, kind: "scalar"}
	}
	p := newParser(text)
	for p.advance(); p.token.kind != tokenEnd; {
		t := p.typeDef()
		s.types[t.name] = t
	}
	return s, nil
}

func (p *parser) typeDef() *typeDef {
	start := p.token
	t := &typeDef{kind: p.name()}
	t.name = p.name()
	switch t.kind {
	case "scalar":
	case "enum":
		p.need("{")
		for !p.take("}") {
			t.values = append(t.values, p.name())
		}
	case "type", "interface":
		if p.token.kind == tokenName && p.token.text == "implements" {
			p.advance()
			for first := true; first || p.take("&"); first = false {
				t.interfaces = append(t.interfaces, p.name())
			}
		}
		t.fields = map[string]*fieldDef{}
		p.need("{")
		for !p.take("}") {
			name := p.name()
			t.fields[name] = p.fieldDef()
		}
	case "input":
		p.need("{")
		for !p.take("}") {
			t.members = append(t.members, p.argumentDef())
		}
	default:
		panic(syntaxError(start, "one of type, interface, enum, scalar, input"))
	}
	return t
}

func (p *parser) fieldDef() *fieldDef {
	f := &fieldDef{}
	if p.take("(") {
		for !p.take(")") {
			f.arguments = append(f.arguments, p.argumentDef())
		}
	}
	p.need(":")
	f.typ = p.typeRef()
	return f
}

func (p *parser) argumentDef() argumentDef {
	a := argumentDef{name: p.name()}
	p.need(":")
	a.typ = p.typeRef()
	if p.take("=") {
		a.standard, a.optional = p.value(), true
	}
	return a
}

// field returns the definition of a field of t, and nil when t has none of that
// name.
func (t *typeDef) field(name string) *fieldDef {
	if name == "__typename" {
		return &fieldDef{typ: typeRef{name: "String", nonNull: true}}
	}
	return t.fields[name]
}

func (t *typeDef) composite() bool { return t.kind == "type" || t.kind == "interface" }

func (s *Schema) isInput(name string) bool { return s.types[name] != nil && !s.types[name].composite() }

// is reports whether an object of the type name is a t.
func (s *Schema) is(name, t string) bool {
	return name == t || (s.types[name] != nil && slices.Contains(s.types[name].interfaces, t))
}

// overlap reports whether an object can be both an a and a b.
func (s *Schema) overlap(a, b string) bool {
	for name, t := range s.types {
		if t.kind == "type" && s.is(name, a) && s.is(name, b) {
			return true
		}
	}
	return false
}
