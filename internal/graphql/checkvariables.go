package graphql

import "fmt"

// uses returns the variables that a scope and the fragments spread in it use.
// It marks those fragments as used.
func (c *checker) uses(start *scope, used map[*fragment]bool) []use {
	all := start.variables
	seen := map[*fragment]bool{}
	for pending := start.fragments; len(pending) > 0; {
		f := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if seen[f] {
			continue
		}
		seen[f], used[f] = true, true
		all = append(all, c.scopes[f].variables...)
		pending = append(pending, c.scopes[f].fragments...)
		if c.reaches(f, f) {
			c.report(f.at, []any{"fragment " + f.name}, "infiniteLoop",
				fmt.Sprintf("Fragment %s contains an infinite loop", f.name), "fragmentName", f.name)
		}
	}
	return all
}

// reaches reports whether the fragment from spreads the fragment to, directly
// or through others.
func (c *checker) reaches(from, to *fragment) bool {
	seen := map[*fragment]bool{}
	for pending := c.scopes[from].fragments; len(pending) > 0; {
		f := pending[0]
		pending = pending[1:]
		if f == to {
			return true
		}
		if !seen[f] {
			seen[f] = true
			pending = append(pending[:len(pending):len(pending)], c.scopes[f].fragments...)
		}
	}
	return false
}

// variables checks those that an operation declares against those that it uses.
func (c *checker) variables(o *operation, uses []use) {
	declared, used := map[string]*variable{}, map[string]bool{}
	for _, v := range o.variables {
		path := []any{o.title()}
		if declared[v.name] != nil {
			c.report(v.at, path, "variableNotUnique",
				fmt.Sprintf("There can only be one variable named %q", v.name), "variableName",
				v.name)
		}
		declared[v.name] = v
		if !c.schema.isInput(v.typ.named()) {
			c.report(v.at, path, "variableRequiresValidType", fmt.Sprintf("%s isn't a defined input type (on $%s)", v.typ.named(), v.name),
				"typeName", v.typ.named(), "variableName", v.name)
			used[v.name] = true // one mistake is enough
		} else if _, problem := c.schema.coerce(v.typ.nullable(), v.standard, nil, false); problem != "" {
			c.report(v.at, path, "defaultValueInvalidType", fmt.Sprintf("Default value for $%s doesn't match type %s", v.name, v.typ),
				"variableName", v.name, "typeName", v.typ.String())
		}
	}
	for _, u := range uses {
		v := declared[u.name]
		if v == nil {
			c.report(u.at, u.path, "variableNotDefined", fmt.Sprintf("Variable $%s is used by %s but not declared", u.name, o.called()),
				"variableName", u.name)
			continue
		}
		used[u.name] = true
		if !suits(*v, u.wanted) {
			c.report(u.at, u.path, "variableMismatch", fmt.Sprintf("Type mismatch on variable $%s and argument %s (%s / %s)",
				u.name, u.argument, v.typ, u.wanted), "variableName", u.name, "typeName", v.typ.String(), "argumentName", u.argument)
		}
	}
	for _, v := range o.variables {
		if !used[v.name] {
			c.report(v.at, []any{o.title()}, "variableNotUsed", fmt.Sprintf("Variable $%s is declared by %s but not used", v.name, o.called()),
				"variableName", v.name)
		}
	}
}

// called returns the operation's name in a sentence.
func (o *operation) called() string {
	if o.name == "" {
		return "anonymous query"
	}
	return o.name
}

// suits reports whether the variable may stand where the type is wanted.
func suits(v variable, wanted typeRef) bool {
	given := v.typ
	given.nonNull = given.nonNull || (v.optional && v.standard != nil)
	for {
		if wanted.nonNull && !given.nonNull {
			return false
		}
		if wanted.element == nil || given.element == nil {
			return wanted.element == nil && given.element == nil && wanted.name == given.name
		}
		wanted, given = *wanted.element, *given.element
	}
}

// record notes the variables in a value.
func (c *checker) record(inside *scope, value any, u use) {
	switch v := value.(type) {
	case variableName:
		u.name = string(v)
		inside.variables = append(inside.variables, u)
	case []any:
		for _, element := range v {
			inner := u
			if u.wanted.element != nil {
				inner.wanted = *u.wanted.element
			}
			c.record(inside, element, inner)
		}
	case inputObject:
		for _, m := range c.schema.types[u.wanted.named()].members {
			inner := u
			if inner.argument, inner.wanted = m.name, m.typ; m.optional {
				inner.wanted = m.typ.nullable()
			}
			c.record(inside, v[m.name], inner)
		}
	}
}
