package githubapp

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// What a field of Options that is left out stands for.
const (
	defaultBaseURL     = "https://api.github.com"
	defaultAPIVersion  = "2022-11-28"
	defaultUserAgent   = "provisionkit-githubapp"
	defaultMints       = 16
	defaultMintTimeout = 15 * time.Second
)

// Options say which GitHub App to be, and how. AppID or ClientID is needed, and exactly one of PrivateKey, Signers and
// KeyFile. [New] copies what it needs: changing Options afterwards changes nothing.
//
// Options print without their key, whatever the verb, as long as they aren't in an unexported field of another type.
type Options struct {
	AppID    int64  // the number on the app's settings page; or
	ClientID string // the client ID beside it, which is the issuer when both are set

	PrivateKey []byte          // PEM, PKCS#1 or PKCS#8; or
	Signers    []crypto.Signer // RSA keys held elsewhere: KMS, HSM; several for rotation, the first accepted one is kept; or
	KeyFile    string          // a PEM file, read again when its key is refused; that same call goes on with the new key

	BaseURL    string       // of the REST API; default https://api.github.com; GitHub Enterprise Server: https://HOST/api/v3
	HTTPClient *http.Client // carries every request; its CheckRedirect is replaced. Default: one with a transport like http.DefaultTransport
	APIVersion string       // X-GitHub-Api-Version; default 2022-11-28
	UserAgent  string       // default provisionkit-githubapp

	MaxConcurrentMints int                        // mints under way at the same time; default 16
	Cache              tokenprovider.CacheOptions // timing of every installation's token. Its MintTimeout begins with the request, not in the queue

	Store    tokenprovider.Store // shares tokens between the replicas of a platform: one mints, all use; nil: each mints its own
	SealKeys [][]byte            // needed with Store: 32 random bytes each; see [tokenprovider.SharedOptions] for their rotation

	Logger *slog.Logger // nil: nothing is logged. It is Cache.Logger too where that is nil
}

// withDefaults is o with every default applied, or an error that names the field that is missing or malformed.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.AppID < 0:
		return o, fmt.Errorf("githubapp: Options.AppID is %d; it is the positive number on the app's settings page", o.AppID)
	case o.AppID == 0 && o.ClientID == "":
		return o, errors.New("githubapp: Options.AppID and Options.ClientID are both missing; set the one or the other from the app's settings page")
	case strings.ContainsFunc(o.ClientID, unprintable):
		return o, errors.New("githubapp: Options.ClientID holds white space or control characters; copy it from the app's settings page")
	case o.MaxConcurrentMints < 0:
		return o, fmt.Errorf("githubapp: Options.MaxConcurrentMints is %d; leave it out for %d", o.MaxConcurrentMints, defaultMints)
	}
	if err := o.validateStore(); err != nil {
		return o, err
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBaseURL
	}
	if o.MaxConcurrentMints == 0 {
		o.MaxConcurrentMints = defaultMints
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Transport: transport(o.MaxConcurrentMints)}
	}
	if o.APIVersion == "" {
		o.APIVersion = defaultAPIVersion
	}
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	if o.Cache.MintTimeout <= 0 {
		o.Cache.MintTimeout = defaultMintTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Cache.Logger == nil {
		o.Cache.Logger = o.Logger
	}
	return o, nil
}

// sealKeySize is what AES-256 takes.
const sealKeySize = 32

func (o Options) validateStore() error {
	switch {
	case o.Store == nil && o.SealKeys != nil:
		return errors.New("githubapp: Options.SealKeys is set but Options.Store isn't; set both to share tokens between replicas, or neither")
	case o.Store != nil && len(o.SealKeys) == 0:
		return fmt.Errorf("githubapp: Options.Store needs Options.SealKeys: at least one key of %d random bytes, the same on every replica", sealKeySize)
	}
	for n, key := range o.SealKeys {
		if len(key) != sealKeySize {
			return fmt.Errorf("githubapp: Options.SealKeys[%d] has %d bytes; it must be %d random bytes", n, len(key), sealKeySize)
		}
	}
	return nil
}

// issuer is the iss claim: GitHub recommends the client ID and takes the number as a string.
func (o Options) issuer() string {
	if o.ClientID != "" {
		return o.ClientID
	}
	return fmt.Sprint(o.AppID)
}

// transport is http.DefaultTransport that keeps a connection for each mint of a burst.
func transport(connections int) http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConnsPerHost = connections
	return t
}

// parseBaseURL is the address of the API without a slash at its end.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// url.Error quotes the whole text, which may hold a password.
		return nil, errors.New("githubapp: Options.BaseURL isn't a URL; it is like https://api.github.com or https://HOST/api/v3")
	case u.User != nil || strings.Contains(text, "@"): // without a scheme, a password is no user info
		return nil, errors.New("githubapp: Options.BaseURL holds a user or password; remove it, the app's key is the only credential")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q needs a scheme and a host, like https://api.github.com or https://HOST/api/v3", text)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("githubapp: Options.BaseURL holds a query or a fragment; remove it")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q would send credentials in clear; use https (http is for loopback only)", text)
	case u.Hostname() == "github.com" || u.Hostname() == "www.github.com":
		return nil, fmt.Errorf("githubapp: Options.BaseURL %q isn't the API; use %s", text, defaultBaseURL)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// unprintable is true for what has no place in a token, an id or a name: white space, control and non-ASCII characters.
func unprintable(r rune) bool { return r <= ' ' || r >= 0x7f }

// String shows which app o is for, never a key.
func (o Options) String() string {
	base := o.BaseURL
	if u, err := parseBaseURL(base); err == nil {
		base = u.String()
	} else if base != "" {
		base = "[invalid]"
	}
	file := o.KeyFile
	if notPath(file) {
		file = "[redacted]"
	}
	return fmt.Sprintf("githubapp.Options{AppID:%d ClientID:%q BaseURL:%q KeyFile:%q PrivateKey:[redacted] Signers:[%d] SealKeys:[%d]}",
		o.AppID, o.ClientID, base, file, len(o.Signers), len(o.SealKeys))
}

// Format prints [Options.String] under every verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// MarshalText is [Options.String], in JSON too.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }
