package graphql

// collected are the fields of a selection, by their name in the answer: more
// than one when a query merges them.
type collected struct {
	keys   []string
	fields map[string][]*selection
}

func (e *execution) collect(t *typeDef, selections []*selection, into *collected, spread map[string]bool) {
	for _, s := range selections {
		if !e.included(s.directives) {
			continue
		}
		switch {
		case s.isField():
			if into.fields == nil {
				into.fields = map[string][]*selection{}
			}
			if into.fields[s.key()] == nil {
				into.keys = append(into.keys, s.key())
			}
			into.fields[s.key()] = append(into.fields[s.key()], s)
		case s.spread == "":
			if s.on == "" || e.schema.is(t.name, s.on) {
				e.collect(t, s.selections, into, spread)
			}
		case !spread[s.spread]:
			spread[s.spread] = true
			if f := e.doc.fragment(s.spread); e.schema.is(t.name, f.on) && e.included(f.directives) {
				e.collect(t, f.selections, into, spread)
			}
		}
	}
}

func (e *execution) included(directives []directive) bool {
	for _, d := range directives {
		value, _ := e.schema.coerce(typeRef{name: "Boolean"}, d.arguments[0].value, e.variables, false)
		if yes, _ := value.(bool); yes != (d.name == "include") {
			return false
		}
	}
	return true
}
