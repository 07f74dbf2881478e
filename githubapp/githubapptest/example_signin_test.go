package githubapptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// A person signs in to an app by the device flow, and the app is told on GitHub
// who they are.
func ExampleServer_Approve() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets")
	if err != nil {
		panic(err)
	}
	github.AddUser(githubapptest.User{Login: "alice", Access: map[string]string{"acme/widgets": "write"}})

	ask := func(req *http.Request) (answer map[string]any) {
		req.Header.Set("Accept", "application/json")
		resp, err := github.Client().Do(req)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			panic(err)
		}
		return answer
	}
	post := func(path string, form url.Values) map[string]any {
		form.Set("client_id", app.ClientID)
		req, _ := http.NewRequest("POST", github.URL+path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return ask(req)
	}

	device := post("/login/device/code", url.Values{})
	// The person reads device["user_code"] and enters it at
	// device["verification_uri"].
	if err := github.Approve(device["user_code"].(string), "alice"); err != nil {
		panic(err)
	}
	token := post("/login/oauth/access_token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {device["device_code"].(string)},
	})
	fmt.Println("expires in", token["expires_in"], "seconds")

	req, _ := http.NewRequest("GET", github.URL+"/user", nil)
	req.Header.Set("Authorization", "Bearer "+token["access_token"].(string))
	fmt.Println("signed in as", ask(req)["login"])
	// Output:
	// expires in 28800 seconds
	// signed in as alice
}
