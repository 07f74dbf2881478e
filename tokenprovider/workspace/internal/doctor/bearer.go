package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
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
	return worst([]finding{bearerRights(e.BearerFile), bearerLife(used, time.Now())})
}

// bearerRights looks at who else can get at the file. A group that may read it
// is how some platforms hand secrets to a user who isn't root.
func bearerRights(path string) finding {
	info, err := os.Stat(path)
	if path == "" || err != nil || runtime.GOOS == "windows" {
		return ok("")
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o027 != 0:
		return wrong("%s has rights %#o, so that others can read or replace the bearer: "+
			"run chmod 600 on it", path, mode)
	case mode&0o050 != 0:
		return warn("%s has rights %#o, so that its group can read the bearer", path, mode)
	}
	return ok("")
}

// bearerLife looks at what the bearer says of its end.
func bearerLife(c platform.Credential, now time.Time) finding {
	until := c.ExpiresAt.UTC().Format(time.RFC3339)
	switch {
	case c.ExpiresAt.IsZero():
		return ok("it is there, and doesn't say when it expires")
	case c.Expired(now):
		return warn("it says that it expired at %s", until)
	}
	return ok("valid until %s", until)
}
