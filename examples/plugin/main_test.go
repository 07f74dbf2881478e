package main

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	output := doctest.RequireExample(t)
	require.NotContains(t, output, "forge-token")
	require.NotContains(t, output, "platform-key")
}
