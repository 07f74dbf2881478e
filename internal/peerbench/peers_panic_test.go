package peerbench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// victim names, for a process that a defective mint may kill, the peer and the defect: "panic" or "goexit".
const victim = "PEERBENCH_VICTIM"

func TestMain(m *testing.M) {
	if name, defect, ok := strings.Cut(os.Getenv(victim), " "); ok {
		fmt.Println("outcome:", outcome(name, defect))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// outcome is what becomes of two callers whose mint is defective, and of a third one after it is mended.
func outcome(name, defect string) string {
	calls := 0
	mint := func(context.Context) (string, time.Time, error) {
		calls++
		switch {
		case calls > 1:
		case defect == "panic":
			panic("a defect")
		default:
			runtime.Goexit()
		}
		return "token", time.Now().Add(time.Hour), nil
	}
	for _, p := range peers {
		if p.name != name {
			continue
		}
		get := p.make(mint)
		first := ask(get)
		time.Sleep(1100 * time.Millisecond) // a back-off of provisionkit's
		return first + ", then " + ask(get)
	}
	return "no such peer"
}

func ask(get getFunc) string {
	answer := make(chan string, 1)
	go func() {
		said := "lost"
		defer func() {
			if recover() != nil {
				said = "panics"
			}
			answer <- said
		}()
		if _, err := get(context.Background()); err != nil {
			said = "error"
			return
		}
		said = "token"
	}()
	select {
	case said := <-answer:
		return said
	case <-time.After(3 * time.Second):
		return "hangs"
	}
}

func outcomeInAProcess(tb testing.TB, name, defect string) string {
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+name+" "+defect)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "process dies"
	}
	_, said, _ := strings.Cut(string(output), "outcome: ")
	return strings.TrimSpace(said)
}

func TestADefectiveMintIsAnErrorHereWhateverItIsElsewhere(t *testing.T) {
	for _, defect := range []string{"panic", "goexit"} {
		for _, p := range peers {
			t.Run(defect+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				said := outcomeInAProcess(t, p.name, defect)
				t.Log(said)
				if p.name == "provisionkit" {
					require.Equal(t, "error, then error", said, "a defect is held for 30 s")
				}
			})
		}
	}
}

func TestEveryPeerDeliversAndCaches(t *testing.T) {
	for _, p := range peers {
		u := &upstream{life: time.Hour}
		get := p.make(u.mint)
		for range 3 {
			token, err := get(t.Context())
			require.NoError(t, err, p.name)
			require.Equal(t, "token-b", token, p.name)
		}
		require.Equal(t, int64(1), u.calls.Load(), p.name)
	}
}

// BenchmarkPanickingMint tells what becomes of callers whose mint panics: one of its metrics is 1 for each peer.
func BenchmarkPanickingMint(b *testing.B) {
	eachPeer(b, func(b *testing.B, p peer) {
		var said string
		for b.Loop() {
			said = outcomeInAProcess(b, p.name, "panic")
		}
		for metric, begins := range map[string]string{"error": "error", "caller-panics": "panics", "process-dies": "process dies"} {
			if strings.HasPrefix(said, begins) {
				b.ReportMetric(1, metric)
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}
