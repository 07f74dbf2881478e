package oauth2token_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestNewNamesWhatIsMissingOrMalformed(t *testing.T) {
	config, store, opts := configFor("https://forge.example/oauth/token"), tokenprovidertest.NewStore(), oauth2token.Options{SealKeys: sealKeys}
	changed := func(change func(*oauth2.Config)) *oauth2.Config {
		c := configFor("https://forge.example/oauth/token")
		change(c)
		return c
	}
	for says, c := range map[string]struct {
		config *oauth2.Config
		store  tokenprovider.Store
		key    string
		opts   oauth2token.Options
	}{
		"needs an oauth2.Config":   {nil, store, key, opts},
		"ClientID is empty":        {changed(func(c *oauth2.Config) { c.ClientID = "" }), store, key, opts},
		"TokenURL is empty":        {configFor(""), store, key, opts},
		"TokenURL is http to":      {configFor("http://forge.example/token"), store, key, opts},
		"TokenURL is not an":       {configFor("forge.example"), store, key, opts},
		"AuthStyle 7 is none":      {changed(func(c *oauth2.Config) { c.Endpoint.AuthStyle = 7 }), store, key, opts},
		"needs a Store":            {config, nil, key, opts},
		"New needs a Store":        {config, (*tokenprovidertest.Store)(nil), key, opts},
		"the key is empty":         {config, store, "", opts},
		"the key is not UTF-8":     {config, store, "a\x00b", opts},
		"the key is not UTF-8, or": {config, store, "a\xff", opts},
		"Options.SealKeys is":      {config, store, key, oauth2token.Options{}},
		"Options.SealKeys[1] has":  {config, store, key, oauth2token.Options{SealKeys: [][]byte{sealKeys[0], {1}}}},
	} {
		p, err := oauth2token.New(c.config, c.store, c.key, c.opts)
		require.ErrorContains(t, err, says)
		require.Nil(t, p)
	}
	_, err := oauth2token.NewUsers(config, store, "", opts)
	require.ErrorContains(t, err, "the prefix is empty")
	_, err = oauth2token.NewUsers(nil, store, "forge", opts)
	require.ErrorContains(t, err, "NewUsers needs an oauth2.Config")
	_, err = oauth2token.New(configFor("http://127.0.0.1:1/token"), store, key, opts)
	require.NoError(t, err)
}

func TestASignInHasToBringAToken(t *testing.T) {
	f, _, p := signedIn(t)
	token := f.token(t, p)
	for says, brought := range map[string]*oauth2.Token{
		"no token: it is nil":     nil,
		"no access token":         {},
		`a token of type "mac"`:   {AccessToken: "t", RefreshToken: "r", TokenType: "mac"},
		"of another type than Be": {AccessToken: "t", RefreshToken: "r", TokenType: "glat-0123"},
		"that expired at":         {AccessToken: "t", Expiry: time.Now()},
		"can't be sent in a":      {AccessToken: "t t"},
		"a refresh token that is": {RefreshToken: "\xff"},
	} {
		err := p.Set(t.Context(), brought)
		require.ErrorContains(t, err, says)
		require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err))
		require.Equal(t, token, f.token(t, p), "the last sign-in stands")
	}
}

func TestARefreshTokenAloneIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, p := signedIn(t)
		for _, brought := range []*oauth2.Token{
			{RefreshToken: f.signIn("ann").RefreshToken},
			{RefreshToken: f.signIn("ann").RefreshToken, AccessToken: "expired", Expiry: time.Now()},
		} {
			require.NoError(t, p.Set(t.Context(), brought))
			f.token(t, p)
		}
		exchanges, _ := f.counts()
		require.Equal(t, 2, exchanges)
	})
}

