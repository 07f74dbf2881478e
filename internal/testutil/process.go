package testutil

import (
	"io"
	"log"
	"log/slog"
	"os"
	"sync"
	"testing"
)

// CaptureProcess returns a [Capture] of all that this process prints until t
// ends: standard output, standard error, and the default loggers of log and
// log/slog. It changes globals, so a test that uses it must not run in
// parallel.
func CaptureProcess(t testing.TB, secrets ...string) *Capture {
	t.Helper()
	c := NewCapture(t, secrets...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("capture the output: %v", err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	logger, logOut, logFlags := slog.Default(), log.Writer(), log.Flags()
	os.Stdout, os.Stderr = w, w
	log.SetOutput(c)
	slog.SetDefault(c.Logger())

	var copied sync.WaitGroup
	copied.Go(func() { _, _ = io.Copy(c, r) })
	t.Cleanup(func() {
		os.Stdout, os.Stderr = stdout, stderr
		slog.SetDefault(logger)
		log.SetOutput(logOut)
		log.SetFlags(logFlags)
		_ = w.Close()
		copied.Wait()
		_ = r.Close()
	})
	return c
}
