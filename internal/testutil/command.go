package testutil

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Command returns the path of git-credential-provisionkit, built without cgo,
// as it is shipped, once for all tests of a package. Its TestMain has to end
// with [Exit]. The name of its folder has a space, as a path in a workspace may
// have one. The variable PROVISIONKIT_TEST_COMMAND names one that is built
// already, for machines without Go.
func Command(t testing.TB) string {
	t.Helper()
	path, err := buildCommand()
	require.NoError(t, err)
	return path
}

// Exit ends the process, and removes what [Command] built.
func Exit(code int) {
	_ = os.RemoveAll(commandFolder)
	os.Exit(code)
}

// MoreInParallel lets more tests run at once than there are processors, unless
// -parallel says otherwise. It is for the TestMain of a package whose tests wait for
// most of their time.
func MoreInParallel() {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
}

const commandPackage = "github.com/molecule-ai/provisionkit/tokenprovider/workspace/git-credential-provisionkit"

var commandFolder string

var buildCommand = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("PROVISIONKIT_TEST_COMMAND"); built != "" {
		return built, nil
	}
	var err error
	if commandFolder, err = os.MkdirTemp("", "provision kit-"); err != nil {
		return "", err
	}
	path := filepath.Join(commandFolder, "git-credential-provisionkit")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	return path, Build("", path, commandPackage)
})

// Build builds the program that source names, after flags of go build, as path
// without cgo, in folder or, when that is empty, in the test's. It has go run
// copy the program instead of running it, where there is a command for that:
// what go run links is cached, and what go build links isn't.
func Build(folder, path string, source ...string) error {
	args := slices.Concat([]string{"run", "-exec=cp"}, source, []string{path})
	if runtime.GOOS == "windows" {
		args = slices.Concat([]string{"build", "-o", path}, source)
	}
	build := exec.Command("go", args...)
	build.Dir = folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", path, err, output)
	}
	return nil
}
