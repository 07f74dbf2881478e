// Package config reads the variables that configure the command. An empty one
// counts as unset.
package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
)

// Endpoint is where the token comes from, and as whom the workspace asks for
// it.
type Endpoint struct {
	URL        string
	AllowHTTP  bool
	Retry      time.Duration // for how long it is asked again where it isn't there; 0: once
	BearerFile string        // one of the two is set
	Bearer     secret.Of[string]
}

// defaultRetry is longer than a platform takes to start or to be replaced.
const defaultRetry = 20 * time.Second

// ReadEndpoint returns the endpoint that the environment names.
func ReadEndpoint(getenv func(string) string) (Endpoint, error) {
	e, err := ReadURL(getenv)
	if err != nil {
		return Endpoint{}, err
	}
	return e.WithBearer(getenv)
}

// ReadURL returns the endpoint without its bearer.
func ReadURL(getenv func(string) string) (Endpoint, error) {
	e := Endpoint{URL: getenv(wire.EnvURL)}
	switch {
	case e.URL == "" && getenv(wire.EnvGateway) != "":
		return Endpoint{}, coded(tokenprovider.CodeNotConfigured, wire.EnvURL+" isn't set: there is no token in "+
			"this workspace, since the gateway that "+wire.EnvGateway+" names adds one")
	case e.URL == "":
		return Endpoint{}, coded(tokenprovider.CodeNotConfigured, wire.EnvURL+" isn't set: it has to be "+
			"the URL of the platform's token endpoint, and sudo, ssh and cron drop it unless they are "+
			"told to keep it")
	}
	switch getenv(wire.EnvAllowHTTP) {
	case "", "0":
	case "1":
		e.AllowHTTP = true
	default:
		return Endpoint{}, fmt.Errorf("%s must be 1 or unset", wire.EnvAllowHTTP)
	}
	if _, err := wire.ParseURL(e.URL, e.AllowHTTP); err != nil {
		return Endpoint{}, fmt.Errorf("%s %w", wire.EnvURL, err)
	}
	var err error
	e.Retry, err = readDuration(getenv, wire.EnvRetry, defaultRetry)
	return e, err
}

// ReadGateway returns the URL of the gateway that is the way to the forge; nil
// where there is none.
func ReadGateway(getenv func(string) string) (*url.URL, error) {
	raw := getenv(wire.EnvGateway)
	if raw == "" {
		return nil, nil
	}
	base, err := wire.ParseBase(raw)
	if err != nil {
		return nil, fmt.Errorf("%s %w", wire.EnvGateway, err)
	}
	return base, nil
}

// WithBearer returns e with the bearer that the environment names.
func (e Endpoint) WithBearer(getenv func(string) string) (Endpoint, error) {
	e.BearerFile = getenv(wire.EnvBearerFile)
	switch {
	case e.BearerFile != "" && !filepath.IsAbs(e.BearerFile):
		// Git runs its helper in the repository at hand, which could bring a
		// file of that name.
		return Endpoint{}, fmt.Errorf("%s must be an absolute path", wire.EnvBearerFile)
	case e.BearerFile == "" && getenv(wire.EnvBearer) == "":
		// Half a configuration must not look like none.
		return Endpoint{}, coded(tokenprovider.CodeUnauthenticated, "neither "+wire.EnvBearerFile+
			" nor "+wire.EnvBearer+" is set: the workspace has nothing to authenticate with")
	case e.BearerFile == "":
		e.Bearer = secret.New(getenv(wire.EnvBearer))
	}
	return e, nil
}

func coded(code tokenprovider.Code, text string) error {
	return &tokenprovider.Error{Code: code, Err: errors.New(text)}
}

// ReadHosts returns the hosts to serve.
func ReadHosts(getenv func(string) string) ([]string, error) {
	list := getenv(wire.EnvHosts)
	if list == "" {
		return []string{gitcredential.DefaultHost}, nil
	}
	hosts, err := gitcredential.ParseHosts(list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", wire.EnvHosts, err)
	}
	return hosts, nil
}

// ReadOnFailure returns what git is told where there is no token.
func ReadOnFailure(getenv func(string) string) (gitcredential.OnFailure, error) {
	switch getenv(wire.EnvOnFailure) {
	case "", "fallthrough":
		return gitcredential.FallThrough, nil
	case "quit":
		return gitcredential.Quit, nil
	}
	return 0, fmt.Errorf("%s must be fallthrough or quit", wire.EnvOnFailure)
}

// ReadCacheFor returns how long git's own cache may keep a token; 0: it may
// not.
func ReadCacheFor(getenv func(string) string) (time.Duration, error) {
	return readDuration(getenv, wire.EnvCacheFor, 0)
}

// readDuration returns the duration that a variable holds, unset if it is
// empty.
func readDuration(
	getenv func(string) string, name string, unset time.Duration,
) (time.Duration, error) {
	value := getenv(name)
	if value == "" {
		return unset, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s must be a duration such as 20s, or 0", name)
	}
	return d, nil
}
