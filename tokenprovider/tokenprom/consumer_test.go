package tokenprom_test

import (
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

const consumer = `package main

import (
	"fmt"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprom"
	"github.com/prometheus/client_golang/prometheus"
)

func main() {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{
		"app": tokenprovider.NewCache(tokenprovider.Static("a token"), nil),
	}))
	families, err := registry.Gather()
	fmt.Println(len(families) > 0, err)
}
`

// It has this module and the one that it needs as they are published.
func TestAModuleOutsideUsesTheCollector(t *testing.T) {
	proxy, path := testutil.PublishNested(t)
	require.Equal(t, "github.com/molecule-ai/provisionkit/tokenprovider/tokenprom", path)
	require.Equal(t, "true <nil>\n", proxy.RunConsumer(t, path, consumer))
}
