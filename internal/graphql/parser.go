package graphql

import "strconv"

// maxDepth bounds how deep a query nests; real ones stay far below.
const maxDepth = 100

// parser reads a document. Its methods panic with an *Error, which [parse] and
// [ParseSchema] return.
type parser struct {
	lexer
	token token // the next one, not yet taken
	depth int
}

func newParser(text string) *parser { return &parser{lexer: lexer{rest: text, at: Location{1, 1}}} }

// catch turns a syntax error's panic into that error.
func catch(err **Error) {
	switch failure := recover().(type) {
	case nil:
	case *Error:
		*err = failure
	default:
		panic(failure)
	}
}

// parse reads a query.
func parse(text string) (doc *document, err *Error) {
	defer catch(&err)
	p := newParser(text)
	p.advance()
	doc = &document{}
	for first := true; first || p.token.kind != tokenEnd; first = false {
		if p.token.kind == tokenName && p.token.text == "fragment" {
			doc.fragments = append(doc.fragments, p.fragment())
		} else {
			doc.operations = append(doc.operations, p.operation())
		}
	}
	return doc, nil
}

func (p *parser) advance() token {
	taken := p.token
	p.token = p.next()
	return taken
}

// take takes the punctuator if it is next.
func (p *parser) take(text string) bool {
	if p.token.kind != tokenPunctuator || p.token.text != text {
		return false
	}
	p.advance()
	return true
}

func (p *parser) need(text string) {
	if !p.take(text) {
		panic(syntaxError(p.token, strconv.Quote(text)))
	}
}

func (p *parser) name() string {
	if p.token.kind != tokenName {
		panic(syntaxError(p.token, "NAME"))
	}
	return p.advance().text
}

// deeper counts a level of nesting; the caller defers what it returns.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		panic(&Error{Message: "Query is nested too deep", Locations: []Location{p.token.at}})
	}
	return func() { p.depth-- }
}

func (p *parser) operation() *operation {
	o := &operation{kind: "query", at: p.token.at}
	if p.token.kind == tokenName {
		switch p.token.text {
		case "query", "mutation", "subscription":
			o.kind = p.advance().text
		default:
			panic(syntaxError(p.token, "one of query, mutation, subscription, fragment, {"))
		}
		if p.token.kind == tokenName {
			o.name = p.name()
		}
		if p.take("(") {
			for first := true; first || !p.take(")"); first = false {
				o.variables = append(o.variables, p.variable())
			}
		}
		o.directives = p.directives()
	}
	o.selections = p.selections()
	return o
}

func (p *parser) variable() *variable {
	v := &variable{at: p.token.at}
	p.need("$")
	v.name = p.name()
	p.need(":")
	v.typ = p.typeRef()
	if p.take("=") {
		v.standard, v.optional = p.value(), true
	}
	p.directives()
	return v
}

func (p *parser) typeRef() typeRef {
	defer p.deeper()()
	var t typeRef
	if p.take("[") {
		element := p.typeRef()
		t.element = &element
		p.need("]")
	} else {
		t.name = p.name()
	}
	t.nonNull = p.take("!")
	return t
}

func (p *parser) fragment() *fragment {
	f := &fragment{at: p.advance().at}
	name := p.token
	if f.name = p.name(); f.name == "on" {
		panic(syntaxError(name, "the fragment's NAME"))
	}
	if on := p.token; p.name() != "on" {
		panic(syntaxError(on, "ON"))
	}
	f.on = p.name()
	f.directives = p.directives()
	f.selections = p.selections()
	return f
}

func (p *parser) selections() []*selection {
	defer p.deeper()()
	p.need("{")
	var all []*selection
	for first := true; first || !p.take("}"); first = false {
		all = append(all, p.selection())
	}
	return all
}

func (p *parser) selection() *selection {
	s := &selection{at: p.token.at}
	if !p.take("...") {
		if s.name = p.name(); p.take(":") {
			s.alias, s.name = s.name, p.name()
		}
		s.arguments = p.arguments()
		s.directives = p.directives()
		if p.token.kind == tokenPunctuator && p.token.text == "{" {
			s.selections = p.selections()
		}
		return s
	}
	if p.token.kind == tokenName && p.token.text != "on" {
		s.spread = p.name()
		s.directives = p.directives()
		return s
	}
	if p.token.kind == tokenName {
		p.advance()
		s.on = p.name()
	}
	s.directives = p.directives()
	s.selections = p.selections()
	return s
}

func (p *parser) directives() []directive {
	var all []directive
	for at := p.token.at; p.take("@"); at = p.token.at {
		all = append(all, directive{name: p.name(), arguments: p.arguments(), at: at})
	}
	return all
}

func (p *parser) arguments() []argument {
	if !p.take("(") {
		return nil
	}
	var all []argument
	for first := true; first || !p.take(")"); first = false {
		a := argument{at: p.token.at, name: p.name()}
		p.need(":")
		a.value = p.value()
		all = append(all, a)
	}
	return all
}

// value reads a value; see [argument] for its types.
func (p *parser) value() any {
	defer p.deeper()()
	switch {
	case p.take("$"):
		return variableName(p.name())
	case p.take("["):
		list := []any{}
		for !p.take("]") {
			list = append(list, p.value())
		}
		return list
	case p.take("{"):
		object := inputObject{}
		for !p.take("}") {
			name := p.name()
			p.need(":")
			object[name] = p.value()
		}
		return object
	}
	t := p.token
	switch t.kind {
	case tokenInt:
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			p.advance()
			return n
		}
	case tokenFloat:
		if n, err := strconv.ParseFloat(t.text, 64); err == nil {
			p.advance()
			return n
		}
	case tokenString:
		return p.advance().text
	case tokenName:
		p.advance()
		switch t.text {
		case "true", "false":
			return t.text == "true"
		case "null":
			return nil
		}
		return enumValue(t.text)
	}
	panic(syntaxError(t, "VALUE"))
}
