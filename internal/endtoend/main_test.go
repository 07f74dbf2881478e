package endtoend_test

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
	"time"

	_ "github.com/molecule-ai/provisionkit/tokenprovider/workspace" // go test runs these tests again when the command has changed
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// For most of their time these tests wait for tokens to die. -parallel still overrides it.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(commandDir)
		os.Exit(code)
	}))
}

var commandDir string

// buildCommand builds the command as it is shipped, without cgo, and once. The space in the folder's name is there because
// a path in a workspace may have one.
var buildCommand = sync.OnceValues(func() (string, error) {
	var err error
	if commandDir, err = os.MkdirTemp("", "provision kit-"); err != nil {
		return "", err
	}
	path := filepath.Join(commandDir, "git-credential-provisionkit")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	build := exec.Command("go", "build", "-o", path, "github.com/molecule-ai/provisionkit/tokenprovider/workspace/git-credential-provisionkit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, output)
	}
	return path, nil
})

// command is the path of git-credential-provisionkit.
func command(t testing.TB) string {
	t.Helper()
	path, err := buildCommand()
	require.NoError(t, err)
	return path
}

// eventually polls until met is true.
func eventually(t testing.TB, met func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "it never came: %s", what)
	}
}
