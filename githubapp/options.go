package githubapp

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/seal"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
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

// Options describe an [App]. AppID or ClientID is required, and exactly one of
// PrivateKey, Signers and KeyFile. [New] copies what it needs: changing Options
// afterwards has no effect.
//
// Options print without their keys, unless they are in an unexported field of
// another type, where [fmt] calls no methods.
type Options struct {
	AppID    int64  // the number on the app's settings page
	ClientID string // the client ID on that page; the JWT's issuer if it is set, else AppID is

	// PrivateKey is the app's RSA key in PEM, as PKCS#1 or PKCS#8. It is also
	// read as base64 of the PEM, with escaped or missing line breaks, or in
	// quotes.
	PrivateKey []byte
	// Signers are RSA keys that are held elsewhere, such as in a KMS or HSM. If
	// there are several, as during a rotation, the first one that signs and
	// that GitHub accepts is used.
	Signers []crypto.Signer
	// KeyFile is the path of a file with a key as in PrivateKey. It is read
	// again when GitHub refuses the key, and the same call goes on with the new
	// key.
	KeyFile string

	// BaseURL is the URL of the REST API: "" for https://api.github.com,
	// https://api.NAME.ghe.com with data residency, https://HOST/api/v3 for a
	// GitHub Enterprise Server. If it is that of a proxy, links and redirects
	// to GitHub are followed through the proxy.
	BaseURL string
	// HTTPClient sends every request; a copy of it with another CheckRedirect
	// is used. Nil: a client whose transport is like [http.DefaultTransport]
	// and also finds out, by pings, that a kept HTTP/2 connection is dead.
	HTTPClient *http.Client
	APIVersion string // X-GitHub-Api-Version; default 2022-11-28
	UserAgent  string // default provisionkit-githubapp

	MaxConcurrentMints int // how many mints may run at the same time; default 16
	// Cache has the timing of every installation's token. MintTimeout bounds
	// the request to GitHub, without the wait for its turn before.
	Cache tokenprovider.CacheOptions

	// Store is what the replicas of a platform share: tokens, and the record of
	// what each workspace was given. Nil: each replica has its own, in memory.
	Store tokenprovider.Store
	// SealKeys seal what is in Store, and are required with one. Each has 32
	// random bytes; see [tokenprovider.SharedOptions] for their rotation.
	SealKeys [][]byte

	Logger *slog.Logger // nil: nothing is logged. It is also Cache.Logger if that is nil
}

// withDefaults returns o with every default applied, or an error that names the
// field that is missing or malformed.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.AppID < 0:
		return o, fmt.Errorf("githubapp: Options.AppID is %d; "+
			"it is the positive number on the app's settings page", o.AppID)
	case o.AppID == 0 && o.ClientID == "":
		return o, errors.New("githubapp: Options.AppID and Options.ClientID are both missing; " +
			"set the one or the other from the app's settings page")
	case o.ClientID != "" && !wire.IsToken(o.ClientID):
		return o, errors.New("githubapp: Options.ClientID holds white space or control characters; " +
			"copy it from the app's settings page")
	case o.MaxConcurrentMints < 0:
		return o, fmt.Errorf("githubapp: Options.MaxConcurrentMints is %d; leave it out for %d",
			o.MaxConcurrentMints, defaultMints)
	}
	for name, value := range map[string]string{"APIVersion": o.APIVersion, "UserAgent": o.UserAgent} {
		if strings.ContainsAny(value, "\r\n\x00") {
			return o, fmt.Errorf("githubapp: Options.%s holds a line break", name)
		}
	}
	if err := o.validateStore(); err != nil {
		return o, err
	}
	o.BaseURL = cmp.Or(o.BaseURL, defaultBaseURL)
	o.APIVersion = cmp.Or(o.APIVersion, defaultAPIVersion)
	o.UserAgent = cmp.Or(o.UserAgent, defaultUserAgent)
	o.MaxConcurrentMints = cmp.Or(o.MaxConcurrentMints, defaultMints)
	o.Cache.MintTimeout = cmp.Or(max(o.Cache.MintTimeout, 0), defaultMintTimeout)
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Transport: transport(o.MaxConcurrentMints, o.Cache.MintTimeout)}
	}
	o.Logger = foreign.Logger(o.Logger)
	o.Cache.Logger = cmp.Or(o.Cache.Logger, o.Logger)
	return o, nil
}

