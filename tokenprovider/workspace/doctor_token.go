package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// checkBearer looks at what the workspace authenticates with. What that says about its own end is only told: whether it is
// over is for the platform to say.
func (d *diagnosis) checkBearer(ctx context.Context) finding {
	e, err := endpoint{url: d.Env(tokenhttp.EnvTokenURL)}.withBearer(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	b := &bearer{file: e.bearerFile, inline: e.bearer}
	configured, err := b.configured(ctx)
	switch {
	case tokenprovider.CodeOf(err) == tokenprovider.CodeNotConfigured:
		return wrong("there is no bearer in %s: the platform has to write it when the workspace starts", b.file)
	case errors.Is(err, fs.ErrPermission):
		return wrong("%s can't be read by this user: correct its owner or rights", b.file)
	case err != nil:
		return wrong("%s", err)
	case strings.ContainsFunc(configured.value.reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return wrong("the bearer has white space, control characters or letters beyond ASCII in it: it isn't what the platform issued")
	}
	b.disk = openDisk(d.Env, e.url, configured.subject)
	d.used = b
	current, err := b.current(ctx)
	if err != nil {
		return wrong("%s", err)
	}
	return worst([]finding{bearerRights(b.file), bearerLife(current, time.Now())})
}

// bearerRights looks at who else can get at the file. A group that may read it is how some platforms hand secrets to a
// user who isn't root.
func bearerRights(path string) finding {
	info, err := os.Stat(path)
	if path == "" || err != nil || runtime.GOOS == "windows" {
		return ok("")
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o027 != 0:
		return wrong("%s has rights %#o, so that others can read or replace the bearer: run chmod 600 on it", path, mode)
	case mode&0o050 != 0:
		return warn("%s has rights %#o, so that its group can read the bearer", path, mode)
	}
	return ok("")
}

func bearerLife(c credential, now time.Time) finding {
	left, life := c.expiresAt.Sub(now), c.expiresAt.Sub(c.issuedAt)
	until := c.expiresAt.UTC().Format(time.RFC3339)
	switch {
	case c.expiresAt.IsZero():
		return ok("it is there, and doesn't say when it expires")
	case c.expired(now):
		return warn("it says that it expired at %s", until)
	case !c.issuedAt.IsZero() && left < life/5:
		return warn("it expires at %s, and should have been renewed long before: restart the workspace in time, and look why "+
			"the platform doesn't renew it", until)
	}
	return ok("valid until %s", until)
}

// checkCache looks at what is kept on disk. The command ignores and replaces what isn't safe; a token that others could read
// has been out, though.
func (d *diagnosis) checkCache(context.Context) finding {
	root, err := openFolder(d.Env)
	unsafe, isUnsafe := errors.AsType[unsafeError](err)
	switch {
	case errors.Is(err, errNoDisk):
		return ok("nothing is kept on this system: each request asks the platform")
	case isUnsafe:
		return wrong("%s, so that nothing is kept: remove it, or set XDG_RUNTIME_DIR to a folder of this user's alone", unsafe)
	case err != nil:
		return warn("nothing can be kept, and each request asks the platform: set XDG_RUNTIME_DIR to a writable folder of this user's alone")
	}
	defer root.Close()
	names, err := fs.Glob(root.FS(), "*.[jb]*")
	if err != nil {
		return wrong("%s can't be read: %s", root.Name(), err)
	}
	var found []finding
	for _, name := range names {
		path, extension := filepath.Join(root.Name(), name), filepath.Ext(name)
		content, err := readPrivate(root, name)
		switch {
		case extension != ".json" && extension != ".bearer", errors.Is(err, fs.ErrNotExist):
		case err != nil:
			found = append(found, wrong("%s %s: remove it, and take what it held for known to others", path, err))
		case extension == ".json":
			if _, ok := decodeRecord(content, strings.TrimSuffix(name, extension)); !ok {
				found = append(found, warn("%s makes no sense to this version; it is replaced when the next token comes", path))
			}
		}
	}
	return worst(append(found, ok("%s is safe", root.Name())))
}

// checkHosts looks at the settings that say for which hosts there are tokens, and what git is told without one.
func (d *diagnosis) checkHosts(context.Context) finding {
	hosts, err := readHosts(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	if _, err := readOnFailure(d.Env); err != nil {
		return wrong("%s", err)
	}
	d.served = hosts
	return ok("%s", strings.Join(hosts, ", "))
}

const (
	lifeWarning = gitcredential.DefaultMinTTL
	lifeError   = time.Minute
)

// checkToken proves that there is a fresh token, with all that a get of git's goes through.
func (d *diagnosis) checkToken(ctx context.Context) finding {
	c, err := d.get(ctx)
	if err != nil {
		return wrong("there is no token: %s", err)
	}
	d.fresh = c.token
	digest := "SHA-256 " + tokenprovider.TokenSHA256(c.token.reveal())
	if c.expiresAt.IsZero() {
		return ok("fresh, without a known expiry (%s)", digest)
	}
	left := time.Until(c.expiresAt).Round(time.Second)
	text := fmt.Sprintf("%s left of its life (%s)", left, digest)
	switch {
	case left < lifeError:
		return wrong("%s, too little for any work: the platform has to hand out tokens with ten minutes left", text)
	case left < lifeWarning:
		return warn("%s, too little for long work: the platform should hand out tokens with ten minutes left", text)
	}
	return ok("%s", text)
}

// get is the credential that the command has for git, for the first of the hosts.
func (d *diagnosis) get(ctx context.Context) (gitAnswer, error) {
	helper, source, err := d.helper(ctx)
	if err != nil {
		return gitAnswer{}, err
	}
	if source != nil {
		defer source.close()
	}
	var stdout bytes.Buffer
	if err := helper.Run(ctx, "get", strings.NewReader(credentialRequest(d.served[0])), &stdout, io.Discard); err != nil {
		return gitAnswer{}, err
	}
	return parseAnswer(stdout.String())
}

func credentialRequest(host string) string { return "protocol=https\nhost=" + host + "\n\n" }

// gitAnswer is a credential in git's format.
type gitAnswer struct {
	token     secret
	expiresAt time.Time // zero: not known
}

func parseAnswer(text string) (gitAnswer, error) {
	var answer gitAnswer
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "password":
			answer.token = newSecret(value)
		case "password_expiry_utc":
			if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
				answer.expiresAt = time.Unix(seconds, 0)
			}
		}
	}
	if answer.token.reveal() == "" {
		return gitAnswer{}, errors.New("nothing was answered")
	}
	return answer, nil
}
