//go:build unix

package doctest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a block may take.
const patience = 2 * time.Minute

// terminal is a shell that somebody types into.
type terminal struct {
	dir     string // for its scripts
	shell   *exec.Cmd
	stdin   *os.File
	mark    string // printed, with the exit code and the folder, when a block is over
	busy    bool
	scripts int

	mu      sync.Mutex
	printed bytes.Buffer // since the block was typed
	ended   chan struct{}
}

// open starts a shell in folder. It ends with t, and what it started too.
func open(t testing.TB, folder string, env []string) *terminal {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	m := &terminal{dir: t.TempDir(), stdin: w, mark: rand.Text(), ended: make(chan struct{})}
	m.shell = exec.Command("sh")
	m.shell.Dir, m.shell.Env, m.shell.Stdin, m.shell.Stdout, m.shell.Stderr = folder, env, r, m, m
	m.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.shell.WaitDelay = 10 * time.Second
	if err := m.shell.Start(); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	go func() {
		_ = m.shell.Wait()
		close(m.ended)
	}()
	t.Cleanup(func() {
		_ = w.Close()
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			_ = syscall.Kill(-m.shell.Process.Pid, signal)
			select {
			case <-m.ended:
				_ = syscall.Kill(-m.shell.Process.Pid, syscall.SIGKILL)
				return
			case <-time.After(5 * time.Second):
			}
		}
		<-m.ended
	})
	return m
}

// Write takes what the shell and its programs print.
func (m *terminal) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.printed.Write(b)
}

func (m *terminal) output() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.printed.String()
}

// enter has the shell run commands. Unless they may fail, the first one that
// does ends it.
func (m *terminal) enter(commands string, mayFail bool) error {
	if m.busy {
		return fmt.Errorf("what was started in this terminal is still running: nothing can be typed")
	}
	m.busy = true
	m.scripts++
	script := filepath.Join(m.dir, fmt.Sprint(m.scripts))
	if err := os.WriteFile(script, []byte(commands), 0o600); err != nil {
		return err
	}
	m.mu.Lock()
	m.printed.Reset()
	m.mu.Unlock()
	flag := "-eu"
	if mayFail {
		flag = "+e"
	}
	_, err := fmt.Fprintf(m.stdin, "set %s; . '%s' </dev/null\n"+
		"printf '\\n%%s %%s %%s\\n' %s $? \"$PWD\"\n", flag, script, m.mark)
	return err
}

// finish waits until the commands are over.
func (m *terminal) finish() (printed, exit, folder string, err error) {
	over := regexp.MustCompile(`(?s)^(.*)\n` + m.mark + ` (\d+) ([^\n]*)\n`)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var ended bool
		select {
		case <-m.ended:
			ended = true
		default:
		}
		printed := m.output()
		if found := over.FindStringSubmatch(printed); found != nil {
			m.busy = false
			if printed = found[1]; printed != "" && !strings.HasSuffix(printed, "\n") {
				printed += "\n"
			}
			return printed, found[2], found[3], nil
		}
		switch {
		case ended:
			return "", "", "", fmt.Errorf("a command failed: %s\n%s", m.shell.ProcessState, printed)
		case time.Now().After(deadline):
			return "", "", "", fmt.Errorf("the commands didn't end within %s\n%s", patience, printed)
		}
	}
}

// show waits until the commands have printed text, and lets them go on.
func (m *terminal) show(text string, anyNumbers bool) error {
	deadline := time.Now().Add(patience)
	for ; !appeared(text, anyNumbers, m.output()); time.Sleep(5 * time.Millisecond) {
		select {
		case <-m.ended:
			return fmt.Errorf("it ended: %s\n%s", m.shell.ProcessState, m.output())
		default:
		}
		if strings.Contains(m.output(), "\n"+m.mark+" ") {
			return fmt.Errorf("it ended, and the document shows\n%s\nand there was\n%s", text,
				m.output())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the document shows\n%s\nand within %s there was\n%s", text, patience,
				m.output())
		}
	}
	return nil
}
