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
		// First what somebody set, then what git makes up or takes from EMAIL.
		text, err := d.output(ctx, nil, "", d.gitPath, "-c", "user.useConfigOnly=true", "var", name)
		madeUp := err != nil && d.Env("EMAIL") == ""
		if err != nil {
			text, err = d.output(ctx, nil, "", d.gitPath, "var", name)
		}
		who, _, _ = strings.Cut(text, ">")
		switch {
		case ctx.Err() != nil:
			return warn("git doesn't say in time who commits: a file system may hang")
		case err != nil:
			return warn("git has no name and address for commits, which fail: %s", remedy)
		case madeUp:
			return warn("git makes up who commits from names of this machine, %s>: %s", who, remedy)
		}
	}
	return ok("commits are by %s>", who)
}
