package process

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// shell returns what has a shell become a child that runs script.
func shell(t *testing.T, stdout io.Writer, script string) func(ctx context.Context) int {
	t.Helper()
	sh := testutil.NeedTool(t, "sh")
	p := &Process{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, lastWords: 200 * time.Millisecond}
	return func(ctx context.Context) int { return p.Become(ctx, sh, []string{sh, "-c", script}, os.Environ()) }
}

func TestAChildThatASignalEndsHasTheExitCodeOfShells(t *testing.T) {
	t.Parallel()
	require.Equal(t, 128+9, shell(t, io.Discard, "kill -9 $$")(t.Context()))
}

func TestAChildIsAskedToEndWhenItsContextDoes(t *testing.T) {
	t.Parallel()
	for trap, code := range map[string]int{"exit 7": 7, "": 128 + 9} { // "" is a program that doesn't listen
		t.Run("trap "+trap, func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			run := shell(t, w, "trap '"+trap+"' TERM; echo ready; while :; do sleep 0.05; done")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				_, _ = bufio.NewReader(r).ReadString('\n')
				cancel()
			}()
			require.Equal(t, code, run(ctx))
		})
	}
}

func TestWhatAChildLeftRunningIsHeardToItsEnd(t *testing.T) {
	t.Parallel()
	var output strings.Builder
	require.Equal(t, 0, shell(t, &output, "(sleep 0.5; echo done) &")(t.Context()))
	require.Equal(t, "done\n", output.String())
}
