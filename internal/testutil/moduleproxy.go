package testutil

import (
	"archive/zip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ModuleProxy is a module proxy in a folder. What was published there is all
// that Go sees of this repository: a file that lies in a work tree and isn't
// part of a module is missing, as it is for those who download it.
type ModuleProxy struct{ dir, modules string }

// NewModuleProxy returns a proxy in dir that has no module yet. What was
// downloaded is kept there too.
func NewModuleProxy(dir string) *ModuleProxy {
	return &ModuleProxy{dir: filepath.Join(dir, "proxy"), modules: filepath.Join(dir, "downloaded")}
}

// Publish publishes the module in dir as it would be downloaded in that
// version, and returns its path: of the files that git tracks those that aren't
// in a module below it. What the module replaces with a folder of this
// repository is a module that is to be published too, so that a release is
// without it.
func (p *ModuleProxy) Publish(t testing.TB, dir, version string) (path string) {
	t.Helper()
	gomod := filepath.Join(t.TempDir(), "go.mod")
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(gomod, content, 0o600))
	replace := regexp.MustCompile(`(?m)^replace (\S+) => \.\.?/`)
	for _, replaced := range replace.FindAllStringSubmatch(string(content), -1) {
		edit := exec.CommandContext(t.Context(), NeedTool(t, "go"), "mod", "edit",
			"-dropreplace="+replaced[1], gomod)
		output, err := edit.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	content, err = os.ReadFile(gomod)
	require.NoError(t, err)
	path = string(regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(content)[1])
	require.NotContains(t, string(content), "\nreplace ", "a published go.mod has no replace")

	folder := filepath.Join(p.dir, filepath.FromSlash(path), "@v")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	for name, text := range map[string]string{
		"list":            version + "\n",
		version + ".info": `{"Version":"` + version + `"}`,
		version + ".mod":  string(content),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	archive, err := os.Create(filepath.Join(folder, version+".zip"))
	require.NoError(t, err)
	defer archive.Close()
	w := zip.NewWriter(archive)
	for _, name := range moduleFiles(t, dir) {
		text := content
		if name != "go.mod" {
			text, err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			require.NoError(t, err)
		}
		entry, err := w.Create(path + "@" + version + "/" + name)
		require.NoError(t, err)
		_, err = entry.Write(text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return path
}

// moduleFiles returns the files of the module in dir, by their names below it:
// those that git tracks or, where there is no git, as in a module that was
// downloaded, all.
func moduleFiles(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	tracked, err := exec.CommandContext(t.Context(), "git", "-C", dir, "ls-files", "-z").Output()
	if err == nil {
		names = strings.Split(strings.TrimSuffix(string(tracked), "\x00"), "\x00")
	} else {
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				names = append(names, name)
			}
			return err
		})
		require.NoError(t, err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		for below := filepath.Dir(filepath.FromSlash(name)); below != "."; below = filepath.Dir(below) {
			if _, err := os.Stat(filepath.Join(dir, below, "go.mod")); err == nil {
				return true // of a module below this one
			}
		}
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err != nil // removed, and not committed yet
	})
}

// Go runs the go command in dir as somebody who has the proxy, and of other
// modules those that are on this machine. It returns what was printed to
// standard output.
func (p *ModuleProxy) Go(t testing.TB, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, err := p.TryGo(t, dir, args...)
	require.NoError(t, err, "go %v: %s%s", args, stdout, stderr)
	return stdout
}

// TryGo runs the go command as [ModuleProxy.Go] does, where it may fail, and
// returns its two outputs.
func (p *ModuleProxy) TryGo(t testing.TB, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), NeedTool(t, "go"), args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), p.Environ(t), []string{
		"GOFLAGS=-mod=mod -modcacherw -trimpath", "GOBIN=" + dir,
	})
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// Environ returns what the go command needs in its environment to have the
// proxy, and of other modules those that are on this machine. With -trimpath
// what was compiled serves wherever the modules lie: without, each test would
// compile all anew.
func (p *ModuleProxy) Environ(t testing.TB) []string {
	t.Helper()
	cached, err := exec.CommandContext(t.Context(), NeedTool(t, "go"), "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	downloaded := filepath.Join(strings.TrimSpace(string(cached)), "cache", "download")
	return []string{
		"GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw -trimpath",
		"GOPROXY=" + fileURL(p.dir) + "," + fileURL(downloaded) + ",off", "GOMODCACHE=" + p.modules,
		"GONOPROXY=none", "GONOSUMDB=*", "GOSUMDB=off", "GOPRIVATE=",
	}
}

// fileURL returns the URL of a folder.
func fileURL(dir string) string {
	return "file://" + strings.TrimSuffix("/"+strings.TrimPrefix(filepath.ToSlash(dir), "/"), "/")
}
