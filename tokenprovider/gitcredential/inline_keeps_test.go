package gitcredential_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheInlineHelperKeepsNothingAnywhere(t *testing.T) {
	t.Parallel()
	inEachShell(t, func(t *testing.T, shell []string) {
		s := newStandIn(t, nil)
		w := newInlineWorkspace(t, shell, s.URL)
		w.env["TMPDIR"], w.env["XDG_RUNTIME_DIR"] = t.TempDir(), t.TempDir()
		for range 2 {
			stdout, _, _ := w.run(t, "get", githubRequest)
			require.Equal(t, gitAnswer, stdout)
		}
		w.run(t, "store", githubRequest+"password="+token+"\n")
		w.run(t, "erase", githubPassword)
		require.Len(t, s.asked(), 3, "what isn't kept is asked for each time")
		for _, dir := range []string{w.dir, w.env["HOME"], w.env["TMPDIR"], w.env["XDG_RUNTIME_DIR"]} {
			require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
				require.Equal(t, ".", path, dir)
				return err
			}))
		}
	})
}
