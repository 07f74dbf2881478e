package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/oauth2"
)

// forge is what people sign in to, and where a repository is. Beside its name
// and addresses it is two calls of an API that each forge has in its own way.
type forge interface {
	Name() string
	Config() *oauth2.Config
	Approve(device *oauth2.DeviceAuthResponse) // has the person sign in, who may take their time
	Client() *http.Client                      // which trusts the forge
	CertPEM() []byte                           // for git to trust it; nil: it has the certificate of an authority
	GitURL() string
	Username() string // beside a token, in git

	// Person returns whose token the client has.
	Person(ctx context.Context, client *http.Client) (person, error)

	// Propose asks for the branch to be merged.
	Propose(ctx context.Context, client *http.Client, branch, title string) (proposal, error)
}

// proposal is a pull request, or a merge request.
type proposal struct{ page, login string }

// call makes a request of a JSON API. body and into may be nil.
func call(ctx context.Context, client *http.Client, method, url string, body, into any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, req.URL.Path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
