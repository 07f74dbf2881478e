package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
)

// checkHosts looks at the settings that say for which hosts there are tokens,
// and what git is told without one.
func checkHosts(_ context.Context, d *diagnosis) finding {
	hosts, err := config.ReadHosts(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	if _, err := config.ReadOnFailure(d.Env); err != nil {
		return wrong("%s", err)
	}
	d.cacheFor, err = config.ReadCacheFor(d.Env)
	if err != nil {
		return wrong("%s", err)
	}
	if pulls(d.Process) {
		d.pulled, d.served = hosts, hosts
	}
	if host := d.gatewayHost(); host != "" {
		d.served = append(slices.Clone(d.pulled), host)
	}
	return ok("%s", strings.Join(d.served, ", "))
}

const (
	lifeWarning = gitcredential.DefaultMinTTL
	lifeError   = time.Minute
)

// checkToken proves that there is a fresh token, with all that a get of git's
// goes through.
func checkToken(ctx context.Context, d *diagnosis) finding {
	c, err := get(ctx, d, d.pulled[0], "")
	if err != nil {
		return wrong("there is no token: %s", err)
	}
	d.fresh, d.username = c.token, c.username
	digest := "SHA-256 " + tokenprovider.TokenSHA256(c.token.Reveal())
	if c.expiresAt.IsZero() {
		return ok("fresh, without a known expiry (%s)", digest)
	}
	left := time.Until(c.expiresAt).Round(time.Second)
	text := fmt.Sprintf("%s left of its life (%s)", left, digest)
	switch {
	case left < lifeError:
		return wrong("%s, too little for any work: the platform has to hand out tokens with ten "+
			"minutes left", text)
	case left < lifeWarning:
		return warn("%s, too little for long work: the platform should hand out tokens with ten "+
			"minutes left", text)
	}
	return ok("%s", text)
}

// get returns the credential that the command has for git, for the host and,
// unless it is "", the path of a URL.
func get(ctx context.Context, d *diagnosis, host, path string) (gitAnswer, error) {
	var stdout bytes.Buffer
	request := strings.NewReader(gitRequest(host, path))
	if err := d.credential(ctx, d.Process, request, &stdout); err != nil {
		return gitAnswer{}, err
	}
	return parseAnswer(stdout.String())
}

// gitRequest returns git's request for a credential for host and the path there.
func gitRequest(host, path string) string {
	return "protocol=https\nhost=" + host + "\npath=" + path + "\n\n"
}

// gitAnswer is a credential in git's format.
type gitAnswer struct {
	username  string
	token     secret.Of[string]
	expiresAt time.Time // zero: not known
}

func parseAnswer(text string) (gitAnswer, error) {
	var answer gitAnswer
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "username":
			answer.username = value
		case "password":
			answer.token = secret.New(value)
		case "password_expiry_utc":
			if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
				answer.expiresAt = time.Unix(seconds, 0)
			}
		}
	}
	if answer.token.Reveal() == "" {
		return gitAnswer{}, errors.New("nothing was answered")
	}
	return answer, nil
}

// sameToken reports whether two credentials have one token.
func sameToken(a, b secret.Of[string]) bool { return secret.Equal(a.Reveal(), b.Reveal()) }
