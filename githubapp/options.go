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

// Options say which GitHub App to be, and how. AppID or ClientID is needed, and
// exactly one of PrivateKey, Signers and KeyFile. [New] copies what it needs:
// changing Options afterwards changes nothing.
//
// Options print without their key, whatever the verb, as long as they aren't in
// an unexported field of another type.
type Options struct {
	AppID    int64  // the number on the app's settings page; or
	ClientID string // the client ID beside it, which is the issuer when both are set

	// PrivateKey is the app's key in PEM, PKCS#1 or PKCS#8, or in one of the
	// forms that are made of it on its way: base64 of the file, line breaks that
	// are escaped or gone, quotes around it.
	PrivateKey []byte
	// Signers are RSA keys that are held elsewhere: KMS, HSM. Of several, for
	// rotation, the first that signs and that GitHub accepts is kept.
	Signers []crypto.Signer
	// KeyFile is a file with such a key. It is read again when a key is refused,
	// and that same call goes on with the new key.
	KeyFile string

	// BaseURL is that of the REST API: https://api.github.com when it is "",
	// https://api.NAME.ghe.com with data residency, https://HOST/api/v3 for a
	// GitHub Enterprise Server. Credentials go to it alone: where it is a
	// gateway's, links and redirects of GitHub's are followed there.
	BaseURL string
	// HTTPClient carries every request. Its CheckRedirect is replaced. With nil
	// it is one whose transport is like http.DefaultTransport and besides finds
	// out, by pings, that a kept connection is dead.
	HTTPClient *http.Client
	APIVersion string // X-GitHub-Api-Version; default 2022-11-28
	UserAgent  string // default provisionkit-githubapp

	MaxConcurrentMints int // mints under way at the same time; default 16
	// Cache has the timing of every installation's token. Its MintTimeout
	// begins with the request, not in the queue.
	Cache tokenprovider.CacheOptions

	// Store shares tokens between the replicas of a platform: one mints, all
	// use. With nil each mints its own.
	Store tokenprovider.Store
	// SealKeys are needed with Store: 32 random bytes each; see
	// [tokenprovider.SharedOptions] for their rotation.
	SealKeys [][]byte

	Logger *slog.Logger // nil: nothing is logged. It is Cache.Logger too where that is nil
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

// String returns which app o is for, without a key.
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
