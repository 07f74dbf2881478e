package ghshim

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// repositoryOf returns the repository that gh is about to work on, as owner/name,
// or its owner, as far as that can be told without doing gh's work; "" where it
// can't. It is what gh takes it for: what the arguments name, GH_REPO, or else a
// remote of the work tree, each at one of the hosts. The platform decides what
// there is a token for.
func repositoryOf(ctx context.Context, p *process.Process, args, hosts []string) string {
	args = args[:len(args)-len(after(args, "--"))]
	for _, named := range []string{repoFlag(args), argument(args), p.Env("GH_REPO")} {
		if named != "" {
			return repositoryIn(named, hosts)
		}
	}
	return remote(ctx, p, hosts)
}

// after returns what is behind the first arg in args.
func after(args []string, arg string) []string {
	if at := slices.Index(args, arg); at >= 0 {
		return args[at+1:]
	}
	return nil
}

// repoFlag returns the value of gh's flag -R or --repo, or "". The last one holds.
func repoFlag(args []string) (repository string) {
	for i, arg := range args {
		short, isShort := strings.CutPrefix(arg, "-R")
		long, isLong := strings.CutPrefix(arg, "--repo=")
		switch {
		case isLong:
			repository = long
		case (arg == "--repo" || arg == "-R") && i+1 < len(args):
			repository = args[i+1]
		case isShort:
			repository = strings.TrimPrefix(short, "=")
		}
	}
	return repository
}

// argument returns what an argument of gh's names: gh repo VERB, gh api and
// those that take the URL of a pull request.
func argument(args []string) string {
	for i, arg := range args {
		path := strings.TrimPrefix(arg, "/")
		switch {
		case args[0] != "api" && i == 2 && strings.HasPrefix(arg, "https://"):
			return arg
		case args[0] == "api" && i > 0 && !strings.Contains(path, "{"): // gh fills in {owner} itself
			if rest, ok := strings.CutPrefix(path, "repos/"); ok {
				return firstTwo(rest)
			}
			if rest, ok := strings.CutPrefix(path, "orgs/"); ok {
				owner, _, _ := strings.Cut(rest, "/")
				return owner
			}
		case args[0] == "repo" && i == 2 && !strings.HasPrefix(arg, "-"):
			if args[1] == "list" || strings.Contains(arg, "/") {
				return arg
			}
		}
	}
	return ""
}

// repositoryIn returns the repository that named means in the one form, if it is
// at one of the hosts: [HOST/]OWNER/REPO, or a URL, of which the first two
// segments count.
func repositoryIn(named string, hosts []string) string {
	host, path := "", named
	switch at := strings.Index(named, ":"); {
	case strings.Contains(named, "://"):
		u, err := url.Parse(named)
		if err != nil || u.Host == "" {
			return ""
		}
		host, path = u.Host, firstTwo(strings.Trim(u.Path, "/"))
		if u.Scheme != "https" {
			host = u.Hostname()
		}
	case at >= 0: // git's short form for ssh
		host, path = named[strings.LastIndexByte(named[:at], '@')+1:at], named[at+1:]
	case strings.Count(named, "/") == 2:
		host, path, _ = strings.Cut(named, "/")
	}
	if host != "" && !(gitcredential.Request{Protocol: "https", Host: host}).For(hosts) {
		return ""
	}
	repository, ok := wire.Repository(path)
	if !ok {
		return ""
	}
	return repository
}

// firstTwo returns the first two segments of path.
func firstTwo(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return strings.Join(strings.SplitN(path, "/", 3)[:min(2, 1+strings.Count(path, "/"))], "/")
}

// remote returns the repository of the remote that gh takes for the work tree's:
// the one that gh repo set-default chose, or else the first of those at the
// hosts in gh's order.
func remote(ctx context.Context, p *process.Process, hosts []string) string {
	git, err := p.Find("git")
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	listed, _, err := process.Output(ctx, p.Environ, "", git, "remote", "-v") // after insteadOf
	if err != nil {
		return ""
	}
	found, names := map[string]string{}, []string{"upstream", "github", "origin"}
	for line := range strings.Lines(listed) {
		name, rest, _ := strings.Cut(line, "\t")
		location, _, isFetch := strings.Cut(rest, " (fetch)")
		if repository := repositoryIn(location, hosts); isFetch && strings.Contains(repository, "/") {
			found[name] = repository
			names = append(names, name)
		}
	}
	if len(found) > 1 { // else there is no choice
		resolved, _, _ := process.Output(ctx, p.Environ, "", git, "config", "--get-regexp", `^remote\..*\.gh-resolved$`)
		for line := range strings.Lines(resolved) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".gh-resolved")
			if value != "base" {
				return repositoryIn(value, hosts)
			}
			names = append([]string{name}, names...)
		}
	}
	for _, name := range names {
		if found[name] != "" {
			return found[name]
		}
	}
	return ""
}
