package githubapptest

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// gitTools are the real git and what it runs in: nothing of the machine's or
// the user's configuration.
type gitTools struct {
	git     string
	backend string // git http-backend
	env     []string
}

// gitTools finds git at the first call.
func (s *Server) gitTools() (*gitTools, error) {
	s.mu.Lock()
	found := s.git
	s.mu.Unlock()
	if found != nil {
		return found, nil
	}
	tools, err := findGit(s.gitRoot)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.git = tools
	return tools, nil
}

func findGit(home string) (*gitTools, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("git is not installed or not on PATH: %w", err)
	}
	t := &gitTools{git: git, env: gitEnv(home)}
	path, err := t.run(home, nil, "--exec-path")
	if err != nil {
		return nil, err
	}
	t.backend = filepath.Join(filepath.FromSlash(path), "git-http-backend")
	if runtime.GOOS == "windows" {
		t.backend += ".exe"
	}
	if _, err := os.Stat(t.backend); err != nil {
		return nil, fmt.Errorf("git has no http-backend here, install it (Alpine: git-daemon): %w", err)
	}
	return t, nil
}

// gitEnv returns the environment of every git that the server runs.
// http.receivepack lets http-backend take pushes, which it otherwise does for
// users that a web server authenticated; nothing may go on in the background
// once a request is answered; and what lives for a test isn't worth compressing.
func gitEnv(home string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
	}
	if runtime.GOOS == "windows" {
		env = append(env, "SYSTEMROOT="+os.Getenv("SYSTEMROOT"), "USERPROFILE="+home)
	}
	config := [][2]string{
		{"http.receivepack", "true"}, {"receive.autogc", "false"}, {"gc.auto", "0"},
		{"maintenance.auto", "false"}, {"core.compression", "0"},
	}
	for n, entry := range config {
		env = append(env,
			fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", n, entry[0]),
			fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, entry[1]))
	}
	return append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(config)))
}

// initialize makes a bare repository with one commit on main in a new folder
// below root, whose name it returns. It writes the few files itself: to start
// git several times for it takes longer than most tests (gitrepository-layout).
func initialize(root, owner, name string) (dir string, err error) {
	path, err := os.MkdirTemp(root, owner+"-"+name+"-*.git")
	if err != nil {
		return "", err
	}
	files := map[string][]byte{
		"HEAD":   []byte("ref: refs/heads/main\n"),
		"config": []byte("[core]\n\trepositoryformatversion = 0\n\tbare = true\n"),
	}
	readme := addObject(files, "blob", "# "+name+"\n")
	tree := addObject(files, "tree", "100644 README.md\x00"+string(readme))
	commit := addObject(files, "commit", fmt.Sprintf(
		"tree %x\nauthor %[2]s\ncommitter %[2]s\n\nInitial commit\n", tree,
		fmt.Sprintf("GitHub <noreply@github.com> %d +0000", time.Now().Unix())))
	files["refs/heads/main"] = fmt.Appendf(nil, "%x\n", commit)
	for file, content := range files {
		file = filepath.Join(path, filepath.FromSlash(file))
		if err = os.MkdirAll(filepath.Dir(file), 0o700); err == nil {
			err = os.WriteFile(file, content, 0o600)
		}
		if err != nil {
			_ = os.RemoveAll(path)
			return "", err
		}
	}
	return filepath.Base(path), nil
}

// addObject adds an object of git's to the files of a repository, and returns
// its id.
func addObject(files map[string][]byte, kind, content string) (id []byte) {
	object := fmt.Appendf(nil, "%s %d\x00%s", kind, len(content), content)
	sum := sha1.Sum(object)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(object) // a buffer takes everything
	_ = w.Close()
	files[fmt.Sprintf("objects/%x/%x", sum[:1], sum[1:])] = packed.Bytes()
	return sum[:]
}

// run runs git with args in dir, and returns what it printed; an error says
// what git said.
func (t *gitTools) run(dir string, stdin []byte, args ...string) (stdout string, err error) {
	out, err := t.output(dir, nil, bytes.NewReader(stdin), args...)
	return strings.TrimSpace(string(out)), err
}

// output runs git as [gitTools.run] does, for output that may be anything, with
// more in the environment.
func (t *gitTools) output(dir string, env []string, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.Command(t.git, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(slices.Clip(t.env), env...), stdin
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}
