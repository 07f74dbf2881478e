package testutil

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
)

// RequireRedacted fails t when value shows one of the secrets under any verb of
// fmt, in JSON or through log/slog: by itself, and nested in an exported and an
// unexported field. Use [RequireRedactedDirectly] for a type whose fields must
// be plain and that therefore can't protect itself inside an unexported field.
func RequireRedacted(t testing.TB, value any, secrets ...string) {
	t.Helper()
	RequireRedactedDirectly(t, value, secrets...)
	type hidden struct{ field any }
	requireRedacted(t, "in an unexported field", hidden{value}, secrets)
	requireRedacted(t, "in an unexported field behind a pointer", &hidden{value}, secrets)
}

// RequireRedactedDirectly fails t as [RequireRedacted] does, but for unexported
// fields.
func RequireRedactedDirectly(t testing.TB, value any, secrets ...string) {
	t.Helper()
	type holder struct{ Field any }
	requireRedacted(t, "by itself", value, secrets)
	requireRedacted(t, "in an exported field", holder{value}, secrets)
	requireRedacted(t, "in an exported field behind a pointer", &holder{value}, secrets)
	requireRedacted(t, "in a slice", []any{value}, secrets)
	requireRedacted(t, "in a map", map[string]any{"key": value}, secrets)
}

func requireRedacted(t testing.TB, where string, value any, secrets []string) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		if leak := Leak(fmt.Sprintf(verb, value), secrets...); leak != "" {
			t.Errorf("%T %s under %s shows a secret: %s", value, where, verb, leak)
		}
	}
	if encoded, err := json.Marshal(value); err == nil {
		if leak := Leak(string(encoded), secrets...); leak != "" {
			t.Errorf("%T %s in JSON shows a secret: %s", value, where, leak)
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("event", "value", value)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("event", "value", value)
	if leak := Leak(out.String(), secrets...); leak != "" {
		t.Errorf("%T %s through slog shows a secret: %s", value, where, leak)
	}
}
