package graphql

import "fmt"

// Object is a value with fields: of scalars as JSON has them, of other objects
// and of slices of both. A field that isn't there is null. A [Func] among them
// is called when its field is asked for. Where a schema's type is an interface,
// __typename says which type the object is.
type Object map[string]any

// Func gives a field's value for its arguments, which have the schema's types
// and defaults. With an error, which gets the field's path and location, the
// value is dropped.
type Func func(arguments map[string]any) (any, *Error)

// Request is what a client sends.
type Request struct {
	Query         string
	OperationName string         // "" when there is only one
	Variables     map[string]any // as decoded from JSON with UseNumber
}

// Execute runs a query over the object of the type Query, or a mutation over
// that of the type Mutation, field after field.
func (s *Schema) Execute(req Request, query, mutation Object) Response {
	doc, err := parse(req.Query)
	if err != nil {
		return Response{Errors: []*Error{err}}
	}
	if errs := s.check(doc); errs != nil {
		return Response{Errors: errs}
	}
	o, err := doc.choose(req.OperationName)
	if err != nil {
		return Response{Errors: []*Error{err}}
	}
	e := &execution{schema: s, doc: doc}
	if e.variables, e.errors = s.variables(o, req.Variables); e.errors != nil {
		return Response{Errors: e.errors}
	}
	root := query
	if o.kind == "mutation" {
		root = mutation
	}
	data := e.object(s.root(o), [][]*selection{o.selections}, root, nil)
	return Response{Data: &Data{data}, Errors: e.errors}
}

// root returns the type where an operation starts, and nil when there is none.
func (s *Schema) root(o *operation) *typeDef {
	return s.types[map[string]string{"query": "Query", "mutation": "Mutation"}[o.kind]]
}

// choose finds the operation to run.
func (d *document) choose(name string) (*operation, *Error) {
	if name == "" && len(d.operations) == 1 {
		return d.operations[0], nil
	}
	if name == "" {
		return nil, &Error{Message: "An operation name is required"}
	}
	for _, o := range d.operations {
		if o.name == name {
			return o, nil
		}
	}
	return nil, &Error{Message: fmt.Sprintf("No operation named %q", name)}
}

// variables returns the values that an operation runs with.
func (s *Schema) variables(o *operation, given map[string]any) (map[string]any, []*Error) {
	values := map[string]any{}
	var errs []*Error
	for _, v := range o.variables {
		raw, ok := given[v.name]
		if !ok && v.optional {
			values[v.name], _ = s.coerce(v.typ.nullable(), v.standard, nil, false)
			continue
		}
		if !ok && !v.typ.nonNull {
			continue // none is not the same as null
		}
		value, problem := s.coerce(v.typ, plain(raw), nil, true)
		if problem != "" {
			errs = append(errs, &Error{
				Message:    fmt.Sprintf("Variable $%s of type %s was provided invalid value", v.name, v.typ),
				Locations:  []Location{v.at},
				Extensions: map[string]any{"value": raw, "problems": []any{map[string]any{"path": []any{}, "explanation": problem}}},
			})
		}
		values[v.name] = value
	}
	return values, errs
}

type execution struct {
	schema    *Schema
	doc       *document
	variables map[string]any
	errors    []*Error
}
