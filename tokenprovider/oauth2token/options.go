package oauth2token

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/seal"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// Options say how a [Provider], or those of [Users], store their tokens and
// reach the forge. SealKeys are required; any other zero field means its
// default.
type Options struct {
	// SealKeys are AES-256 keys of 32 random bytes each. The first one seals,
	// all of them open: to rotate, add the new one behind the old one on every
	// replica, then put it first. Remove the old one only when every person's
	// record was written since: if no key opens a record, its person has to
	// sign in again. The keys are copied.
	SealKeys [][]byte

	// Name is shown in Status and logs, and is what [Users.Name] returns. The
	// default is the key, and "oauth2-users" for [Users].
	Name string

	// HTTPClient sends the requests to the token URL. It is copied. Redirects
	// aren't followed, since they would carry the refresh token on, and an
	// exchange takes 10 s at most. Nil: a client that trusts the system's
	// certificate authorities and makes a connection for each exchange.
	HTTPClient *http.Client

	Logger *slog.Logger // nil: nothing is logged
}

// String returns o without its seal keys.
func (o Options) String() string {
	return fmt.Sprintf("oauth2token.Options(%q, %d seal keys)", o.Name, len(o.SealKeys))
}

// Format prints [Options.String] under every verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// MarshalText returns [Options.String], for JSON too.
func (o Options) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// settings are what the providers of one client of a forge share.
type settings struct {
	name      string // "": that of the key
	exchanger *exchanger
	store     tokenprovider.Store
	sealer    *seal.Sealer
	logger    *slog.Logger
}

// newSettings returns the settings that function, a constructor of this
// package, was given.
func newSettings(function string, config *oauth2.Config, store tokenprovider.Store,
	opts Options) (*settings, error) {
	switch {
	case config == nil:
		return nil, fmt.Errorf("oauth2token: %s needs an oauth2.Config: the client that people sign in to", function)
	case config.ClientID == "":
		return nil, errors.New("oauth2token: oauth2.Config.ClientID is empty")
	case config.Endpoint.TokenURL == "":
		return nil, errors.New("oauth2token: oauth2.Config.Endpoint.TokenURL is empty: " +
			"where refresh tokens are exchanged")
	case foreign.IsNil(store):
		return nil, fmt.Errorf("oauth2token: %s needs a Store, which has to be durable: "+
			"a refresh token that it loses is a person who has to sign in again", function)
	}
	exchanger, err := newExchanger(config, opts.HTTPClient)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New("oauth2token: Options.SealKeys", opts.SealKeys)
	if err != nil {
		return nil, err
	}
	return &settings{opts.Name, exchanger, store, sealer, foreign.Logger(opts.Logger)}, nil
}

// validateKey returns an error for what no store takes as a key.
func validateKey(what, key string) error {
	switch {
	case key == "":
		return fmt.Errorf("oauth2token: the %s is empty; name the forge and the person, "+
			"so that no other token is taken for it", what)
	case strings.ToValidUTF8(key, "") != key || strings.Contains(key, "\x00"):
		return fmt.Errorf("oauth2token: the %s is not UTF-8, or has NUL in it", what)
	}
	return nil
}

func (s *settings) nameFor(key string) string { return cmp.Or(s.name, key) }
