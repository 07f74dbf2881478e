package oauth2token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// Users has a [Provider] for each person, and gives a workspace the token of
// its owner. It satisfies provisionhook's EnvMutator and WorkspaceTokenProvider
// without importing that package: register it, and the endpoint
// (tokenhttp.PerWorkspace) and the gateway serve each workspace its owner's
// token. Make it with [NewUsers]; it must not be copied. All methods are safe
// for concurrent use.
//
// It writes nothing into an environment: an access token lives for hours there
// at most, and a forge may revoke it with the next exchange. It has no method
// Token on purpose: no token is everybody's.
type Users struct {
	settings *settings
	prefix   string
	uses     uses
}

var (
	_ tokenprovider.WorkspaceTokenProvider = (*Users)(nil)
	_ tokenprovider.StatusReporter         = (*Users)(nil)
	_ tokenprovider.Invalidator            = (*Users)(nil)
)

// NewUsers returns a Users whose providers are kept in store under prefix, a
// slash, and the owner's escaped name. The prefix names the forge and the
// client there: two with the same store need different ones. For errors see
// [New].
func NewUsers(config *oauth2.Config, store tokenprovider.Store, prefix string, opts Options) (*Users, error) {
	s, err := newSettings("NewUsers", config, store, opts)
	if err != nil {
		return nil, err
	}
	if err := validateKey("prefix", prefix); err != nil {
		return nil, err
	}
	u := &Users{prefix: prefix, settings: s}
	if s.name == "" {
		s.name = "oauth2-users"
	}
	return u, nil
}

// Name returns [Options].Name.
func (u *Users) Name() string { return u.settings.name }

// User returns the Provider of that owner's token, as
// [tokenprovider.Workspace].Owner names the owner, byte for byte. While it is
// in use, or somebody holds it, it is the same one each time. It is what [New]
// returns for the prefix, a slash, and the name as [url.PathEscape] has it.
func (u *Users) User(owner string) *Provider {
	return u.uses.provider(owner, func() *Provider {
		own := *u.settings
		own.name = u.key(owner)
		return newProvider(&own, own.name, func(p *Provider, token string, err error) {
			u.uses.note(owner, p, token, err)
		})
	})
}

// key returns what the owner's record is called in the store.
func (u *Users) key(owner string) string { return u.prefix + "/" + url.PathEscape(owner) }

// MutateEnv writes nothing. A nil env is an error.
func (u *Users) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	if env == nil {
		return errors.New("oauth2token: the environment is nil")
	}
	return nil
}

// WorkspaceToken returns the token of the workspace's owner, whom the platform
// names in ctx: with Options.Workspace of the endpoint and the gateway, or with
// [tokenprovider.WithWorkspace]. Without an owner there, and with a Workspace
// that is another one's, it is an error of [tokenprovider.CodeInternal] that
// says so. For other errors see [Provider.Token].
func (u *Users) WorkspaceToken(ctx context.Context, workspaceID string) (string, time.Time, error) {
	ws, _ := tokenprovider.WorkspaceFrom(ctx)
	switch {
	case ws.Owner == "":
		return "", time.Time{}, errorf(tokenprovider.CodeInternal, "it isn't known who owns workspace %q: "+
			"set Options.Workspace of the endpoint or the gateway, or use tokenprovider.WithWorkspace, with an Owner", workspaceID)
	case ws.ID != "" && ws.ID != workspaceID:
		return "", time.Time{}, errorf(tokenprovider.CodeInternal,
			"a token for workspace %q was asked for with workspace %q in ctx", workspaceID, ws.ID)
	}
	token, expiresAt, err := u.User(ws.Owner).Token(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("workspace %q: %w", workspaceID, err)
	}
	return token, expiresAt, nil
}

// Invalidate reports that token, which was handed out here, was refused; see
// [Provider.Invalidate]. One that nobody was handed is false.
func (u *Users) Invalidate(token string) bool {
	p := u.uses.holder(token)
	return p != nil && p.Invalidate(token)
}

// Status returns the worst state of the people's tokens, how many of how many
// fail, the last error, and the mints and failures of all that there ever were;
// [tokenprovider.StateEmpty] without any. A person counts until nobody has
// asked for the token for an hour. A state is as it was when somebody asked
// last.
func (u *Users) Status() tokenprovider.Status {
	s := u.uses.status()
	s.Name = u.Name()
	return s
}

// String returns which Users u is.
func (u *Users) String() string { return fmt.Sprintf("oauth2token.Users(%q)", u.prefix) }

// Format prints [Users.String] under every verb.
func (u *Users) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalText returns [Users.String], for JSON too.
func (u *Users) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
