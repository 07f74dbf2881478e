package tokenhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
)

// proofTimeout bounds the proof that a handler takes a key's bearers.
const proofTimeout = 10 * time.Second

// Mutator returns the plugin that gives workspaces the URL of h and a bearer.
// It checks at once that h accepts the bearers of [MutatorOptions].Key, by
// asking h's [Authenticator] about one for a workspace that doesn't exist. It
// doesn't ask [Options].Admit, which may refuse that workspace.
//
// The error names the option that is missing or malformed, or says why h
// doesn't accept the bearers. A TTL of zero without an [Options].Admit is an
// error, since nothing would ever end the bearers. Without a Key, nothing is
// checked.
func (h *Handler) Mutator(opts MutatorOptions) (*Mutator, error) {
	m, err := NewMutator(opts)
	if err != nil || m.key == nil {
		return m, err
	}
	if m.ttl == 0 && h.options.Admit == nil {
		return nil, errors.New("tokenhttp: MutatorOptions.TTL is 0, for bearers that never expire, " +
			"and the handler has no Options.Admit to say when a workspace's time is over: set one of them")
	}
	if err := h.prove(m); err != nil {
		return nil, err
	}
	return m, nil
}

// prove returns what keeps h from taking the bearers of m.
func (h *Handler) prove(m *Mutator) error {
	workspace := "provisionkit-" + rand.Text()
	bearer, err := m.key.Issue(workspace, m.ttl)
	if err != nil {
		return err
	}
	address, err := m.tokenURL(workspace)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), proofTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("tokenhttp: MutatorOptions.BaseURL: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	p, err := foreign.Within(ctx, "Authenticator", func(context.Context) (Principal, error) {
		p, err := h.auth.Authenticate(r)
		return p, plain(err)
	})
	const refused = "tokenhttp: the handler's Authenticator doesn't accept bearers of MutatorOptions.Key"
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return errors.New(refused + ": make that WorkspaceKey its Authenticator, or one of its AnyOf")
	case errors.Is(err, ErrForbidden):
		return errors.New(refused + " of a workspace that doesn't exist: " +
			"have it judge the bearer alone, and Options.Admit the workspace")
	case err != nil:
		return fmt.Errorf(refused+": %w", err)
	case p.WorkspaceID != workspace || p.Admin:
		return errors.New(refused + " as their workspace's own: its Principal has another WorkspaceID, or is Admin")
	case p.NoExpiry != (m.ttl == 0), m.ttl == 0 && p.IssuedAt.IsZero():
		return errors.New(refused + " for what they are: have it return the WorkspaceKey's Principal " +
			"with its IssuedAt and NoExpiry")
	}
	return nil
}
