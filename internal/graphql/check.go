package graphql

import (
	"fmt"
	"slices"
	"strings"
)

// check finds what is wrong with a document before it runs. Each fragment is
// checked once, however often it is spread.
func (s *Schema) check(doc *document) []*Error {
	c := &checker{schema: s, doc: doc, scopes: map[*fragment]*scope{}}
	for _, f := range doc.fragments {
		path := []any{"fragment " + f.name}
		inside := &scope{}
		c.scopes[f] = inside
		if on := s.types[f.on]; on == nil || !on.composite() {
			c.report(f.at, path, "undefinedType",
				fmt.Sprintf("No such type %s, so it can't be a fragment condition", f.on),
				"typeName", f.on)
			continue
		}
		c.directives(f.directives, path, inside)
		c.selections(s.types[f.on], f.selections, path, inside)
	}
	used := map[*fragment]bool{}
	for _, o := range doc.operations {
		path := []any{o.title()}
		root := s.root(o)
		if root == nil {
			c.report(o.at, path, "missing"+strings.ToUpper(o.kind[:1])+o.kind[1:]+"Configuration",
				"Schema is not configured for "+o.kind+"s")
			continue
		}
		inside := &scope{}
		c.directives(o.directives, path, inside)
		c.selections(root, o.selections, path, inside)
		c.variables(o, c.uses(inside, used))
	}
	for _, f := range doc.fragments {
		if !used[f] {
			c.report(f.at, []any{"fragment " + f.name}, "useAndDefineFragment",
				fmt.Sprintf("Fragment %s was defined, but not used", f.name), "fragmentName", f.name)
		}
	}
	return c.errors
}

type checker struct {
	schema *Schema
	doc    *document
	scopes map[*fragment]*scope
	errors []*Error
}

// scope is what an operation or a fragment uses.
type scope struct {
	fragments []*fragment
	variables []use
}

// use is a variable where a value of a type is wanted.
type use struct {
	name, argument string
	wanted         typeRef
	path           []any
	at             Location
}

func (c *checker) report(at Location, path []any, code, message string, details ...any) {
	c.errors = append(c.errors, mistake(at, path, code, message, details...))
}

func (c *checker) selections(parent *typeDef, selections []*selection, path []any, inside *scope) {
	for _, s := range selections {
		c.directives(s.directives, path, inside)
		switch {
		case s.isField():
			c.field(parent, s, append(slices.Clip(path), s.key()), inside)
		case s.spread != "":
			f := c.doc.fragment(s.spread)
			if f == nil {
				c.report(s.at, append(slices.Clip(path), "... "+s.spread), "useAndDefineFragment",
					fmt.Sprintf("Fragment %s was used, but not defined", s.spread), "fragmentName", s.spread)
				continue
			}
			inside.fragments = append(inside.fragments, f)
			if c.schema.types[f.on] != nil {
				c.spread(parent, f.on, s.spread+" on "+f.on, s.at,
					append(slices.Clip(path), "... "+s.spread))
			}
		case s.on == "":
			c.selections(parent, s.selections, append(slices.Clip(path), "..."), inside)
		default:
			path := append(slices.Clip(path), "... on "+s.on)
			on := c.schema.types[s.on]
			if on == nil || !on.composite() {
				c.report(s.at, path, "undefinedType",
					fmt.Sprintf("No such type %s, so it can't be a fragment condition", s.on),
					"typeName", s.on)
				continue
			}
			c.spread(parent, s.on, "on "+s.on, s.at, path)
			c.selections(on, s.selections, path, inside)
		}
	}
}

// spread checks that a fragment's type can occur where it is spread.
func (c *checker) spread(parent *typeDef, on, fragment string, at Location, path []any) {
	if !c.schema.overlap(parent.name, on) {
		c.report(at, path, "cannotSpreadFragment", fmt.Sprintf("Fragment %s can't be spread inside %s", fragment, parent.name),
			"typeName", parent.name, "fragmentName", fragment, "parentName", parent.name)
	}
}

func (c *checker) field(parent *typeDef, s *selection, path []any, inside *scope) {
	def := parent.field(s.name)
	if def == nil {
		c.report(s.at, path, "undefinedField", fmt.Sprintf("Field '%s' doesn't exist on type '%s'", s.name, parent.name),
			"typeName", parent.name, "fieldName", s.name)
		return
	}
	c.arguments(def.arguments, s.arguments, "Field", s.name, s.at, path, inside)
	t := c.schema.types[def.typ.named()]
	switch {
	case t.composite() && s.selections == nil:
		c.report(s.at, path, "selectionMismatch", fmt.Sprintf("Field must have selections (field '%[1]s' returns %[2]s "+
			"but has no selections. Did you mean '%[1]s { ... }'?)", s.name, t.name), "nodeName", "field '"+s.name+"'", "typeName", t.name)
	case !t.composite() && s.selections != nil:
		c.report(s.at, path, "selectionMismatch", fmt.Sprintf("Selections can't be made on scalars (field '%s' returns %s "+
			"but has selections)", s.name, t.name), "nodeName", "field '"+s.name+"'", "typeName", t.name)
	case t.composite():
		c.selections(t, s.selections, path, inside)
	}
}

// directives knows the two that the specification has for queries.
func (c *checker) directives(given []directive, path []any, inside *scope) {
	condition := []argumentDef{{name: "if", typ: typeRef{name: "Boolean", nonNull: true}}}
	for _, d := range given {
		if d.name != "include" && d.name != "skip" {
			c.report(d.at, path, "undefinedDirective",
				fmt.Sprintf("Directive @%s is not defined", d.name), "directiveName", d.name)
			continue
		}
		c.arguments(condition, d.arguments, "Directive", d.name, d.at, path, inside)
	}
}

// arguments checks those of a field or a directive, which kind says.
func (c *checker) arguments(defs []argumentDef, given []argument, kind, name string, at Location, path []any, inside *scope) {
	have := map[string]bool{}
	for _, a := range given {
		n := slices.IndexFunc(defs, func(d argumentDef) bool { return d.name == a.name })
		path := append(slices.Clip(path), a.name)
		switch {
		case n < 0:
			c.report(a.at, path, "argumentNotAccepted", fmt.Sprintf("%s '%s' doesn't accept argument '%s'", kind, name, a.name),
				"name", name, "typeName", kind, "argumentName", a.name)
			continue
		case have[a.name]:
			c.report(a.at, path, "argumentNotUnique",
				fmt.Sprintf("There can be only one argument named \"%s\"", a.name), "name", a.name)
			continue
		}
		have[a.name] = true
		def := defs[n]
		wanted := def.typ
		if def.optional {
			wanted = wanted.nullable() // a variable without a value leaves the default
		}
		if _, problem := c.schema.coerce(wanted, a.value, nil, false); problem != "" {
			c.report(a.at, path, "argumentLiteralsIncompatible", fmt.Sprintf("Argument '%s' on %s '%s' has an invalid value (%s). "+
				"Expected type '%s'.", a.name, kind, name, inJSON(a.value), def.typ), "typeName", kind, "argumentName", a.name)
			continue
		}
		c.record(inside, a.value, use{argument: a.name, wanted: wanted, path: path, at: a.at})
	}
	var missing []string
	for _, d := range defs {
		if d.required() && !have[d.name] {
			missing = append(missing, d.name)
		}
	}
	if missing != nil {
		names := strings.Join(missing, ", ")
		c.report(at, path, "missingRequiredArguments", fmt.Sprintf("%s '%s' is missing required arguments: %s", kind, name, names),
			"className", kind, "name", name, "arguments", names)
	}
}
