package githubapp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
)

// parseBaseURL returns the address of the API without a slash at its end.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// url.Error quotes the whole text, which may hold a password.
		return nil, errors.New("githubapp: Options.BaseURL isn't a URL; " +
			"it is like https://api.github.com or https://HOST/api/v3")
	case u.User != nil || strings.Contains(text, "@"): // without a scheme, a password is no user info
		return nil, errors.New("githubapp: Options.BaseURL holds a user or password; " +
			"remove it, the app's key is the only credential")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q needs a scheme and a host, "+
			"like https://api.github.com or https://HOST/api/v3", text)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("githubapp: Options.BaseURL holds a query or a fragment; remove it")
	case u.Scheme == "http" && !wire.Loopback(u.Hostname()):
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q would send credentials in clear; "+
			"use https (http is for loopback only)", text)
	}
	if api := apiOf(strings.ToLower(u.Hostname())); api != "" {
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q isn't the API; use %s", text, api)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// apiOf returns the address of the API where host is the website of github.com
// or of an enterprise with data residency, and "" where it is neither.
func apiOf(host string) string {
	if host == "github.com" || host == "www.github.com" {
		return defaultBaseURL
	}
	sub, ok := strings.CutSuffix(host, ".ghe.com")
	if !ok || strings.HasPrefix(sub, "api.") {
		return ""
	}
	return "https://api." + sub[strings.LastIndexByte(sub, '.')+1:] + ".ghe.com"
}
