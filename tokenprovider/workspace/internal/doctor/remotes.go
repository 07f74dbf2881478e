package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/gitconfig"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// checkRemotes looks at the URLs of the repository in the current folder and of
// its submodules: with a token in one git asks no helper, and ssh has none.
func checkRemotes(ctx context.Context, d *diagnosis) finding {
	all := slices.Clone(d.settings)
	found := []finding{ok("none holds a token")}
	if top, err := d.output(ctx, nil, "", d.gitPath, "rev-parse", "--show-toplevel"); err == nil {
		path := filepath.Join(strings.TrimSpace(top), ".gitmodules")
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			more, err := readSettings(ctx, d, "", "--file", path)
			all, found = append(all, more...), append(found, unread(ctx, err, path))
		}
	}
	if files := submoduleFiles(ctx, d); files != "" { // one git reads them all
		more, err := readSettings(ctx, d, files, "--file", "-", "--includes")
		all, found = append(all, more...), append(found, unread(ctx, err, "the configuration of a submodule"))
	}
	urls := slices.Concat(all.of("remote", "url"), all.of("remote", "pushurl"), all.of("submodule", "url"))
	for _, s := range urls {
		file := strings.TrimPrefix(s.origin, "file:")
		t := parseTarget(d.settings.rewritten(s.value))
		switch served := slices.Contains(d.served, t.host); {
		case t.secret:
			found = append(found, wrong("%s in %s has a password or token in it, "+
				"which git uses instead of asking for a fresh one: set it to the URL without, "+
				"and revoke the token", s.shownKey(), file))
		case served && t.scheme == "ssh":
			found = append(found, warn("%s in %s goes over ssh, where no token is used: "+
				"set it to https://%s/...", s.shownKey(), file, t.host))
		case served && t.scheme == "http":
			found = append(found, warn("%s in %s is http, for which there are no tokens: "+
				"set it to https", s.shownKey(), file))
		}
	}
	return worst(found)
}

// unread says that what couldn't be read because of err.
func unread(ctx context.Context, err error, what string) finding {
	switch {
	case err == nil:
		return ok("")
	case errors.Is(err, process.ErrOutput), ctx.Err() != nil:
		return warn("not all was looked at: there is too much in %s", what)
	}
	return wrong("git can't read %s: correct it", what)
}

// submoduleFiles returns, in git's syntax, the configuration of the submodules
// that have been cloned; "" if there are none.
func submoduleFiles(ctx context.Context, d *diagnosis) string {
	var files []gitconfig.Setting
	modules := filepath.Join(d.commonDir, "modules")
	_ = filepath.WalkDir(modules, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && slices.Contains([]string{"objects", "refs", "logs"}, entry.Name()):
			return fs.SkipDir
		case entry.Name() == "config" && entry.Type().IsRegular():
			files = append(files, gitconfig.Setting{Key: "include.path", Value: path})
		}
		return nil
	})
	return string(gitconfig.Format(files))
}
