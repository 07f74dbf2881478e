package main

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	printed := doctest.RequireExample(t)
	require.NotContains(t, printed, "ghs_")
	require.Regexp(t, `(?m)^  gh (api: ok|isn't shown: .*)$`, printed)
}
