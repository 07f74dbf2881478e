package githubapptest_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// An app, its installation and a repository are ready in one call. The client
// here is a plain HTTP client, as short as one can be; yours takes its place.
func Example() {
	github, err := githubapptest.NewServer(&githubapptest.Options{TokenLife: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets") // needs git
	if err != nil {
		log.Fatal(err)
	}

	token := mint(github, app)
	req, err := http.NewRequest(http.MethodGet, github.URL+"/installation/repositories", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := github.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Repositories []struct {
			FullName string `json:"full_name"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the token reaches", list.Repositories[0].FullName)
	for _, r := range github.Requests() {
		fmt.Println(r.Method, r.Path, r.Status)
	}
	fmt.Println("tokens minted:", github.Mints())

	// Output:
	// the token reaches acme/widgets
	// POST /app/installations/1002/access_tokens 201
	// GET /installation/repositories 200
	// tokens minted: 1
}

// mint asks for a token as the app.
func mint(github *githubapptest.Server, app *githubapptest.Setup) string {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(app.PrivateKey())
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	identity, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": app.ClientID, "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(9 * time.Minute).Unix(),
	}).SignedString(key)
	if err != nil {
		log.Fatal(err)
	}
	url := fmt.Sprintf("%s/app/installations/%d/access_tokens", github.URL, app.InstallationID)
	req, err := http.NewRequest(http.MethodPost, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+identity)
	resp, err := github.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var minted struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&minted); err != nil {
		log.Fatal(err)
	}
	return minted.Token
}

// An app with a key of the test's own, installed on two accounts with different
// permissions. This needs no git: the repositories named exist for the API.
func ExampleServer_AddInstallation() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()

	key := newKey() // *rsa.PrivateKey; the client gets it
	github.AddApp(githubapptest.App{ID: 1, ClientID: "Iv23liEXAMPLE", Keys: []*rsa.PublicKey{&key.PublicKey}})
	github.AddInstallation(githubapptest.Installation{
		ID: 10, AppID: 1, Account: "acme", Repositories: []string{"acme/widgets", "acme/gadgets"},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	github.AddInstallation(githubapptest.Installation{
		ID: 20, AppID: 1, Account: "alice", AccountType: "User", // all of her repositories
		Permissions: map[string]string{"contents": "read"},
	})
	github.Suspend(20, true) // as its owner may do at any time
	fmt.Println("ready; tokens minted so far:", github.Mints())
	// Output: ready; tokens minted so far: 0
}

// The first mint hits a rate limit, the second a page of HTML, and each one
// after that takes half a second.
func ExampleServer_Fail() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()

	const mints = "/app/installations/*/access_tokens"
	github.Fail(githubapptest.Rule{Path: mints, Times: 1, Fault: githubapptest.SecondaryLimit(403, 30*time.Second)})
	github.Fail(githubapptest.Rule{Path: mints, Times: 1, Fault: githubapptest.HTML(502)})
	stop := github.Fail(githubapptest.Rule{Path: mints, Fault: githubapptest.Delay(500 * time.Millisecond)})
	defer stop()

	for range 2 {
		resp, err := github.Client().Post(github.URL+"/app/installations/10/access_tokens", "application/json", nil)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	// Output:
	// 403 30
	// 502
}
