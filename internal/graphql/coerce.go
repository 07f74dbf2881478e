package graphql

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// coerce returns the value as the type has it. A value from a query's text may
// hold variables, which stand for what they are in the map; in one from JSON an
// enum is a string, and problem says what doesn't fit.
func (s *Schema) coerce(t typeRef, value any, variables map[string]any, fromJSON bool) (coerced any, problem string) {
	if name, ok := value.(variableName); ok {
		return variables[string(name)], "" // was checked
	}
	switch {
	case value == nil && t.nonNull:
		return nil, "Expected value to not be null"
	case value == nil:
		return nil, ""
	case t.element != nil:
		list, ok := value.([]any)
		if !ok {
			list = []any{value} // one is as good as a list of one
		}
		all := []any{}
		for _, v := range list {
			element, problem := s.coerce(*t.element, v, variables, fromJSON)
			if problem != "" {
				return nil, problem
			}
			all = append(all, element)
		}
		return all, ""
	}
	def := s.types[t.name]
	if def.kind == "enum" {
		name, ok := value.(enumValue)
		if text, isString := value.(string); isString && fromJSON {
			name, ok = enumValue(text), true
		}
		if !ok || !slices.Contains(def.values, string(name)) {
			return nil, fmt.Sprintf("Expected %s to be one of: %s", inJSON(value),
				strings.Join(def.values, ", "))
		}
		return string(name), ""
	}
	if def.kind == "input" {
		return s.coerceInput(def, value, variables, fromJSON)
	}
	if fits(t.name, value) {
		return value, ""
	}
	return nil, fmt.Sprintf("Could not coerce value %s to %s", inJSON(value), t.name)
}

// coerceInput returns a value of an input as a map, which has its defaults.
func (s *Schema) coerceInput(def *typeDef, value any, variables map[string]any, fromJSON bool) (any, string) {
	given, ok := value.(inputObject)
	if !ok {
		return nil, fmt.Sprintf("Expected %s to be a key-value object", inJSON(value))
	}
	for name := range given {
		if !slices.ContainsFunc(def.members, func(m argumentDef) bool { return m.name == name }) {
			return nil, fmt.Sprintf("Field %s is not defined on %s", name, def.name)
		}
	}
	all := map[string]any{}
	for _, m := range def.members {
		v, ok := given[m.name]
		if name, variable := v.(variableName); variable && variables != nil {
			_, ok = variables[string(name)]
		}
		if !ok {
			if v = m.standard; !m.optional && !m.typ.nonNull {
				continue
			}
		}
		coerced, problem := s.coerce(m.typ, v, variables, fromJSON && ok)
		if problem != "" {
			return nil, problem
		}
		all[m.name] = coerced
	}
	return all, ""
}

// fits reports whether a scalar type takes the value. GitHub's own scalars, URI
// and the like, are strings.
func fits(scalar string, value any) bool {
	switch v := value.(type) {
	case bool:
		return scalar == "Boolean"
	case int64:
		return scalar == "ID" || scalar == "Float" || (scalar == "Int" && v >= math.MinInt32 && v <= math.MaxInt32)
	case float64:
		return scalar == "Float"
	case string:
		return !slices.Contains([]string{"Boolean", "Int", "Float"}, scalar)
	}
	return false
}

// plain returns a decoded JSON value with its numbers as int64 where they are
// integers, else as float64.
func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64()
		return n
	case []any:
		all := make([]any, len(v))
		for n := range v {
			all[n] = plain(v[n])
		}
		return all
	case map[string]any:
		object := inputObject{}
		for name, member := range v {
			object[name] = plain(member)
		}
		return object
	}
	return value
}

func inJSON(value any) string {
	if name, ok := value.(enumValue); ok {
		return string(name)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "that value"
	}
	return string(text)
}
