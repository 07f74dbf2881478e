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
func ExampleClient_certificate() {
	auth, err := tokenhttp.AdminToken("the-bearer")
	if err != nil {
		panic(err)
	}
	source := tokenhttp.One(tokenprovider.Static("example-token"))
	handler, err := tokenhttp.NewHandler(source, auth, nil)
	if err != nil {
		panic(err)
	}
	platform := httptest.NewTLSServer(handler)
	defer platform.Close()

	transport := http.DefaultTransport.(*http.Transport).Clone()
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
