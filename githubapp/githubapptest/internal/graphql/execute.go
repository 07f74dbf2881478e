package graphql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Object is a value with fields: of scalars as JSON has them, of other objects and of slices of both. A field that
// isn't there is null. A [Func] among them is called when its field is asked for. Where a schema's type is an
// interface, __typename says which type the object is.
type Object map[string]any

// Func gives a field's value for its arguments, which have the schema's types and defaults. With an error, which gets
// the field's path and location, the value is dropped.
type Func func(arguments map[string]any) (any, *Error)

// Request is what a client sends.
type Request struct {
	Query         string
	OperationName string         // "" when there is only one
	Variables     map[string]any // as decoded from JSON with UseNumber
}

// Response is the answer, whose JSON has the fields in the order in which they were asked for. Data is nil when the
// query was not run, and a pointer to nothing for null.
type Response struct {
	Data   *Data    `json:"data,omitempty"`
	Errors []*Error `json:"errors,omitempty"`
}

// Execute runs a query over root, the object of the type Query.
func (s *Schema) Execute(req Request, root Object) Response {
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
	data := e.object(s.types["Query"], [][]*selection{o.selections}, root, nil)
	return Response{Data: &Data{data}, Errors: e.errors}
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

// variables are the values that an operation runs with.
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

// object is the fields asked for of value; nil when one of them is null and must not be.
func (e *execution) object(t *typeDef, sets [][]*selection, value Object, path []any) *members {
	var found collected
	for _, set := range sets {
		e.collect(t, set, &found, map[string]bool{})
	}
	answer := &members{}
	for _, key := range found.keys {
		same := found.fields[key]
		path := append(slices.Clip(path), key)
		v, ok := e.field(t, same, value, path)
		if !ok {
			return nil
		}
		*answer = append(*answer, member{key, v})
	}
	return answer
}

// collected are the fields of a selection, by their name in the answer: more than one when a query merges them.
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

// field is the value of a field, whose occurrences are same; false when it is null and must not be.
func (e *execution) field(t *typeDef, same []*selection, parent Object, path []any) (any, bool) {
	first := same[0]
	for _, other := range same[1:] {
		if other.name != first.name || !reflect.DeepEqual(values(other.arguments), values(first.arguments)) {
			e.errors = append(e.errors, mistake(first.at, path, "fieldConflict",
				fmt.Sprintf("Field '%s' has a field conflict", first.key()), "fieldName", first.key()))
			return nil, false
		}
	}
	if first.name == "__typename" {
		return t.name, true
	}
	def := t.fields[first.name]
	value := parent[first.name]
	if get, ok := value.(Func); ok {
		arguments, err := e.arguments(def, first)
		if err == nil {
			value, err = get(arguments)
		}
		if err != nil {
			located := *err
			located.Path, located.Locations = path, []Location{first.at}
			e.errors = append(e.errors, &located)
			return nil, !def.typ.nonNull
		}
	}
	return e.complete(def.typ, value, same, path)
}

func values(arguments []argument) map[string]any {
	all := map[string]any{}
	for _, a := range arguments {
		all[a.name] = a.value
	}
	return all
}

func (e *execution) arguments(def *fieldDef, s *selection) (map[string]any, *Error) {
	given := values(s.arguments)
	all := map[string]any{}
	for _, a := range def.arguments {
		value, ok := given[a.name]
		if name, variable := value.(variableName); variable {
			_, ok = e.variables[string(name)]
		}
		if !ok && a.optional {
			value, ok = a.standard, true
		}
		if !ok {
			continue
		}
		all[a.name], _ = e.schema.coerce(a.typ.nullable(), value, e.variables, false)
		if all[a.name] == nil && a.typ.nonNull { // a variable that has a default, and null all the same
			return nil, &Error{Message: fmt.Sprintf("Argument '%s' on Field '%s' must not be null", a.name, s.name)}
		}
	}
	return all, nil
}

// complete makes of a value what its type promises.
func (e *execution) complete(t typeRef, value any, same []*selection, path []any) (any, bool) {
	if value == nil {
		if t.nonNull {
			e.errors = append(e.errors, &Error{Message: "Cannot return null for a field of type " + t.String(), Path: path})
		}
		return nil, !t.nonNull
	}
	if t.element != nil {
		all := []any{}
		for list, n := reflect.ValueOf(value), 0; n < list.Len(); n++ {
			element, ok := e.complete(*t.element, list.Index(n).Interface(), same, append(slices.Clip(path), n))
			if !ok {
				return nil, !t.nonNull
			}
			all = append(all, element)
		}
		return all, true
	}
	def := e.schema.types[t.name]
	if !def.composite() {
		return value, true
	}
	object := value.(Object)
	if name, ok := object["__typename"].(string); ok {
		def = e.schema.types[name]
	}
	var sets [][]*selection
	for _, s := range same {
		sets = append(sets, s.selections)
	}
	answer := e.object(def, sets, object, path)
	if answer == nil {
		return nil, !t.nonNull
	}
	return answer, true
}

// Data is an answer's object, or null.
type Data struct{ members *members }

// MarshalJSON implements [json.Marshaler].
func (d *Data) MarshalJSON() ([]byte, error) { return json.Marshal(d.members) }

type member struct {
	name  string
	value any
}

// members is an object that keeps its order.
type members []member

func (m members) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for n, each := range m {
		separator := ","
		if n == 0 {
			separator = ""
		}
		value, err := json.Marshal(each.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s%q:%s", separator, each.name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
