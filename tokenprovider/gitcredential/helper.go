package gitcredential

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	// DefaultUsername is the default of [Helper].Username.
	DefaultUsername = "x-access-token"

	// DefaultMinTTL is the default of [Helper].MinTTL. Git doesn't ask again if
	// a token expires between the first request of a push and the last.
	DefaultMinTTL = 10 * time.Minute
)

// OnFailure says what git is told when there is no token for a host that the
// helper serves.
type OnFailure int

const (
	// FallThrough prints nothing: git asks its next helper, then the person at
	// the terminal.
	FallThrough OnFailure = iota

	// Quit tells git to give up at once. No prompt hangs, and nobody's own
	// credential is taken instead.
	Quit
)

// Helper is a credential helper: it answers git with tokens of Provider. It is
// safe for concurrent use.
type Helper struct {
	Provider  tokenprovider.TokenProvider // required
	Hosts     []string                    // `host` or `host:port`; nil: [DefaultHost] alone
	Username  string                      // default: what Provider's method Username returns, if it has one as tokenhttp.Client does, else [DefaultUsername]
	MinTTL    time.Duration               // the life that Provider is asked for; default [DefaultMinTTL]
	OnFailure OnFailure                   // default [FallThrough]

	// Cacheable allows git's other helpers, such as git's credential-cache, to
	// keep a token until it expires. By default tokens are marked as ephemeral
	// for git 2.46 and later.
	Cacheable bool
}

// Run does operation, which git passes to a helper as its last argument:
//
//   - get prints a credential for a request that is [Request.For] one of Hosts,
//     and nothing for any other. Provider gets the [Request.Repository] by
//     [tokenprovider.Repository]. A live token is printed even if it has less
//     than MinTTL left.
//   - erase reports to Provider ([tokenprovider.Invalidate]) that the password
//     in the request was refused, and then asks it for a token, since a
//     tokenhttp.Client sends the report with its next request. Without a
//     password, for a host that isn't one of Hosts, and where nothing is
//     configured, erase does nothing.
//   - store does nothing.
//   - capability prints what this helper can do beyond the basic protocol.
//   - Any other operation does nothing, as gitcredentials(7) demands.
//
// If the caller offers the capability authtype (git 2.46 and later), get
// answers with the value of the Authorization header, marked as ephemeral, so
// that no other helper keeps it. Otherwise, and with Cacheable, it answers with
// a user name, a password and, in whole seconds, password_expiry_utc.
//
// Run writes the whole answer to stdout in one Write, or nothing; with [Quit] a
// get that fails writes just "quit=1". If Run returns an error, it has written
// one line about it to stderr, and the process should exit with code 1.
//
// ctx bounds the wait for Provider and for stdin.
func (h *Helper) Run(ctx context.Context, operation string, stdin io.Reader, stdout, stderr io.Writer) error {
	var err error
	switch operation {
	case "get":
		err = h.get(ctx, stdin, stdout)
	case "erase":
		err = h.erase(ctx, stdin)
	case "store":
		_, _ = foreign.Within(ctx, "standard input", func(context.Context) (int64, error) {
			return io.Copy(io.Discard, io.LimitReader(stdin, maxRequest))
		})
	case "capability":
		_, err = io.WriteString(stdout, "version 0\ncapability authtype\n")
	}
	if err != nil {
		line := wire.OneLine(strings.TrimPrefix(err.Error(), "gitcredential: "), 500)
		fmt.Fprintf(stderr, "%s: %s\n", DefaultCommand, line)
	}
	return err
}

var errNoProvider = errors.New("the Helper has no Provider")

func (h *Helper) get(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	req, err := readRequest(ctx, stdin)
	if err != nil {
		return err
	}
	hosts, err := servedHosts(h.Hosts)
	if err != nil || !req.For(hosts) {
		return err
	}
	repository, err := req.Repository()
	if err != nil {
		return err
	}
	answer, err := h.answer(tokenprovider.WithRepository(ctx, repository), req)
	if err != nil {
		err = fmt.Errorf("gitcredential: no token for %s: %w", path.Join(req.Host, repository), err)
		if h.OnFailure == Quit {
			answer = "quit=1\n"
		}
	}
	if answer != "" {
		if _, writeErr := io.WriteString(stdout, answer); writeErr != nil {
			err = errors.Join(err, fmt.Errorf("gitcredential: print the answer: %w", writeErr))
		}
	}
	return err
}

// answer returns the credential in git's format, whole and checked.
func (h *Helper) answer(ctx context.Context, req Request) (string, error) {
	if h.Provider == nil {
		return "", errNoProvider
	}
	minTTL := h.MinTTL
	if minTTL <= 0 {
		minTTL = DefaultMinTTL
	}
	ctx = tokenprovider.WithMinTTL(ctx, max(minTTL, tokenprovider.MinTTL(ctx)))
	type minted struct {
		token, username string
		expiresAt       time.Time
	}
	m, err := within(ctx, "the provider", func(ctx context.Context) (m minted, err error) {
		m.token, m.expiresAt, err = h.Provider.Token(ctx)
		if named, ok := h.Provider.(interface{ Username() string }); ok {
			m.username = named.Username()
		}
		return m, err
	})
	if err != nil {
		return "", err
	}
	if !m.expiresAt.IsZero() && !time.Now().Before(m.expiresAt) {
		return "", fmt.Errorf("the token that the platform handed out expired at %s; "+
			"check the clocks on both sides", m.expiresAt.UTC().Format(time.RFC3339))
	}
	authtype := slices.Contains(req.Capabilities, "authtype") && !h.Cacheable
	return wire.GitAnswer(cmp.Or(h.Username, m.username, DefaultUsername), m.token, m.expiresAt, authtype)
}

func (h *Helper) erase(ctx context.Context, stdin io.Reader) error {
	req, err := readRequest(ctx, stdin)
	if err != nil {
		return err
	}
	hosts, err := servedHosts(h.Hosts)
	if err != nil || req.Password == "" || !req.For(hosts) {
		return err
	}
	repository, err := req.Repository()
	switch {
	case err != nil:
		return err
	case h.Provider == nil:
		return errNoProvider
	}
	ctx = tokenprovider.WithRepository(ctx, repository)
	_, err = within(ctx, "the provider", func(ctx context.Context) (bool, error) {
		reported := tokenprovider.Invalidate(h.Provider, req.Password)
		_, _, err := h.Provider.Token(ctx)
		return reported, err
	})
	if err == nil || errors.Is(err, tokenprovider.ErrNotConfigured) {
		return nil // or there is nobody to tell
	}
	return fmt.Errorf("gitcredential: the report of a refused token for %s may be lost: %w", req.Host, err)
}

// readRequest returns the request on stdin, which can't be read with a
// deadline.
func readRequest(ctx context.Context, stdin io.Reader) (Request, error) {
	const what = "gitcredential: the request on standard input"
	return within(ctx, what, func(context.Context) (Request, error) { return ReadRequest(stdin) })
}

// within returns what f returns, or says of what, which is whose code f is,
// that it broke or had not returned when ctx ended.
func within[T any](ctx context.Context, what string, f func(context.Context) (T, error)) (T, error) {
	value, err := foreign.Within(ctx, what, f)
	if errors.Is(err, foreign.ErrNoAnswer) {
		return value, fmt.Errorf("%s took too long: %w", what, ctx.Err())
	}
	if _, broke := errors.AsType[*foreign.Defect](err); broke {
		return value, &tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: err}
	}
	return value, err
}
