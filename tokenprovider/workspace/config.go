package workspace

import (
	"errors"
	"fmt"
	"path/filepath"

	protocol "github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// envOnFailure is one of the variables that configure the command; tokenhttp and gitcredential, whose mutators set
// them, have the others. An empty one counts as unset.
const envOnFailure = "PROVISIONKIT_ON_FAILURE"

// endpoint is where the token comes from, and as whom the workspace asks for it.
type endpoint struct {
	url        string
	allowHTTP  bool
	bearerFile string // one of the two is set
	bearer     secret
}

func readEndpoint(getenv func(string) string) (endpoint, error) {
	e, err := readURL(getenv)
	if err != nil {
		return endpoint{}, err
	}
	return e.withBearer(getenv)
}

// readURL is the endpoint without its bearer.
func readURL(getenv func(string) string) (endpoint, error) {
	e := endpoint{url: getenv(tokenhttp.EnvTokenURL)}
	if e.url == "" {
		return endpoint{}, notConfigured(tokenhttp.EnvTokenURL + " isn't set: it has to be the URL of the platform's token endpoint, and sudo, ssh and cron drop it unless they are told to keep it")
	}
	switch getenv(tokenhttp.EnvAllowHTTP) {
	case "", "0":
	case "1":
		e.allowHTTP = true
	default:
		return endpoint{}, fmt.Errorf("%s must be 1 or unset", tokenhttp.EnvAllowHTTP)
	}
	if _, err := protocol.ParseURL(e.url, e.allowHTTP); err != nil {
		return endpoint{}, fmt.Errorf("%s %w", tokenhttp.EnvTokenURL, err)
	}
	return e, nil
}

func (e endpoint) withBearer(getenv func(string) string) (endpoint, error) {
	e.bearerFile = getenv(tokenhttp.EnvBearerFile)
	switch {
	case e.bearerFile != "" && !filepath.IsAbs(e.bearerFile):
		// Git runs its helper in the repository at hand, which could bring a file of that name.
		return endpoint{}, fmt.Errorf("%s must be an absolute path", tokenhttp.EnvBearerFile)
	case e.bearerFile == "" && getenv(tokenhttp.EnvBearer) == "":
		return endpoint{}, notConfigured("neither " + tokenhttp.EnvBearerFile + " nor " + tokenhttp.EnvBearer + " is set: the workspace has nothing to authenticate with")
	case e.bearerFile == "":
		e.bearer = newSecret(getenv(tokenhttp.EnvBearer))
	}
	return e, nil
}

func notConfigured(text string) error {
	return &tokenprovider.Error{Code: tokenprovider.CodeNotConfigured, Err: errors.New(text)}
}

func readHosts(getenv func(string) string) ([]string, error) {
	list := getenv(gitcredential.EnvHosts)
	if list == "" {
		return []string{gitcredential.DefaultHost}, nil
	}
	hosts, err := gitcredential.ParseHosts(list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", gitcredential.EnvHosts, err)
	}
	return hosts, nil
}

func readOnFailure(getenv func(string) string) (gitcredential.OnFailure, error) {
	switch getenv(envOnFailure) {
	case "", "fallthrough":
		return gitcredential.FallThrough, nil
	case "quit":
		return gitcredential.Quit, nil
	}
	return 0, fmt.Errorf("%s must be fallthrough or quit", envOnFailure)
}
