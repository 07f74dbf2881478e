package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/stretchr/testify/require"
)

const token = "ghs_0123456789abcdef"

type inside struct{ hidden secret.Of[string] }

type holder struct {
	Shown  secret.Of[string]
	hidden secret.Of[string]
	keys   []secret.Of[[]byte]
	deep   *inside
	boxed  any
}

func newHolder() holder {
	s := secret.New(token)
	return holder{s, s, []secret.Of[[]byte]{secret.New([]byte(token))}, &inside{s}, s}
}

func TestASecretIsNotShownWhateverPrintsIt(t *testing.T) {
	var out bytes.Buffer
	for _, v := range []any{secret.New(token), newHolder(), &inside{secret.New(token)}, map[string]any{"k": newHolder()}, []holder{newHolder()}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%w"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("event", "v", v)
		}
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(encoded)
		if encoded, err = xml.Marshal(v); err == nil {
			out.Write(encoded)
		}
	}
	require.NotContains(t, out.String(), token)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", token))
	require.NotContains(t, out.String(), fmt.Sprintf("%X", token))
	require.NotContains(t, out.String(), fmt.Sprint([]byte(token)))
	require.Contains(t, out.String(), secret.Redacted)
}

func TestASecretIsRevealedToWhoAsks(t *testing.T) {
	require.Equal(t, token, secret.New(token).Reveal())
	require.Equal(t, []byte(token), newHolder().keys[0].Reveal())
	require.Empty(t, secret.Of[string]{}.Reveal())
}

func TestASecretIsComparable(t *testing.T) {
	s, other := secret.New(token), secret.New(token)
	require.True(t, map[any]bool{s: true}[s])
	require.False(t, map[any]bool{s: true}[other])
}

func TestEqual(t *testing.T) {
	require.True(t, secret.Equal("", ""))
	require.True(t, secret.Equal(token, token))
	require.False(t, secret.Equal(token, token[:19]))
	require.False(t, secret.Equal(token, ""))
}

func TestSecretsThatDifferAreNeverEqual(t *testing.T) {
	require.True(t, secret.Equal(token, token))
	for n := range 1000 {
		require.False(t, secret.Equal(token, fmt.Sprint(token, n)))
	}
}
