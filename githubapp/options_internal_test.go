package githubapp

import (
	"net/http"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestADeadConnectionIsFoundOutBeforeAMintTimesOut(t *testing.T) {
	for _, timeout := range []time.Duration{0, -time.Minute, time.Second, time.Minute} {
		opts, err := Options{
			AppID: 1, PrivateKey: testutil.RSAKeyPEM(t, 0), Cache: tokenprovider.CacheOptions{MintTimeout: timeout},
		}.withDefaults()
		require.NoError(t, err)
		transport, ok := opts.HTTPClient.Transport.(*http.Transport)
		require.True(t, ok)
		require.NotNil(t, transport.OnProxyConnectResponse, "a proxy that refuses is named")
		require.Equal(t, opts.MaxConcurrentMints, transport.MaxIdleConnsPerHost, "none is made anew for each mint of a burst")
		require.NotNil(t, transport.HTTP2)
		require.Positive(t, transport.HTTP2.SendPingTimeout)
		require.Positive(t, transport.HTTP2.PingTimeout)
		require.Less(t, transport.HTTP2.SendPingTimeout+transport.HTTP2.PingTimeout, opts.Cache.MintTimeout)
	}
}

func TestAnEscapedSlashStaysInBaseURLWithoutTheLastOne(t *testing.T) {
	u, err := parseBaseURL("https://ghe.example/a%2Fb/")
	require.NoError(t, err)
	require.Equal(t, "https://ghe.example/a%2Fb", u.String())
}
