//go:build unix

package doctest

import (
	"fmt"
	"go/format"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
)

// Options say where a document is followed.
type Options struct {
	Root string // of this repository; default "."
	With string // the nested module whose blocks are followed, in a module that is begun

	// Proxy is where the reader, who is in an empty folder, gets this
	// repository's modules. Without one the reader is in a clone of this
	// repository, which is Root.
	Proxy *testutil.ModuleProxy

	// Instead replaces what can't be as it is written: a fixed port, a folder
	// of the system's. In commands, files and outputs alike.
	Instead map[string]string

	Env       []string // KEY=VALUE, beside what every reader has, or in its place
	GoFiles   bool     // someone else compiles the blocks of go
	Elsewhere []string // blocks of sh that run elsewhere: go test ./..., and what another document has
}

// Follow follows a document, whose path is below Options.Root, to its end.
func Follow(t *testing.T, document string, opts Options) {
	t.Helper()
	if opts.Root == "" {
		opts.Root = "."
	}
	content, err := os.ReadFile(filepath.Join(opts.Root, document))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Blocks(string(content))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	testutil.NeedTool(t, "sh")
	for _, tool := range []string{"git", "curl", "redis-server"} {
		types := func(b Block) bool {
			return b.Kind == "sh" && b.With == opts.With && strings.Contains(b.Text, tool+" ")
		}
		if slices.ContainsFunc(blocks, types) {
			testutil.NeedTool(t, tool)
		}
	}
	var pairs []string
	for _, command := range opts.Elsewhere {
		if !strings.Contains(string(content), command+"\n") {
			t.Fatalf("%s doesn't hold %q, which runs elsewhere", document, command)
		}
	}
	for from, to := range opts.Instead {
		if !strings.Contains(string(content), from) {
			t.Fatalf("%s doesn't hold %q, which is to be replaced", document, from)
		}
		pairs = append(pairs, from, to)
	}
	r := &reader{opts: opts, instead: strings.NewReplacer(pairs...), terminals: map[string]*terminal{}}
	r.prepare(t)
	if opts.With != "" {
		gomod := []byte("module example.com/reader\n\ngo 1.26.0\n")
		if err := os.WriteFile(filepath.Join(r.folder, "go.mod"), gomod, 0o644); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(blocks, func(b Block) bool { return b.With == opts.With }) {
			t.Fatalf("%s has no block with=%s", document, opts.With)
		}
	}
	if err := r.followAll(t, blocks); err != nil {
		t.Fatalf("%s:%v", document, err)
	}
}

// reader is somebody who does what a document says.
type reader struct {
	opts       Options
	instead    *strings.Replacer
	env        []string
	folder     string // where the first terminal is
	terminals  map[string]*terminal
	uncompiled []string
}

// prepare gives the reader a home, and nothing of this machine's but its
// programs and what go has cached.
func (r *reader) prepare(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	runtime := filepath.Join(home, ".runtime")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	r.env = []string{
		"HOME=" + home, "PATH=" + filepath.Join(home, "go", "bin") + ":" + os.Getenv("PATH"),
		"TMPDIR=" + t.TempDir(), "XDG_RUNTIME_DIR=" + runtime, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
		"GIT_CONFIG_SYSTEM=" + filepath.Join(home, "etc-gitconfig"), "GIT_TERMINAL_PROMPT=0",
		"GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1", "LC_ALL=C", "NO_PROXY=127.0.0.1,localhost",
		"GOWORK=off", "GOTOOLCHAIN=local", "GOCACHE=" + testutil.GoEnv(t, "GOCACHE"),
	}
	if r.opts.Proxy != nil {
		r.folder = t.TempDir()
		r.env = append(r.env, r.opts.Proxy.Environ(t)...)
	} else {
		root, err := filepath.Abs(r.opts.Root)
		if err != nil {
			t.Fatal(err)
		}
		r.folder = root
		r.env = append(r.env, "GOMODCACHE="+testutil.GoEnv(t, "GOMODCACHE"), "GOPROXY="+testutil.GoEnv(t, "GOPROXY"),
			"GOFLAGS="+testutil.GoEnv(t, "GOFLAGS")+" -ldflags=-w") // quicker: nobody debugs what is built here
	}
	r.env = append(r.env, r.opts.Env...)
}

// followAll does what all blocks say. Its error begins with the line of the
// block.
func (r *reader) followAll(t *testing.T, blocks []Block) error {
	t.Helper()
	for i, b := range blocks {
		if b.With != r.opts.With {
			continue
		}
		var shown *Block
		if i+1 < len(blocks) && blocks[i+1].Kind == "text" && blocks[i+1].Terminal == "" {
			shown = &blocks[i+1]
		}
		if err := r.follow(t, b, shown); err != nil {
			return fmt.Errorf("%d: %w\n%s", b.Line, err, b.Text)
		}
	}
	if len(r.uncompiled) > 0 {
		return fmt.Errorf(" no command compiles %v", r.uncompiled)
	}
	return nil
}

// FreePort returns a port of loopback on which nobody listens.
func FreePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

var compiles = regexp.MustCompile(`(?m)^\s*go (test|run|build|vet|install) `)

// follow does what one block says. shown is the block below, if it is what this
// one prints.
func (r *reader) follow(t *testing.T, b Block, shown *Block) error {
	t.Helper()
	text := r.instead.Replace(b.Text)
	switch b.Kind {
	case "go":
		if r.opts.GoFiles {
			return nil
		}
		if formatted, err := format.Source([]byte(b.Text)); err != nil || string(formatted) != b.Text {
			return fmt.Errorf("it isn't as gofmt writes it: %v", err)
		}
		path := filepath.Join(r.folder, b.File)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		r.uncompiled = append(r.uncompiled, b.File)
		return os.WriteFile(path, []byte(text), 0o644)
	case "nginx":
		return nil
	case "text":
		if b.Terminal == "" {
			return nil // it was compared
		}
		m := r.terminals[b.Terminal]
		if m == nil {
			return fmt.Errorf("there is no terminal %s", b.Terminal)
		}
		return m.show(text, b.AnyNumbers)
	}
	if slices.Contains(r.opts.Elsewhere, strings.TrimSpace(b.Text)) {
		return nil
	}
	m := r.terminals[b.Terminal]
	if m == nil {
		m = open(t, r.folder, r.env)
		r.terminals[b.Terminal] = m
	}
	if err := m.enter(text, b.Exit != ""); err != nil {
		return err
	}
	if compiles.MatchString(text) {
		r.uncompiled = nil
	}
	if b.Terminal != "" && shown == nil {
		return nil // it goes on running
	}
	printed, exit, folder, err := m.finish()
	if err != nil {
		return err
	}
	if want := max(b.Exit, "0"); exit != want {
		return fmt.Errorf("exit code %s, and not %s\n%s", exit, want, printed)
	}
	if b.Terminal == "" {
		r.folder = folder
	}
	if shown != nil {
		return compare(r.instead.Replace(shown.Text), shown.AnyNumbers, printed)
	}
	return nil
}
