package main

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/stretchr/testify/require"
)

func TestTheExampleRuns(t *testing.T) {
	require.NotContains(t, doctest.RequireExample(t), "ghs_")
}