func TestAnAccessTokenAloneLastsAsLongAsItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, p := signedIn(t)
		brought := f.signIn("ann")
		require.NoError(t, p.Set(t.Context(), &oauth2.Token{AccessToken: brought.AccessToken, ExpiresIn: int64(f.life / time.Second)}))
		for range 119 {
			require.Equal(t, brought.AccessToken, f.token(t, p))
			time.Sleep(time.Minute)
		}
		require.Equal(t, tokenprovider.StateDegraded, p.Status().State)
		require.Contains(t, p.Status().LastError, "came without a refresh token, and is over or was refused: sign in again")
		time.Sleep(time.Minute)
		refusal(t, p, tokenprovider.CodeUnauthenticated)

		require.NoError(t, p.Set(t.Context(), &oauth2.Token{AccessToken: brought.AccessToken}))
		time.Sleep(1000 * time.Hour)
		token, expiresAt, err := f.replica(t, store).Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, brought.AccessToken, token)
		require.Zero(t, expiresAt)
		_, _, err = p.Token(t.Context())
		require.NoError(t, err)
		require.True(t, p.Invalidate(token))
		again, _, err := p.Token(t.Context())
		require.NoError(t, err, "a report is a claim")
		require.Equal(t, token, again)
		require.Equal(t, tokenprovider.StateDegraded, p.Status().State)
		require.Contains(t, p.Status().LastError, "sign in again")
		exchanges, _ := f.counts()
		require.Zero(t, exchanges)
	})
}

func TestWhatTheForgeBroughtAndCantBeServedIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, p := signedIn(t)
		time.Sleep(f.life)
		f.on(nil, nil)
		f.on(answering(200, nil, `{"access_token":"glat-1","refresh_token":"glrt-1","token_type":"dpop","expires_in":60}`), nil)
		require.Contains(t, refusal(t, p, tokenprovider.CodeInternal), `a token of type "dpop", and not a Bearer one`)
		time.Sleep(time.Minute)
		var sent bytes.Buffer
		f.on(answeringWith(&sent), nil)
		_, _, err := p.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "glrt-1", sent.String(), "the refresh token that came with it is kept")
		_, _, err = f.replica(t, store).Token(t.Context())
		require.NoError(t, err)
	})
}

func TestAWishForMoreLifeIsMetOnceByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store, one := signedIn(t)
		two := f.replica(t, store)
		time.Sleep(f.life / 2 * 3 / 2)
		ctx := tokenprovider.WithMinTTL(t.Context(), time.Hour)
		a, expiresAt, err := one.Token(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Until(expiresAt), time.Hour)
		b, _, err := two.Token(ctx)
		require.NoError(t, err)
		require.Equal(t, a, b)
		for range 10 {
			c, _, err := two.Token(tokenprovider.WithMinTTL(t.Context(), 100*time.Hour))
			require.NoError(t, err)
			require.Equal(t, a, c)
		}
		exchanges, _ := f.counts()
		require.Equal(t, 1, exchanges)
	})
}

func TestAnOlderCallSaysNothingOfALaterSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newForge(t), &faultyStore{Store: tokenprovidertest.NewStore()}
		p := f.replica(t, s)
		answers := make(chan struct{})
		s.loads.Store(&fault{after: func(context.Context) error { <-answers; return nil }})
		go func() { _, _, _ = p.Token(context.Background()) }()
		synctest.Wait()
		s.loads.Store(nil)
		require.NoError(t, p.Set(t.Context(), f.signIn("ann")))
		close(answers)
		synctest.Wait()
		f.token(t, p)
	})
}

func TestASignInEndsTheReportOfItsAccessToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store := newForge(t), tokenprovidertest.NewStore()
		p := f.replica(t, store)
		alone := *f.signIn("ann")
		alone.RefreshToken = ""
		require.NoError(t, p.Set(t.Context(), &alone))
		token := f.token(t, p)
		time.Sleep(time.Minute)
		require.True(t, p.Invalidate(token))
		f.token(t, p) // a report is a claim
		require.NoError(t, p.Set(t.Context(), &alone))
		f.token(t, p)
		require.Equal(t, tokenprovider.StateFresh, p.Status().State)
	})
}
