package workspace

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkRemotes looks at the URLs of the repository in the current folder and of its submodules: with a token in one git
// asks no helper, and ssh has none.
func (d *diagnosis) checkRemotes(ctx context.Context) finding {
	folder, err := d.output(ctx, nil, "", d.gitPath, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return ok("there is no repository in this folder")
	}
	all := slices.Clone(d.settings)
	for _, file := range d.submoduleFiles(ctx, strings.TrimSpace(folder)) {
		more, err := d.readSettings(ctx, "--file", file, "--list")
		if err != nil {
			return wrong("git can't read %s: correct it", file)
		}
		all = append(all, more...)
	}
	found := []finding{ok("none holds a token")}
	for _, s := range slices.Concat(all.of("remote", "url"), all.of("remote", "pushurl"), all.of("submodule", "url")) {
		file := strings.TrimPrefix(s.origin, "file:")
		t := parseTarget(d.settings.rewritten(s.value))
		switch served := slices.Contains(d.served, t.host); {
		case t.secret:
			found = append(found, wrong("%s in %s has a password or token in it, which git uses instead of asking for a fresh one: "+
				"set it to the URL without, and revoke the token", s.shownKey(), file))
		case served && t.scheme == "ssh":
			found = append(found, warn("%s in %s goes over ssh, where no token is used: set it to https://%s/...", s.shownKey(), file, t.host))
		case served && t.scheme == "http":
			found = append(found, warn("%s in %s is http, for which there are no tokens: set it to https", s.shownKey(), file))
		}
	}
	return worst(found)
}

// submoduleFiles are the files with URLs of submodules: what the repository brings, and the configuration of those that
// have been cloned.
func (d *diagnosis) submoduleFiles(ctx context.Context, folder string) []string {
	var files []string
	if top, err := d.output(ctx, nil, "", d.gitPath, "rev-parse", "--show-toplevel"); err == nil {
		path := filepath.Join(strings.TrimSpace(top), ".gitmodules")
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
	}
	_ = filepath.WalkDir(filepath.Join(folder, "modules"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && (entry.Name() == "objects" || entry.Name() == "refs" || entry.Name() == "logs"):
			return fs.SkipDir
		case entry.Name() == "config" && entry.Type().IsRegular():
			files = append(files, path)
		}
		return nil
	})
	return files
}

// rewritten is raw as git changes it: the longest insteadOf that it begins with is replaced.
func (all settings) rewritten(raw string) string {
	var best setting
	for _, s := range all.of("url", "insteadof") {
		if strings.HasPrefix(raw, s.value) && len(s.value) > len(best.value) {
			best = s
		}
	}
	if best.value == "" {
		return raw
	}
	return best.subsection() + raw[len(best.value):]
}

// checkHeaders looks for an Authorization that git sends of its own accord: beside a helper's it is one too many, or it
// is a token that nobody renews.
func (d *diagnosis) checkHeaders(context.Context) finding {
	found := []finding{ok("none is sent along")}
	for _, host := range d.served {
		var sent []setting
		for _, s := range d.settings.of("http", "extraheader") {
			switch name, _, _ := strings.Cut(s.value, ":"); {
			case !s.appliesTo(host):
			case s.value == "":
				sent = nil
			case strings.EqualFold(strings.TrimSpace(name), "Authorization"):
				sent = append(sent, s)
			}
		}
		for _, s := range sent {
			found = append(found, wrong("%s in %s sends an Authorization to %s, beside or instead of the helper's: remove it",
				s.shownKey(), d.where(s), host))
		}
	}
	return worst(found)
}

// checkRewrites looks for rules that change URLs of a host into such as need no helper, or hold a token.
func (d *diagnosis) checkRewrites(context.Context) finding {
	found := []finding{ok("none leads away")}
	for _, name := range []string{"insteadof", "pushinsteadof"} {
		for _, s := range d.settings.of("url", name) {
			if parseTarget(s.subsection()).secret {
				found = append(found, wrong("a url.<base>.%s in %s has a password or token in its base: remove it, and revoke the token", name, d.where(s)))
				continue
			}
			for _, host := range d.served {
				if to, does := s.leadsAway(host); does {
					found = append(found, wrong("a url.<base>.%s in %s turns URLs of %s into %s, for which there are no tokens: remove it",
						name, d.where(s), host, to))
				}
			}
		}
	}
	return worst(found)
}

// leadsAway reports whether the rule, which puts its subsection in place of its value, changes https URLs at host into
// others.
func (s setting) leadsAway(host string) (to string, does bool) {
	url := "https://" + host + "/"
	if strings.HasPrefix(s.value, url) {
		url = s.value
	}
	if s.value == "" || !strings.HasPrefix(url, s.value) {
		return "", false
	}
	t := parseTarget(s.subsection() + url[len(s.value):])
	switch {
	case t.scheme == "https" && t.host == host:
		return "", false
	case t.scheme == "":
		return "paths", true
	}
	return t.scheme + "://" + t.host, true
}

// checkNetrc looks for passwords that the HTTP library of git takes before git asks a helper.
func (d *diagnosis) checkNetrc(context.Context) finding {
	paths := []string{d.Env("NETRC")}
	for _, home := range []string{d.Env("HOME"), d.Env("USERPROFILE")} {
		if home != "" {
			paths = append(paths, filepath.Join(home, ".netrc"), filepath.Join(home, "_netrc"))
		}
	}
	found := []finding{ok("no entry for these hosts")}
	for _, path := range paths {
		content, err := readPlain(path)
		if err != nil {
			continue // git can't read it either, or has none
		}
		for _, host := range d.served {
			name, _, _ := strings.Cut(host, ":")
			if entry := netrcEntry(string(content), name); entry != "" {
				found = append(found, wrong("%s has an entry for %s (%s), which git uses without asking a helper: remove it", path, host, entry))
			}
		}
	}
	return worst(found)
}

// netrcEntry is how the entry for the host begins; "" if there is none.
func netrcEntry(content, host string) string {
	words := strings.Fields(content)
	for i, word := range words {
		if word == "machine" && i+1 < len(words) && strings.EqualFold(words[i+1], host) {
			return "machine " + host
		}
		if word == "default" && (i == 0 || words[i-1] != "machine" && words[i-1] != "login" && words[i-1] != "password") {
			return "default"
		}
	}
	return ""
}

// readPlain is the content of a plain file of bounded size; a pipe would be waited for.
func readPlain(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("isn't a plain file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxOutput))
}
