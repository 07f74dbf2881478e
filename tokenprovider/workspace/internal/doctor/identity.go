package doctor

import (
	"context"
	"strings"
)

// checkIdentity looks whose name a commit gets.
func checkIdentity(ctx context.Context, d *diagnosis) finding {
	const remedy = "have the platform set GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME " +
		"and GIT_COMMITTER_EMAIL, or set user.name and user.email by git config --global"
	var who string
	for _, name := range []string{"GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"} {
		text, err := d.output(ctx, nil, "", d.gitPath, "var", name)
		if ctx.Err() != nil {
			return warn("git doesn't say in time who commits: a file system may hang")
		}
		if err != nil {
			return warn("git has no name and address for commits, which fail: %s", remedy)
		}
		who, _, _ = strings.Cut(text, ">")
		_, err = d.output(ctx, nil, "", d.gitPath, "-c", "user.useConfigOnly=true", "var", name)
		if err != nil && ctx.Err() == nil && d.Env("EMAIL") == "" {
			return warn("git makes up who commits from names of this machine, %s>: %s", who, remedy)
		}
	}
	return ok("commits are by %s>", who)
}
