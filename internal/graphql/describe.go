package graphql

import "errors"

// Description is what a query asks for, as far as that can be told without a
// schema.
type Description struct {
	Mutation bool    // or a subscription: it is no query
	Root     []Field // through fragments, each as often as it is asked for
}

// Field is one field that a query asks for.
type Field struct {
	Name      string
	Arguments map[string]any // with the variables' values
}

// Describe returns what req asks for. It takes each field for asked for,
// whatever @skip and @include say. The error says what is malformed, or that a
// fragment isn't there.
func Describe(req Request) (Description, error) {
	doc, failure := parse(req.Query)
	if failure != nil {
		return Description{}, errors.New(failure.Message)
	}
	if doc.hasTwins() {
		return Description{}, errors.New("it has two operations or two fragments of one name")
	}
	o, failure := doc.choose(req.OperationName)
	if failure != nil {
		return Description{}, errors.New(failure.Message)
	}
	d := &describer{doc: doc, variables: map[string]any{}, seen: map[*fragment]bool{}}
	for _, v := range o.variables {
		if value, given := req.Variables[v.name]; given {
			d.variables[v.name] = value
		} else if v.optional {
			d.variables[v.name] = v.standard
		}
	}
	err := d.collect(o.selections)
	return Description{Mutation: o.kind != "query", Root: d.root}, err
}

type describer struct {
	doc       *document
	variables map[string]any
	seen      map[*fragment]bool
	root      []Field
}

func (d *describer) collect(selections []*selection) error {
	for _, s := range selections {
		switch {
		case s.isField():
			arguments, err := d.values(s.arguments)
			if err != nil {
				return err
			}
			d.root = append(d.root, Field{s.name, arguments})
		case s.spread == "":
			if err := d.collect(s.selections); err != nil {
				return err
			}
		default:
			f := d.doc.fragment(s.spread)
			if f == nil {
				return errors.New("Fragment " + s.spread + " was used, but not defined")
			}
			if d.seen[f] {
				continue
			}
			d.seen[f] = true
			if err := d.collect(f.selections); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *describer) values(arguments []argument) (map[string]any, error) {
	values := make(map[string]any, len(arguments))
	for _, a := range arguments {
		if _, twice := values[a.name]; twice {
			return nil, errors.New("there are two arguments " + a.name)
		}
		if name, ok := a.value.(variableName); ok {
			values[a.name] = d.variables[string(name)]
		} else {
			values[a.name] = a.value
		}
	}
	return values, nil
}
