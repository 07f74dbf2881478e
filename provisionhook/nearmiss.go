package provisionhook

import (
	"fmt"
	"reflect"
)

// ability is an optional interface with one method, and how to look for it in a
// type. Go finds an interface by its exact methods; this explains to people why
// it didn't.
type ability struct {
	name  string
	iface reflect.Type

	// method looks the method up by a constant name: for a variable one the
	// linker would have to keep every exported method of every type in the
	// program.
	method func(reflect.Type) (reflect.Method, bool)
}

var abilities = []ability{
	{"TokenProvider", reflect.TypeFor[TokenProvider](),
		func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Token") }},
	{"WorkspaceTokenProvider", reflect.TypeFor[WorkspaceTokenProvider](),
		func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("WorkspaceToken") }},
	{"FileMutator", reflect.TypeFor[FileMutator](),
		func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MutateFiles") }},
	{"Releaser", reflect.TypeFor[Releaser](),
		func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ReleaseWorkspace") }},
}

// unwrapping is the ability to show what is wrapped. It isn't one of a
// mutator's own.
var unwrapping = ability{"wrapper", reflect.TypeFor[wrapper](),
	func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Unwrap") }}

// of reports whether one of the layers has the ability.
func (a ability) of(layers []EnvMutator) bool {
	for _, layer := range layers {
		if reflect.TypeOf(layer).Implements(a.iface) {
			return true
		}
	}
	return false
}

// nearMisses returns a note for each layer that nearly has the ability. None of
// them has it.
func (a ability) nearMisses(layers []EnvMutator) notes {
	var notes notes
	want, _ := a.method(a.iface)
	const otherSignature = "no %s: method %s of %s is %s and must be %s"
	for _, layer := range layers {
		t := reflect.TypeOf(layer)
		if m, ok := a.method(t); ok {
			notes.add(otherSignature, a.name, m.Name, t, signature(m), want.Type)
			continue
		}
		pointer := reflect.PointerTo(t)
		if pointer.Implements(a.iface) {
			notes.add("no %s: method %s has a pointer receiver, and a value is registered: register a %s",
				a.name, want.Name, pointer)
		} else if m, ok := a.method(pointer); ok {
			notes.add(otherSignature, a.name, m.Name, pointer, signature(m), want.Type)
		}
	}
	return notes
}

// hidden returns a note for each ability that the innermost layer wraps without
// showing it, if none of the layers has it.
func hidden(layers []EnvMutator) notes {
	var notes notes
	if len(layers) == maxUnwrap {
		notes.add("it wraps %d mutators or more, or itself: what is below can't be seen", maxUnwrap-1)
		return notes
	}
	innermost := layers[len(layers)-1]
	v := reflect.ValueOf(innermost)
	if _, ok := innermost.(wrapper); ok {
		return nil // what it shows is nil, on purpose
	}
	outer := v.Type()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		field := v.Field(i)
		if !field.Type().Implements(reflect.TypeFor[EnvMutator]()) {
			continue
		}
		if field.Kind() == reflect.Interface {
			field = field.Elem()
		}
		if !field.IsValid() || field.Kind() == reflect.Pointer && field.IsNil() {
			continue // it wraps nothing
		}
		for _, a := range append([]ability{unwrapping}, abilities...) {
			if field.Type().Implements(a.iface) && !a.of(layers) {
				notes.add("%s wraps a %s, a %s, which can't be seen: %s",
					outer, field.Type(), a.name, unwrapAdvice(outer))
			}
		}
	}
	return notes
}

// unwrapAdvice returns what to do for a type that wraps a mutator without
// showing it: its Unwrap is missing, or wrong.
func unwrapAdvice(t reflect.Type) string {
	const give = "give it the method Unwrap() EnvMutator"
	if pointer := reflect.PointerTo(t); pointer.Implements(unwrapping.iface) {
		return fmt.Sprintf("its method Unwrap has a pointer receiver, "+
			"and a value is registered: register a %s", pointer)
	}
	if m, ok := unwrapping.method(t); ok {
		return fmt.Sprintf("%s, which it has as %s", give, signature(m))
	}
	return give
}

// signature returns the type of a method without its receiver.
func signature(m reflect.Method) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	for i := range m.Type.NumOut() {
		out = append(out, m.Type.Out(i))
	}
	return reflect.FuncOf(in, out, m.Type.IsVariadic())
}
