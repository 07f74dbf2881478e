package tokenhttp

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// CheckURL is the error of a [Client] whose URL is raw and whose AllowHTTP is allowHTTP, and of [NewMutator] for such a
// BaseURL; nil for one that they take. It is for whoever reads it from somewhere, to say where it is wrong: its text is
// the rest of a sentence that begins with the name of the setting. It doesn't repeat raw.
func CheckURL(raw string, allowHTTP bool) error {
	_, err := parseURL(raw, allowHTTP)
	return err
}

// parseURL parses raw, where a bearer is going to be sent: https, or http where nobody can listen in or allowHTTP says
// that it doesn't matter. The errors don't repeat raw, which may hold a secret where none belongs.
func parseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("is not an absolute URL such as https://platform.example")
	case u.User != nil:
		return nil, errors.New("has a user name or password in it, and must not")
	case u.Fragment != "":
		return nil, errors.New("has a fragment (#), and must not")
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, errors.New("is neither https nor http")
	case !allowHTTP && !loopback(u.Hostname()):
		return nil, errors.New("is http to another machine, where anyone on the way can read the bearer: use https, or allow it (AllowHTTP, " + EnvAllowHTTP + "=1)")
	}
	return u, nil
}

// loopback reports whether host, without a port, is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
