package testutil

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Git runs the real git in an environment of its own: an empty home, no system
// or user configuration, no prompts, no proxy, no credentials, nothing of the
// machine's environment but PATH.
type Git struct {
	Home string            // HOME and XDG_CONFIG_HOME of every command
	Env  map[string]string // of every command; a test adds what a workspace would have
	path string
}

// NewGit returns a Git with a fresh home. Without git on PATH the test is
// skipped, or fails when CI=true.
func NewGit(t testing.TB) *Git {
	t.Helper()
	path := NeedTool(t, "git")
	home := t.TempDir()
	g := &Git{Home: home, path: path, Env: map[string]string{
		"PATH":                os.Getenv("PATH"),
		"HOME":                home,
		"XDG_CONFIG_HOME":     filepath.Join(home, ".config"),
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_CONFIG_GLOBAL":   filepath.Join(home, ".gitconfig"),
		"GIT_TERMINAL_PROMPT": "0",
		"GIT_TEMPLATE_DIR":    "",          // no sample hooks in each clone
		"GIT_SSL_CAPATH":      t.TempDir(), // reading the machine's certificates takes longer than all else of a fetch
		"GIT_AUTHOR_NAME":     "Test",
		"GIT_AUTHOR_EMAIL":    "test@example.com",
		"GIT_COMMITTER_NAME":  "Test",
		"GIT_COMMITTER_EMAIL": "test@example.com",
		"LC_ALL":              "C",
		"NO_PROXY":            "127.0.0.1,localhost",
		"TMPDIR":              t.TempDir(),
	}}
	if runtime.GOOS == "windows" {
		g.Env["SYSTEMROOT"] = os.Getenv("SYSTEMROOT")
		g.Env["USERPROFILE"] = home
	}
	return g
}

// Command returns git with args in dir, not yet started.
func (g *Git) Command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), g.path, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second // what git started may outlive it, and hold its output open
	for name, value := range g.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// Try runs git with args in dir and returns its two outputs and how it ended.
func (g *Git) Try(t testing.TB, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := g.Command(t, dir, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// Run runs git with args in dir, which must succeed, and returns the standard
// output without white space around it.
func (g *Git) Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, err := g.Try(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return strings.TrimSpace(stdout)
}
