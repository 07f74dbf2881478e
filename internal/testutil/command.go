package testutil

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Command returns the path of git-credential-provisionkit, built without cgo,
// as it is shipped, once for all tests of a package. Its TestMain has to end
// with [Exit]. The name of its folder has a space, as a path in a workspace may
// have one.
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
// -parallel says otherwise. It is for the TestMain of a package whose tests
// wait for tokens to die for most of their time.
func MoreInParallel() {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
}

const commandPackage = "github.com/molecule-ai/provisionkit/tokenprovider/workspace/git-credential-provisionkit"

var commandFolder string

// buildCommand has go run copy the command instead of running it: what go run
// links is cached, and what go build links isn't.
var buildCommand = sync.OnceValues(func() (string, error) {
	var err error
	if commandFolder, err = os.MkdirTemp("", "provision kit-"); err != nil {
		return "", err
	}
	path := filepath.Join(commandFolder, "git-credential-provisionkit")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	build := exec.Command("go", "run", "-exec=cp", commandPackage, path)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, output)
	}
	return path, nil
})
