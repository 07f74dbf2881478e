package doctor

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkRemotes looks at the URLs of the repository in the current folder and of
// its submodules: with a token in one git asks no helper, and ssh has none.
func checkRemotes(ctx context.Context, d *diagnosis) finding {
	folder, err := d.output(ctx, nil, "", d.gitPath,
		"rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return ok("there is no repository in this folder")
	}
	all := slices.Clone(d.settings)
	for _, file := range submoduleFiles(ctx, d, strings.TrimSpace(folder)) {
		more, err := readSettings(ctx, d, "--file", file, "--list")
		if err != nil {
			return wrong("git can't read %s: correct it", file)
		}
		all = append(all, more...)
	}
	found := []finding{ok("none holds a token")}
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

// submoduleFiles returns the files with URLs of submodules: what the repository
// brings, and the configuration of those that have been cloned.
func submoduleFiles(ctx context.Context, d *diagnosis, folder string) []string {
	var files []string
	if top, err := d.output(ctx, nil, "", d.gitPath, "rev-parse", "--show-toplevel"); err == nil {
		path := filepath.Join(strings.TrimSpace(top), ".gitmodules")
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
	}
	modules := filepath.Join(folder, "modules")
	_ = filepath.WalkDir(modules, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && slices.Contains([]string{"objects", "refs", "logs"}, entry.Name()):
			return fs.SkipDir
		case entry.Name() == "config" && entry.Type().IsRegular():
			files = append(files, path)
		}
		return nil
	})
	return files
}
