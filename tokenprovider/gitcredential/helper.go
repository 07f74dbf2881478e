package gitcredential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

const (
	// DefaultUsername is the user name that goes with a token where none is named.
	DefaultUsername = "x-access-token"

	// DefaultMinTTL is the life that a token should have left when git gets it. Git doesn't ask again when a token
	// dies between the first request of an operation and its last, so it has to last for a long push.
	DefaultMinTTL = 10 * time.Minute
)

// OnFailure says what git is told when there is no token for a host that the helper serves.
type OnFailure int

const (
	// FallThrough prints nothing: git asks its next helper, then the person at the terminal.
	FallThrough OnFailure = iota

	// Quit tells git to give up at once. No prompt hangs, and nobody's own credential is taken instead.
	Quit
)

// Helper is a credential helper: it answers git with tokens of Provider. Its methods are safe for concurrent use if
// the Provider's are, as they must be.
type Helper struct {
	Provider  tokenprovider.TokenProvider // required
	Hosts     []string                    // `host` or `host:port`; nil: [DefaultHost] alone
	Username  string                      // default [DefaultUsername]
	MinTTL    time.Duration               // what Provider is asked for, a wish; default [DefaultMinTTL]
	OnFailure OnFailure                   // default [FallThrough]
}

// Run does what git asks for by operation, the last argument of a helper:
//
//   - get prints a credential for a request that is [Request.For] one of Hosts, and nothing for any other. A token that
//     has less than MinTTL left is printed as long as it lives: it is better than none.
//   - erase tells Provider, if it is a [tokenprovider.Invalidator], that the password in the request was refused. Without
//     a password, and for a host that isn't one of Hosts, it does nothing.
//   - store does nothing: a token that is fetched anew each time need not be kept.
//   - capability prints what this helper can do beyond the basic protocol.
//   - Any other operation does nothing, as git demands for its future ones.
//
// To a caller that offers the capability authtype, get answers with the value of the Authorization header, marked as
// ephemeral, in place of a user name and password: no other helper is then able to keep them. To all others it answers
// with a user name, password and password_expiry_utc, in whole seconds.
//
// Standard output gets the whole answer in one Write or nothing; with [Quit] a failed get prints just "quit=1". An error
// has been told on stderr in one line when Run returns it, and the process should end with exit code 1.
//
// ctx bounds all of it, also the wait for a stdin that neither delivers nor ends; a Read that blocks is then left to its
// own end.
func (h *Helper) Run(ctx context.Context, operation string, stdin io.Reader, stdout, stderr io.Writer) error {
	var err error
	switch operation {
	case "get":
		err = h.get(ctx, stdin, stdout)
	case "erase":
		err = h.erase(ctx, stdin)
	case "store":
		_, _ = within(ctx, func() (int64, error) { return io.Copy(io.Discard, io.LimitReader(stdin, maxRequest)) })
	case "capability":
		_, err = io.WriteString(stdout, "version 0\ncapability authtype\n")
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\n", DefaultCommand, sentence(err))
	}
	return err
}

func (h *Helper) get(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	req, err := within(ctx, func() (Request, error) { return ReadRequest(stdin) })
	if err != nil {
		return err
	}
	hosts, err := h.hosts()
	if err != nil || !req.For(hosts) {
		return err
	}
	answer, err := h.answer(ctx, req)
	if err != nil {
		err = fmt.Errorf("gitcredential: no token for %s: %w", req.Host, err)
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

// answer is the credential in git's format, whole and checked.
func (h *Helper) answer(ctx context.Context, req Request) (string, error) {
	if h.Provider == nil {
		return "", errors.New("the Helper has no Provider")
	}
	minTTL := h.MinTTL
	if minTTL <= 0 {
		minTTL = DefaultMinTTL
	}
	token, expiresAt, err := h.Provider.Token(tokenprovider.WithMinTTL(ctx, max(minTTL, tokenprovider.MinTTL(ctx))))
	if err != nil {
		return "", err
	}
	if !expiresAt.IsZero() && !time.Now().Before(expiresAt) {
		return "", fmt.Errorf("the token that the platform handed out expired at %s; check the clocks on both sides",
			expiresAt.UTC().Format(time.RFC3339))
	}
	username := h.Username
	if username == "" {
		username = DefaultUsername
	}
	return wire.GitAnswer(username, token, expiresAt, slices.Contains(req.Capabilities, "authtype"))
}

func (h *Helper) erase(ctx context.Context, stdin io.Reader) error {
	req, err := within(ctx, func() (Request, error) { return ReadRequest(stdin) })
	if err != nil {
		return err
	}
	hosts, err := h.hosts()
	if err == nil && req.Password != "" && req.For(hosts) {
		tokenprovider.Invalidate(h.Provider, req.Password)
	}
	return err
}

// hosts are the hosts to serve. One that can never match is an error: silence would look like a helper that isn't asked.
func (h *Helper) hosts() ([]string, error) {
	if h.Hosts == nil {
		return []string{DefaultHost}, nil
	}
	return canonicalHosts(h.Hosts)
}

// sentence returns err as one line for the person in front of git, without the
// name of this package.
func sentence(err error) string {
	return wire.OneLine(strings.TrimPrefix(err.Error(), "gitcredential: "), 500)
}

// within is the result of read, or an error once ctx is done: standard input can't be read with a deadline.
func within[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("gitcredential: the request on standard input didn't end in time: %w", ctx.Err())
	}
}
