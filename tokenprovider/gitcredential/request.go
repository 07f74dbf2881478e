package gitcredential

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
)

// Request is what git, or another client of its protocol, asks a helper.
// [ReadRequest] reads it. All of it comes from outside, parts from whoever
// wrote the URL or answers under it: nothing in it is trusted before
// [Request.For] says so.
//
// Its fields are plain. Printed under any verb of fmt, logged with slog or
// encoded as JSON, by itself or in an exported field, it shows no password; in
// an unexported field of another struct fmt can't be kept from printing it.
type Request struct {
	Protocol     string   // as sent: "https", but also "HTTPS"
	Host         string   // as sent, with its port if there is one: "github.com", "GitHub.com:443"
	Path         string   // "" unless credential.useHttpPath is set
	Username     string   // "" unless the URL has one, or for store and erase
	Password     string   // for store and erase; also that in the credential of an authtype
	Capabilities []string // what the caller understands: "authtype", "state"
	WWWAuth      []string // the WWW-Authenticate headers of the server, which may say anything
}

// For reports whether r asks for a credential of one of hosts, each `host` or
// `host:port`: over https, and with exactly that host and port, where letter
// case and https's own port 443 make no difference. No hosts, no match: there
// is neither a pattern nor a default. It is the one host check, and each answer
// depends on it.
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
// case, without .git and without /info/lfs, which Git LFS adds; "" when there is
// no path. A path that isn't that of a repository, or that two programs could
// read differently, is an error, which doesn't repeat it.
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

// Format prints r without its password, under every verb.
func (r Request) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, "gitcredential.Request%+v", r.redact())
}

// MarshalJSON returns r as JSON without its password.
func (r Request) MarshalJSON() ([]byte, error) { return json.Marshal(r.redact()) }

// LogValue returns r without its password.
func (r Request) LogValue() slog.Value { return slog.AnyValue(r.redact()) }
