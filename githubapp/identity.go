package githubapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/sync/singleflight"
)

// Identity is the author of commits that GitHub shows as the app's.
type Identity struct {
	Name  string // SLUG[bot]
	Email string // ID+SLUG[bot]@users.noreply.HOST, with the id of the bot's account
}

// bot is the app's own [Identity], which is found once. The zero bot is ready.
type bot struct {
	found   atomic.Pointer[Identity]
	flights singleflight.Group
	refused refusal
}

// Identity returns the name and address of the app's bot account, under which
// GitHub shows commits as the app's. The answer is kept for the life of the
// App: after the app was renamed, restart the process. The app has to be
// installed somewhere, since the request needs an installation's token; the
// error is of CodeNotFound if it isn't. Callers who ask at the same time share
// the requests. After an error GitHub isn't asked for at least 30 seconds, and
// the same error is returned.
func (a *App) Identity(ctx context.Context) (Identity, error) {
	if found := a.bot.found.Load(); found != nil {
		return *found, nil
	}
	flight := a.bot.flights.DoChan("", func() (any, error) {
		if err := a.bot.refused.check(); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueTimeout)
		defer cancel()
		found, err := a.findIdentity(ctx)
		if err != nil {
			err = fmt.Errorf("githubapp: find the identity of app %s: %w", a.name, err)
			a.bot.refused.hold(err)
			return nil, err
		}
		a.bot.found.Store(&found)
		return nil, nil
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return Identity{}, r.Err
		}
		return *a.bot.found.Load(), nil
	case <-ctx.Done():
		return Identity{}, fmt.Errorf("githubapp: find the identity of app %s: %w", a.name, ctx.Err())
	}
}

// findIdentity asks GitHub for the app's slug and for the account of its bot.
func (a *App) findIdentity(ctx context.Context) (Identity, error) {
	got, err := a.lookup(ctx, "/app")
	if err != nil {
		return Identity{}, err
	}
	var app struct {
		Slug string `json:"slug"`
	}
	if json.Unmarshal(got.Body, &app) != nil || !nameable(app.Slug) {
		return Identity{}, internal(errors.New("the answer of GET /app has no slug"))
	}
	token, of, err := a.anyToken(ctx)
	if err != nil {
		return Identity{}, err
	}
	name := app.Slug + "[bot]"
	got, err = a.client.DoWithToken(ctx, token, apiclient.Request{
		Method: http.MethodGet, Path: "/users/" + url.PathEscape(name), Want: http.StatusOK, Subject: of,
	})
	if err != nil {
		return Identity{}, published(err)
	}
	var account struct {
		ID int64 `json:"id"`
	}
	if json.Unmarshal(got.Body, &account) != nil || account.ID <= 0 {
		return Identity{}, internal(errors.New("the answer with the bot's account has no id"))
	}
	address := strconv.FormatInt(account.ID, 10) + "+" + name + "@users.noreply." + a.host
	return Identity{Name: name, Email: address}, nil
}

// anyToken returns a token that may do no more than read what is public, and of
// which installation: the first that has one, among the first few that aren't
// suspended. It isn't documented that GitHub shows an account to the app itself.
func (a *App) anyToken(ctx context.Context) (token, of string, err error) {
	const most = 5
	var refused []error
	for info, err := range a.Installations(ctx) {
		if err != nil {
			return "", "", err
		}
		if !info.SuspendedAt.IsZero() {
			continue
		}
		least := Scope{Permissions: map[string]string{"metadata": "read"}}
		token, _, err := a.Installation(info.ID, least).Token(ctx)
		if err == nil {
			return token, subject(info.ID), nil
		}
		if refused = append(refused, err); appWide(err) || len(refused) == most {
			break
		}
	}
	if len(refused) > 0 {
		return "", "", refused[len(refused)-1]
	}
	return "", "", &tokenprovider.Error{Code: tokenprovider.CodeNotFound,
		Err: errors.New("it is installed nowhere, and a token of an installation is needed to ask")}
}

// websiteOf returns the host of the website whose API is at base.
func websiteOf(base *url.URL) string {
	host := strings.ToLower(base.Hostname())
	if base.Path == "" { // an Enterprise Server's API is below its website
		host = strings.TrimPrefix(host, "api.")
	}
	return host
}
