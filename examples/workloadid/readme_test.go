//go:build unix

package main

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/doctest"
)

func TestWhoFollowsTheReadmeSeesWhatItShows(t *testing.T) {
	doctest.Follow(t, "examples/workloadid/README.md", doctest.Options{Root: "../.."})
}
