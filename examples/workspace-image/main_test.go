//go:build unix

package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

// system is a forge whose git knows nothing of the platform yet.
type system struct {
	*workspacetest.Forge
	settings map[string]string // what the platform's operator sets
}

func newSystem(t *testing.T) *system {
	t.Helper()
	f := workspacetest.NewUnwired(t, 2*time.Second)
	return &system{f, map[string]string{
		"PLATFORM_URL": f.Platform.Server.URL, "PLATFORM_KEY": workspacetest.PlatformKey, "PROVISIONKIT_HOSTS": f.Host,
	}}
}

// environment returns the file that the platform writes for ws-1, read as a
// container runtime reads it.
func (s *system) environment(t *testing.T, inline bool) map[string]string {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, run(&file, func(name string) string { return s.settings[name] }, "ws-1", inline))
	env := map[string]string{}
	for line := range strings.Lines(file.String()) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		require.True(t, ok, name)
		env[name] = value
	}
	return env
}

// work does what a workspace does over several lives of its token.
func (s *system) work(t *testing.T) {
	t.Helper()
	s.Run(t, s.Dir, "clone", "--quiet", s.URL, "clone")
	clone := filepath.Join(s.Dir, "clone")
	s.ForLives(2, func() { s.Push(t, clone) })
	require.NotContains(t, s.Run(t, clone, "config", "--list"), "ghs_")
}

// script runs one of the Dockerfile's scripts with the environment of s and
// more.
func (s *system) script(t *testing.T, env map[string]string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "./"+name, args...)
	for _, vars := range []map[string]string{s.Env, env} {
		for name, value := range vars {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// image does in a folder what the Dockerfile does in an image, and returns the
// folder with the helper.
func (s *system) image(t *testing.T) (bin string) {
	t.Helper()
	dockerfile, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	for _, step := range []string{
		`RUN examples/workspace-image/build\.sh /out\n`,
		`ENV PATH=/opt/provisionkit/bin:\$PATH\n`,
		`COPY --from=build /out/git-credential-provisionkit /opt/provisionkit/bin/\n`,
		`RUN /tmp/setup\.sh /opt/provisionkit/bin && rm /tmp/setup\.sh\n`,
	} {
		require.Regexp(t, regexp.MustCompile(step), string(dockerfile))
	}
	root := t.TempDir()
	bin = filepath.Join(root, "opt/provisionkit/bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	machine := map[string]string{}
	for _, name := range []string{"HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		if value := os.Getenv(name); value != "" {
			machine[name] = value
		}
	}
	output, err := s.script(t, machine, "build.sh", bin)
	require.NoError(t, err, output)

	s.Env["PATH"] = bin + ":" + s.Env["PATH"]
	delete(s.Env, "GIT_CONFIG_NOSYSTEM")
	s.Env["GIT_CONFIG_SYSTEM"] = filepath.Join(root, "gitconfig")
	return bin
}

func TestAnImageWithTheBinaryNeedsNoGitConfigInItsEnvironment(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	bin := s.image(t)
	good := s.Env["GIT_CONFIG_SYSTEM"]
	s.Env["GIT_CONFIG_SYSTEM"] = filepath.Join(t.TempDir(), "no folder", "gitconfig")
	output, err := s.script(t, nil, "setup.sh", bin)
	require.Error(t, err, "the build fails where git can't be configured: %s", output)
	s.Env["GIT_CONFIG_SYSTEM"] = good
	output, err = s.script(t, nil, "setup.sh", t.TempDir())
	require.Error(t, err, "and without the helper: %s", output)
	output, err = s.script(t, nil, "setup.sh")
	require.Error(t, err, output)

	hosts := map[string]string{"PROVISIONKIT_HOSTS": s.settings["PROVISIONKIT_HOSTS"]}
	for range 2 { // a second time it changes nothing
		output, err = s.script(t, hosts, "setup.sh", bin)
		require.NoError(t, err, output)
	}
	for _, link := range []string{"gh", "git-askpass-provisionkit"} {
		target, err := filepath.EvalSymlinks(filepath.Join(bin, link))
		require.NoError(t, err)
		require.Equal(t, "git-credential-provisionkit", filepath.Base(target))
	}

	env := s.environment(t, false)
	for name, value := range env {
		if !strings.HasPrefix(name, "GIT_CONFIG_") { // as after sudo, ssh and cron that keep the others
			s.Env[name] = value
		}
	}
	s.work(t)
	maps.Copy(s.Env, env)
	s.Run(t, t.TempDir(), "ls-remote", s.URL)
}

func TestAnImageWithoutTheBinaryNeedsItsEnvironmentAlone(t *testing.T) {
	t.Parallel()
	testutil.NeedTool(t, "curl")
	dockerfile, err := os.ReadFile("Dockerfile.inline")
	require.NoError(t, err)
	require.Regexp(t, `install .* ca-certificates curl git `, string(dockerfile))
	s := newSystem(t)
	maps.Copy(s.Env, s.environment(t, true))
	s.work(t)
}

func TestWhatThePlatformSetsWronglyIsNamed(t *testing.T) {
	good := map[string]string{"PLATFORM_URL": "https://platform.example", "PLATFORM_KEY": workspacetest.PlatformKey}
	for name, value := range map[string]string{"PLATFORM_URL": "platform", "PLATFORM_KEY": "short", "PROVISIONKIT_HOSTS": "https://github.com"} {
		settings := maps.Clone(good)
		settings[name] = value
		require.ErrorContains(t, run(&bytes.Buffer{}, func(name string) string { return settings[name] }, "ws-1", false), name)
	}
	require.Error(t, run(&bytes.Buffer{}, func(name string) string { return good[name] }, "", false))
}
