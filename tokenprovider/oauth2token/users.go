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

// Users is a plugin with a [Provider] for each person, which gives a workspace
// the token of its owner. It satisfies provisionhook's EnvMutator and
// WorkspaceTokenProvider without importing that package. Make it with
// [NewUsers]; it must not be copied. All methods are safe for concurrent use.
//
// It writes nothing into an environment, since a forge may revoke an access
// token with the next exchange.
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

// NewUsers returns a [Users] whose providers keep their tokens in store, each
// under a key of prefix, a slash, and the owner's name as [url.PathEscape] has
// it. Two Users with the same store need different prefixes. For errors see
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

// User returns the [Provider] of that owner's token. owner is as in
// [tokenprovider.Workspace].Owner, byte for byte. It returns the same Provider
// each time while it is in use or somebody holds it.
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

// MutateEnv changes nothing. It returns an error for a nil env.
func (u *Users) MutateEnv(_ context.Context, _ string, env map[string]string) error {
	if env == nil {
		return errors.New("oauth2token: the environment is nil")
	}
	return nil
}

// WorkspaceToken returns the token of the workspace's owner, whom the platform
// names in ctx: with Options.Workspace of the token endpoint and the gateway,
// or with [tokenprovider.WithWorkspace]. If ctx has no owner, or another
// workspace, the error is of [tokenprovider.CodeInternal]. For other errors see
// [Provider.Token].
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

// Invalidate takes a report that token, which u handed out, was refused; see
// [Provider.Invalidate]. For any other token it returns false.
func (u *Users) Invalidate(token string) bool {
	p := u.uses.holder(token)
	return p != nil && p.Invalidate(token)
}

// Status returns the worst state of the people's tokens
// ([tokenprovider.StateEmpty] if there are none), how many of them are failing,
// the last error, and the mints and failures since the process's start. A
// person counts for an hour after the last request for their token, with the
// state of that time.
func (u *Users) Status() tokenprovider.Status {
	s := u.uses.status()
	s.Name = u.Name()
	return s
}

// String returns the name of u as text.
func (u *Users) String() string { return fmt.Sprintf("oauth2token.Users(%q)", u.prefix) }

// Format prints [Users.String] under every verb.
func (u *Users) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalText returns [Users.String], for JSON too.
func (u *Users) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
