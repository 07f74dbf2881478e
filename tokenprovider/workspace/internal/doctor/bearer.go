package doctor

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/platform"
)

// checkBearer looks at what the workspace authenticates with. What that says
// about its own end is only told: whether it is over is for the platform to
// say.
func checkBearer(ctx context.Context, d *diagnosis) finding {
	e, err := config.Endpoint{URL: d.Env(wire.EnvURL)}.WithBearer(d.Env)
	if err != nil && d.Env(wire.EnvBearerFile) == "" {
		return wrong("%s%s", err, filtered(d, wire.EnvURL))
	}
	if err != nil {
		return wrong("%s", err)
	}
	d.bearer = platform.NewBearer(e)
	used, err := d.bearer.Credential(ctx)
	switch {
	case tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured:
		return wrong("there is no bearer in %s: the platform has to write it when the "+
			"workspace starts", e.BearerFile)
	case errors.Is(err, fs.ErrPermission):
		return wrong("%s can't be read by this user: correct its owner or rights", e.BearerFile)
	case err != nil:
		return wrong("%s", err)
	}
	if !wire.IsToken(used.Value.Reveal()) {
		return wrong("the bearer has white space, control characters or letters beyond ASCII in " +
			"it: it isn't what the platform issued")
	}
	return worst([]finding{bearerRights(e.BearerFile, used), bearerLife(used, time.Now())})
}

// bearerRights looks at who else can get at the file. A token that a cluster
// projects into a workspace is root's and everybody's there; it is for one
// audience, and soon another one.
func bearerRights(path string, c platform.Credential) finding {
	info, err := os.Stat(path)
	if path == "" || err != nil || runtime.GOOS == "windows" {
		return ok("")
	}
	mode := info.Mode().Perm()
	isProjected := c.Issuer != "" && !c.ExpiresAt.IsZero()
	switch {
	case mode&0o022 != 0:
		return wrong("%s has rights %#o, so that others can replace the bearer: "+
			"run chmod 600 on it", path, mode)
	case mode&0o004 != 0 && !isProjected:
		return warn("%s has rights %#o, so that everybody can read the bearer: run chmod 600 on it",
			path, mode)
	case mode&0o040 != 0 && !isProjected:
		return warn("%s has rights %#o, so that its group can read the bearer", path, mode)
	}
	return ok("")
}

// bearerLife looks at what the bearer says of its end.
func bearerLife(c platform.Credential, now time.Time) finding {
	what, until := "", c.ExpiresAt.UTC().Format(time.RFC3339)
	if c.Issuer != "" {
		what = others(c) + ", "
	}
	switch {
	case c.Subject == "":
		return ok("it is there, and doesn't say when it expires")
	case c.ExpiresAt.IsZero():
		return ok("%sdoesn't expire; ends with the workspace", what)
	case c.Expired(now):
		return warn("%sit says that it expired at %s", what, until)
	}
	return ok("%svalid until %s", what, until)
}

// others says whose token a bearer is that isn't the platform's own, and for whom.
func others(c platform.Credential) string {
	return wire.OneLine("a token of "+c.Issuer+" for "+cmp.Or(strings.Join(c.Audience, ", "), "nobody"), 300)
}

// refusedBearer says what is wrong with a bearer that by answered with 401.
func refusedBearer(by string, c platform.Credential, now time.Time) finding {
	switch {
	case c.Expired(now):
		return wrong("the bearer expired at %s: restart the workspace, or have the platform write a new one",
			c.ExpiresAt.UTC().Format(time.RFC3339))
	case c.Issuer != "":
		return wrong("the %s refuses the bearer (401), %s: it takes those of another issuer, or for "+
			"another audience; its operator's log has the reason", by, others(c))
	}
	return wrong("the %s refuses the bearer (401): it was issued by another platform, or with a key "+
		"that is gone; restart the workspace to get a new one", by)
}
