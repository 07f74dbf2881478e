package graphql

import (
	"fmt"
	"reflect"
	"slices"
)

// object returns the fields asked for of value, and nil when one of them is
// null and must not be.
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

// field returns the value of a field, whose occurrences are same, and false
// when it is null and must not be.
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
			e.errors = append(e.errors,
				&Error{Message: "Cannot return null for a field of type " + t.String(), Path: path})
		}
		return nil, !t.nonNull
	}
	if t.element != nil {
		all := []any{}
		for list, n := reflect.ValueOf(value), 0; n < list.Len(); n++ {
			element, ok := e.complete(*t.element, list.Index(n).Interface(), same,
				append(slices.Clip(path), n))
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
