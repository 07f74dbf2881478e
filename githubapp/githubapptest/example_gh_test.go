package githubapptest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// The real gh talks to the server when its config.yml has the socket's path as
// http_unix_socket, and GH_TOKEN is a token of the server's. Any HTTP client
// that dials the socket does as well; here one asks what `gh auth status` does.
func ExampleServer_ListenUnix() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets") // needs git
	if err != nil {
		log.Fatal(err)
	}
	socket, err := github.ListenUnix()
	if err != nil {
		log.Fatal(err)
	}

	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	query := strings.NewReader(`{"query":"{ viewer { login } repository(owner: \"acme\", name: \"widgets\") { viewerPermission } }"}`)
	req, err := http.NewRequest(http.MethodPost, "http://api.github.com/graphql", query)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "bearer "+mint(github, app))
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var answer json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(answer))

	// Output:
	// {"data":{"viewer":{"login":"app-1001[bot]"},"repository":{"viewerPermission":"WRITE"}}}
}
