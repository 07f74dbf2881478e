package wire

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Loopback reports whether host, without a port, is this machine: 127.0.0.0/8,
// ::1, or localhost.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// ParseURL parses raw, where a credential is going to be sent: https, or http
// where nobody can listen in or allowHTTP says that it doesn't matter. The text
// of an error is the rest of a sentence that begins with the name of the setting.
// It doesn't repeat raw, which may hold a secret where none belongs.
func ParseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("is not an absolute URL such as https://platform.example")
	case u.User != nil:
		return nil, errors.New("has a user name or password in it, and must not")
	case u.Fragment != "":
		return nil, errors.New("has a fragment (#), and must not")
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, errors.New("is neither https nor http")
	case !allowHTTP && !Loopback(u.Hostname()):
		return nil, errors.New("is http to another machine, where anyone on the way can read the bearer: " +
			"use https, or allow it (AllowHTTP, " + EnvAllowHTTP + "=1)")
	}
	return u, nil
}

// ParseBase parses the URL of a gateway: https and a host alone, in lower case
// and without https's own port. The text of an error is the rest of a sentence,
// as ParseURL's is.
func ParseBase(raw string) (*url.URL, error) {
	base, err := ParseURL(raw, false)
	switch {
	case err != nil:
		return nil, err
	case base.Scheme != "https":
		return nil, errors.New("has to be https")
	case base.Path != "" && base.Path != "/" || base.RawQuery != "" || base.ForceQuery:
		return nil, errors.New("has to be a host alone: git and gh look for the forge at its root")
	}
	return &url.URL{Scheme: "https", Host: strings.TrimSuffix(strings.ToLower(base.Host), ":443")}, nil
}