// validateStore returns an error unless there are a store and good keys for it,
// or neither.
func (o Options) validateStore() error {
	switch {
	case o.Store == nil && o.SealKeys == nil:
		return nil
	case o.Store == nil:
		return errors.New("githubapp: Options.SealKeys is set but Options.Store isn't; " +
			"set both to share tokens between replicas, or neither")
	case len(o.SealKeys) == 0:
		return fmt.Errorf("githubapp: Options.Store needs Options.SealKeys: "+
			"at least one key of %d random bytes, the same on every replica", seal.KeySize)
	}
	_, err := seal.New("githubapp: Options.SealKeys", o.SealKeys)
	return err
}

// issuer returns the iss claim: GitHub recommends the client ID and takes the
// number as a string.
func (o Options) issuer() string {
	return cmp.Or(o.ClientID, fmt.Sprint(o.AppID))
}

// inStore returns what the app is called in the keys of a Store: the number when
// it is known, so that replicas that are given more or less agree.
func (o Options) inStore() string {
	if o.AppID != 0 {
		return fmt.Sprint(o.AppID)
	}
	return o.ClientID
}

// keys returns the app's keys, from the one of the three fields that is set.
func (o Options) keys() (*appkey.Ring, error) {
	given := 0
	for _, is := range []bool{len(o.PrivateKey) > 0, len(o.Signers) > 0, o.KeyFile != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errors.New("githubapp: set exactly one of Options.PrivateKey, Options.KeyFile " +
			"and Options.Signers; a private key is made on the app's settings page")
	case o.KeyFile != "":
		ring, err := appkey.OpenRing(o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("githubapp: Options.KeyFile: %w", err)
		}
		return ring, nil
	case len(o.PrivateKey) > 0:
		keys, err := appkey.Parse(o.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("githubapp: Options.PrivateKey %w", err)
		}
		return appkey.NewRing(keys), nil
	}
	keys := make([]*appkey.Key, len(o.Signers))
	for n, s := range o.Signers {
		var err error
		if keys[n], err = appkey.New(s); err != nil {
			return nil, fmt.Errorf("githubapp: Options.Signers[%d] %w", n, err)
		}
	}
	return appkey.NewRing(keys), nil
}

// transport returns http.DefaultTransport, changed to keep a connection for
// each mint of a burst, and to find out about a dead one before the request
// that waits on it times out: the next request then is made over a new one.
func transport(connections int, timeout time.Duration) http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConnsPerHost = connections
	t.HTTP2 = wire.HealthCheck(timeout * 2 / 3)
	t.OnProxyConnectResponse = wire.OnProxyConnect
	return t
}

// String returns the app's id or client ID as text, without a key.
func (o Options) String() string {
	base := o.BaseURL
	if u, err := parseBaseURL(base); err == nil {
		base = u.String()
	} else if base != "" {
		base = "[invalid]"
	}
	file := o.KeyFile
	if appkey.MayBeKey(file) {
		file = secret.Redacted
	}
	return fmt.Sprintf("githubapp.Options{AppID:%d ClientID:%q BaseURL:%q KeyFile:%q "+
		"PrivateKey:%s Signers:[%d] SealKeys:[%d]}",
		o.AppID, o.ClientID, base, file, secret.Redacted, len(o.Signers), len(o.SealKeys))
}

// Format prints [Options.String] under every verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// MarshalText returns [Options.String], for JSON too.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }
