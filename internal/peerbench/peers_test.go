package peerbench

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/auth"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/oauth2"
)

// mintFunc is what every library caches. It counts as upstream.
type mintFunc func(ctx context.Context) (token string, expiresAt time.Time, err error)

// getFunc is one read of a cache.
type getFunc func(ctx context.Context) (string, error)

// peer is a library with its cache over a mint, and a window of window before the expiry in which it refreshes.
type peer struct {
	name string
	make func(mintFunc) getFunc
	// ripens: a window scales with a token's life, so a fresh token is never inside it and has to be waited for.
	ripens bool
}

// window is that of ghinstallation, which can't be set.
const window = time.Minute

var peers = []peer{
	{name: "provisionkit", make: provisionkit, ripens: true},
	{name: "x-oauth2", make: xOAuth2},
	{name: "google-async", make: func(m mintFunc) getFunc { return google(m, false) }},
	{name: "google-sync", make: func(m mintFunc) getFunc { return google(m, true) }},
	{name: "aws", make: awsCache},
	{name: "ghinstallation", make: installation},
}

func provisionkit(mint mintFunc) getFunc {
	cache := tokenprovider.NewCache(tokenprovider.Func(mint), &tokenprovider.CacheOptions{RefreshAhead: window, MinTTL: -1})
	return func(ctx context.Context) (string, error) {
		token, _, err := cache.Token(ctx)
		return token, err
	}
}

type oauth2Source mintFunc

func (s oauth2Source) Token() (*oauth2.Token, error) {
	token, expiresAt, err := s(context.Background())
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: token, Expiry: expiresAt}, nil
}

func xOAuth2(mint mintFunc) getFunc {
	source := oauth2.ReuseTokenSourceWithExpiry(nil, oauth2Source(mint), window)
	return func(context.Context) (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}

type googleProvider mintFunc

func (p googleProvider) Token(ctx context.Context) (*auth.Token, error) {
	token, expiresAt, err := p(ctx)
	if err != nil {
		return nil, err
	}
	return &auth.Token{Value: token, Expiry: expiresAt}, nil
}

func google(mint mintFunc, disableAsync bool) getFunc {
	cache := auth.NewCachedTokenProvider(googleProvider(mint), &auth.CachedTokenProviderOptions{ExpireEarly: window, DisableAsyncRefresh: disableAsync})
	return func(ctx context.Context) (string, error) {
		token, err := cache.Token(ctx)
		if err != nil {
			return "", err
		}
		return token.Value, nil
	}
}

func awsCache(mint mintFunc) getFunc {
	cache := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		token, expiresAt, err := mint(ctx)
		return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key", SessionToken: token, CanExpire: true, Expires: expiresAt}, err
	}), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = window })
	return func(ctx context.Context) (string, error) {
		credentials, err := cache.Retrieve(ctx)
		return credentials.SessionToken, err
	}
}

// answering is a GitHub without a network: it answers a request for a token with a mint.
type answering mintFunc

func (mint answering) RoundTrip(req *http.Request) (*http.Response, error) {
	token, expiresAt, err := mint(req.Context())
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"token": token, "expires_at": expiresAt.UTC()})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusCreated, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func installation(mint mintFunc) getFunc {
	app := ghinstallation.NewAppsTransportFromPrivateKey(answering(mint), 1, appKey())
	app.BaseURL = "https://api.example"
	t := ghinstallation.NewFromAppsTransport(app, 1)
	t.BaseURL = app.BaseURL
	return t.Token
}

// upstream is a mint whose behaviour can be changed, and which counts.
type upstream struct {
	life    time.Duration
	latency atomic.Int64
	broken  atomic.Bool
	calls   atomic.Int64
}

var errDown = errors.New("down")

func (u *upstream) mint(ctx context.Context) (string, time.Time, error) {
	n := u.calls.Add(1)
	select {
	case <-time.After(time.Duration(u.latency.Load())):
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
	if u.broken.Load() {
		return "", time.Time{}, errDown
	}
	return "token-" + string(rune('a'+n%26)), time.Now().Add(u.life), nil
}
