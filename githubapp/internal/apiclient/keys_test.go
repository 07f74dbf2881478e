package apiclient_test

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/internal/apiclient"
	"github.com/molecule-ai/provisionkit/githubapp/internal/appkey"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// ring returns keys that sign as those functions do, or as they should for nil.
func ring(t *testing.T, signs ...func() error) *appkey.Ring {
	t.Helper()
	var keys []*appkey.Key
	for n, sign := range signs {
		key, err := appkey.New(signer{testutil.RSASigner(t, n), sign})
		require.NoError(t, err)
		keys = append(keys, key)
	}
	return appkey.NewRing(keys)
}

// signer is a crypto.Signer that may fail.
type signer struct {
	crypto.Signer
	fails func() error
}

func (s signer) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.fails != nil {
		if err := s.fails(); err != nil {
			return nil, err
		}
	}
	return s.Signer.Sign(random, digest, opts)
}

func TestASignerThatFailsOrHangsMeansTheNextKey(t *testing.T) {
	testutil.RSAKey(t, 1) // real time to make
	for name, fails := range map[string]func() error{
		"fails": func() error { return errors.New("kms: throttled") },
		"hangs": func() error { time.Sleep(24 * time.Hour); return errors.New("late") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				called := 0
				counted := func() error { called++; return fails() }
				config := config(t, "https://api.github.com", &http.Client{Transport: answers(func() (int, string) { return 200, "" })})
				config.Keys = ring(t, counted, nil)
				c := apiclient.New(config)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					_, err := c.Do(t.Context(), lookup)
					require.NoError(t, err)
				}
				require.Equal(t, 1, called, "the one that signs stays in use")
				time.Sleep(24 * time.Hour)
			})
		})
	}
}

func TestADeletedKeyCostsTenRequestsAnHourHoweverManyAsk(t *testing.T) {
	testutil.RSAKey(t, 1) // real time to make
	for _, keys := range []int{1, 2} {
		t.Run(fmt.Sprint(keys, " keys"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests, good := 0, false
				config := config(t, "https://api.github.com", &http.Client{Transport: answers(func() (int, string) {
					if requests++; good {
						return 200, ""
					}
					return 401, "A JSON web token could not be decoded"
				})})
				config.Keys = ring(t, make([]func() error, keys)...)
				c := apiclient.New(config)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					for range 100 {
						_, err := c.Do(t.Context(), lookup)
						failure, ok := errors.AsType[*apiclient.Error](err)
						require.True(t, ok)
						require.Equal(t, tokenprovider.CodeUnauthenticated, failure.Code)
					}
				}
				require.LessOrEqual(t, requests, 10)
				good = true
				time.Sleep(15 * time.Minute)
				_, err := c.Do(t.Context(), lookup)
				require.NoError(t, err, "it is found out that the key is good again")
			})
		})
	}
}

func TestAKeyFileThatChangedEndsTheHold(t *testing.T) {
	pems := [][]byte{testutil.RSAKeyPEM(t, 0), testutil.RSAKeyPEM(t, 1)} // real time to make
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.pem")
		require.NoError(t, os.WriteFile(file, pems[0], 0o600))
		status := 401
		config := config(t, "https://api.github.com", &http.Client{Transport: answers(func() (int, string) {
			return status, "Integration must generate a public key"
		})})
		var err error
		config.Keys, err = appkey.OpenRing(file)
		require.NoError(t, err)
		c := apiclient.New(config)
		old, _, err := c.JWT(t.Context())
		require.NoError(t, err)
		_, err = c.Do(t.Context(), lookup)
		require.ErrorContains(t, err, "make a private key on the app's settings page")
		status = 200
		time.Sleep(2 * time.Second)
		_, err = c.Do(t.Context(), lookup)
		require.ErrorContains(t, err, "held back")
		require.NoError(t, os.WriteFile(file, pems[1], 0o600))
		time.Sleep(2 * time.Second)
		_, err = c.Do(t.Context(), lookup)
		require.NoError(t, err)
		fresh, _, err := c.JWT(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, old, fresh)
	})
}
