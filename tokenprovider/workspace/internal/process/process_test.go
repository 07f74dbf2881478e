package process

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnErrorIsOneLineThatNoTerminalObeys(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	p := &Process{Stderr: &stderr}
	require.Equal(t, 1, p.Fail(errors.New("gitcredential: a\x1b[31m\nb\r"+strings.Repeat("c", 1000))))
	require.True(t, strings.HasPrefix(stderr.String(), "git-credential-provisionkit: a [31m b "), stderr.String())
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
	require.NotContains(t, stderr.String(), "\x1b")
	require.LessOrEqual(t, len(stderr.String()), 600)
}
