// Package broker is a plugin for platforms that use provisionkit: it gives
// workspaces a token of a forge whose tokens come from a token broker, an HTTP
// service:
//
//	POST /token
//	Authorization: Bearer KEY
//
//	200 OK
//	{"token": "...", "expires_at": "2026-01-02T15:04:05Z"}
//
// It is written to be copied. The interfaces of provisionkit are made of
// standard types, so a plugin satisfies them without importing it. Its test
// does import it.
package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Plugin is an EnvMutator and a TokenProvider of provisionkit. Register the
// pointer that [New] returns: only it has the methods. It is safe for
// concurrent use.
type Plugin struct {
	endpoint string
	key      func() string // a func prints as an address, whatever it is printed in
	client   *http.Client
}

// New returns a Plugin for the broker at baseURL, which knows the platform by
// key.
func New(baseURL, key string) (*Plugin, error) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return nil, errors.New("broker: the base URL must be absolute and without a user, " +
			"like https://broker.example")
	case u.Scheme != "https" && (u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback()):
		return nil, errors.New("broker: the base URL must be https, or http to a loopback address: " +
			"the key travels there")
	case key == "":
		return nil, errors.New("broker: the key is empty; the broker's operator hands it out")
	}
	return &Plugin{
		endpoint: u.JoinPath("token").String(),
		key:      func() string { return key },
		client: &http.Client{
			Timeout: 10 * time.Second,
			// The key goes nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Name returns what the plugin is called in logs and errors.
func (p *Plugin) Name() string { return "token-broker" }

// MutateEnv writes FORGE_TOKEN for programs that read nothing else. It is the
// token of this moment: what runs for longer than it lives pulls a fresh one
// from the platform, which gets it from [Plugin.Token].
func (p *Plugin) MutateEnv(ctx context.Context, workspaceID string, env map[string]string) error {
	token, _, err := p.Token(ctx)
	if err != nil {
		return err
	}
	env["FORGE_TOKEN"] = token
	return nil
}

// Token returns a new token from the broker, at each call. The platform puts a
// cache over it.
func (p *Plugin) Token(ctx context.Context) (token string, expiresAt time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, http.NoBody)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("broker: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key())
	resp, err := p.client.Do(req)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("broker: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// Never the body: it may quote the request.
		return "", time.Time{}, fmt.Errorf("broker: %s", resp.Status)
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer) != nil {
		return "", time.Time{}, errors.New("broker: the answer is not the JSON expected")
	}
	if answer.Token == "" || !answer.ExpiresAt.After(time.Now()) {
		return "", time.Time{}, errors.New("broker: the answer holds no live token")
	}
	return answer.Token, answer.ExpiresAt, nil
}
