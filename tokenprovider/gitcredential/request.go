package gitcredential

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Request is a request that git, or another client of its protocol, sends to a
// helper. [ReadRequest] reads it. Whoever wrote a URL, or runs the server
// behind it, chooses parts of a Request: trust nothing in it before
// [Request.For] returns true.
//
// A Request prints, logs and encodes without its password, unless it is in an
// unexported field of another struct, where [fmt] calls no methods.
type Request struct {
	Protocol     string   // as sent: "https", but also "HTTPS"
	Host         string   // as sent, with its port if there is one: "github.com", "GitHub.com:443"
	Path         string   // "" unless credential.useHttpPath is set
	Username     string   // "" unless the URL has one, or for store and erase
	Password     string   // for store and erase; also from the credential of an authtype
	Capabilities []string // what the caller understands: "authtype", "state"
	WWWAuth      []string // the WWW-Authenticate headers of the server, which may say anything
}

// For reports whether r asks for a credential of one of hosts, each `host` or
// `host:port`, over https. The host and the port have to be equal; case doesn't
// matter, and without a port 443 is meant. There are no patterns, and without
// hosts the result is false.
func (r Request) For(hosts []string) bool {
	if lowerASCII(r.Protocol) != "https" {
		return false
	}
	asked, err := canonicalHost(r.Host)
	if err != nil {
		return false
	}
	for _, host := range hosts {
		if managed, err := canonicalHost(host); err == nil && managed == asked {
			return true
		}
	}
	return false
}

// Repository returns the repository that r's path names, as owner/name in lower
// case, without .git and without /info/lfs, which Git LFS adds; "" if there is
// no path. It returns an error for a path that isn't that of a repository, or
// that two programs could read differently. The error doesn't quote the path.
func (r Request) Repository() (string, error) {
	if r.Path == "" {
		return "", nil
	}
	repository, ok := wire.GitRepository(r.Path)
	if !ok {
		return "", errors.New("gitcredential: the path of the request isn't the owner and name of a repository")
	}
	return repository, nil
}

// redacted is r as it may be shown.
type redacted struct {
	Protocol     string   `json:"protocol"`
	Host         string   `json:"host"`
	Path         string   `json:"path,omitempty"`
	Username     string   `json:"username,omitempty"`
	Password     string   `json:"password,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	WWWAuth      []string `json:"wwwauth,omitempty"`
}

// redact returns r with what may be shown of its password.
func (r Request) redact() redacted {
	shown := redacted(r)
	if shown.Password != "" {
		shown.Password = secret.Redacted
	}
	return shown
}

// Format prints r without its password under every verb.
func (r Request) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, "gitcredential.Request%+v", r.redact())
}

// MarshalJSON returns r as JSON without its password.
func (r Request) MarshalJSON() ([]byte, error) { return json.Marshal(r.redact()) }

// LogValue returns r without its password.
func (r Request) LogValue() slog.Value { return slog.AnyValue(r.redact()) }
