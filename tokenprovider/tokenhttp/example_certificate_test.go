package tokenhttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// A Client of a platform whose certificate is signed by nobody but itself.
func ExampleNewTransport() {
	handler, err := tokenhttp.NewHandler(func(context.Context, tokenhttp.Principal) (tokenprovider.TokenProvider, error) {
		return tokenprovider.Static("example-token"), nil
	}, tokenhttp.AdminToken("the-bearer"), nil)
	if err != nil {
		panic(err)
	}
	platform := httptest.NewTLSServer(handler)
	defer platform.Close()

	transport := tokenhttp.NewTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	transport.TLSClientConfig.RootCAs.AddCert(platform.Certificate())
	defer transport.CloseIdleConnections()
	client := &tokenhttp.Client{
		URL: platform.URL + "/workspaces/ws-1/token", Bearer: tokenprovider.Static("the-bearer"),
		HTTPClient: &http.Client{Transport: transport},
	}
	token, _, err := client.Token(context.Background())
	fmt.Println(token, err)
	// Output: example-token <nil>
}
