package gitcredential

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// DefaultHost is the host that helpers serve by default.
const DefaultHost = "github.com"

// ParseHosts returns the hosts in a comma-separated list, each `host` or
// `host:port`, in lower case, without ":443" and without repetition. White
// space around a host is ignored. It returns an error for an empty list, an
// empty entry, and anything that isn't a host, such as a URL, a pattern or a
// path.
func ParseHosts(list string) ([]string, error) {
	return canonicalHosts(strings.Split(list, ","))
}

// servedHosts returns hosts in that form; nil means [DefaultHost] alone.
func servedHosts(hosts []string) ([]string, error) {
	if hosts == nil {
		return []string{DefaultHost}, nil
	}
	return canonicalHosts(hosts)
}

func canonicalHosts(hosts []string) ([]string, error) {
	var canonical []string
	for _, host := range hosts {
		c, err := canonicalHost(strings.TrimSpace(host))
		if err != nil {
			return nil, fmt.Errorf("gitcredential: %q isn't a host or host:port: %w", host, err)
		}
		if !slices.Contains(canonical, c) {
			canonical = append(canonical, c)
		}
	}
	return canonical, nil
}

// canonicalHost returns a host, or host:port, in the form that may be compared
// byte by byte. It maps as little as it can: ASCII letters to lower case
// (Unicode has a Kelvin sign that lower-cases to k) and https's own port to
// none. What is no plain host name or address is an error, a trailing dot too,
// although git takes "github.com." for "github.com".
func canonicalHost(host string) (string, error) {
	if strings.Contains(host, "/") {
		return "", errors.New("name the host alone, without https:// and path")
	}
	host = strings.TrimSuffix(lowerASCII(host), ":443")
	name, port := host, ""
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:colon], host[colon+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || n == 443 || port != strconv.FormatUint(n, 10) {
			return "", errors.New("its port isn't a number from 1 to 65535")
		}
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		addr, err := netip.ParseAddr(name[1 : len(name)-1])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", errors.New("there is no IPv6 address in its brackets")
		}
		return host, nil
	}
	if name == "" || len(name) > 253 {
		return "", errors.New("a host name has 1 to 253 characters")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", errors.New("a part between dots has 1 to 63 characters")
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", errors.New("a host name has letters, digits, hyphens and dots only")
		}
	}
	return host, nil
}

// lowerASCII returns s with its ASCII letters in lower case.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
