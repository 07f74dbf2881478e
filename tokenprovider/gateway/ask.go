package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// patience is how long the platform's own code may take to say who comes in, and
// then what they may do and with which token.
const patience = time.Minute

// position says which of the platform's code an exchange met last.
type position struct {
	stage     stage
	principal tokenhttp.Principal // once that is proved
}

// stage names the platform's code.
type stage string

const (
	atAuth      stage = "Options.Auth"
	atAdmit     stage = "Options.Admit"
	atWorkspace stage = "Options.Workspace"
	atPolicy    stage = "Options.Policy"
	atProvider  stage = "the provider"
)

// reach notes that the code of s is asked next. Once ctx has ended none is, and x
// stays where it was.
func (x *exchange) reach(ctx context.Context, s stage, p tokenhttp.Principal) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	x.at = position{s, p}
	return nil
}

// position returns how far x has come.
func (x *exchange) position() position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at
}

// ask calls f, which asks the platform's code from that of first on, with patience.
// Since f may be left behind, it writes nothing of x's but its position. An error
// that comes when ctx has ended is about that: it isn't taken for an answer.
func ask[T any](ctx context.Context, x *exchange, first stage, f func(context.Context) (T, error)) (T, error) {
	x.mu.Lock()
	x.at = position{first, x.principal}
	x.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, err := foreign.Within(ctx, "", f)
	if defect, broke := err.(*foreign.Defect); broke && defect.What == "" {
		defect.What = string(x.position().stage)
	} else if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%s: %w", x.position().stage, foreign.ErrNoAnswer)
	}
	return value, err
}

// isForeign reports whether err is of code that broke or hung, instead of an
// answer.
func isForeign(err error) bool {
	_, broke := errors.AsType[*foreign.Defect](err)
	return broke || errors.Is(err, foreign.ErrNoAnswer)
}

// enter asks who sends the request and whether they may come in, and returns ctx
// with what is known of their workspace.
func (x *exchange) enter(ctx context.Context) (context.Context, *refused) {
	bearer, ok := bearerOf(x.request)
	if !ok {
		return nil, unauthenticated
	}
	workspace, err := ask(ctx, x, atAuth, func(ctx context.Context) (tokenprovider.Workspace, error) {
		return x.admit(ctx, bearer)
	})
	at := x.position()
	x.principal, x.audited.Principal = at.principal, at.principal
	switch {
	case err != nil && at.stage == atAuth:
		return nil, x.notAuthenticated(err)
	case err != nil:
		return nil, x.notAdmitted(ctx, err)
	case workspace.ID == "":
		return ctx, nil
	}
	return tokenprovider.WithWorkspace(ctx, workspace), nil
}

// admit returns what is known of the workspace of bearer, if it may come in.
func (x *exchange) admit(ctx context.Context, bearer string) (none tokenprovider.Workspace, err error) {
	p, err := x.authenticate(ctx, bearer)
	if err != nil {
		return none, err
	}
	if err = x.reach(ctx, atAdmit, p); err != nil {
		return none, err
	}
	if x.options.Admit != nil {
		if err = x.options.Admit(ctx, p); err != nil {
			return none, err
		}
	}
	if err = x.reach(ctx, atWorkspace, p); err != nil {
		return none, err
	}
	return x.workspace(ctx, p.WorkspaceID)
}

// workspace returns what is known of the workspace id; "" is none.
func (g *Gateway) workspace(ctx context.Context, id string) (tokenprovider.Workspace, error) {
	if g.options.Workspace == nil || id == "" {
		return tokenprovider.Workspace{ID: id}, nil
	}
	workspace, err := g.options.Workspace(ctx, id)
	if workspace.ID == "" {
		workspace.ID = id
	}
	if err == nil && workspace.ID != id {
		err = errors.New("gateway: Options.Workspace answered with another workspace")
	}
	return workspace, err
}

// decide asks the Policy, and the provider that it grants for a token.
func (x *exchange) decide(ctx context.Context) *refused {
	a, err := ask(ctx, x, atPolicy, x.allow)
	switch {
	case err == nil:
		x.allowed = a
		return nil
	case x.position().stage == atPolicy:
		return x.notAllowed(ctx, err)
	}
	return x.noToken(ctx, err)
}

// allowed is what a request goes on with.
type allowed struct {
	grant Grant
	token string // "" when the grant has no provider
}

// allow returns what the Policy allows.
func (x *exchange) allow(ctx context.Context) (a allowed, err error) {
	a.grant, err = x.options.Policy(ctx, x.principal, x.op)
	if err != nil || foreign.IsNil(a.grant.Provider) {
		return a, err
	}
	if err = x.reach(ctx, atProvider, x.principal); err == nil {
		a.token, err = tokenFor(ctx, x.op, a.grant.Provider)
	}
	return a, err
}

// tokenFor asks p. Git doesn't ask again when a token dies in the middle of an
// operation, so it gets one with the life of a long push.
func tokenFor(ctx context.Context, op Operation, p tokenprovider.TokenProvider) (string, error) {
	if op.Kind != KindAPI {
		ctx = tokenprovider.WithMinTTL(ctx, gitcredential.DefaultMinTTL)
	}
	token, _, err := p.Token(ctx)
	if err == nil && !wire.IsToken(token) {
		err = errors.New("gateway: the provider's token is empty, or has a space or control character in it")
	}
	return token, err
}
