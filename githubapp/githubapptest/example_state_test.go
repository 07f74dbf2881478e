package githubapptest_test

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// probe returns the status that a token gets.
func probe(github *githubapptest.Server, token string) int {
	req, err := http.NewRequest(http.MethodGet, github.URL+"/installation/repositories", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := github.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A token lives an hour, and the server's clock takes the test there. A client
// finds out what time it is from Date.
func ExampleServer_SetClockOffset() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets")
	if err != nil {
		log.Fatal(err)
	}

	token := mint(github, app)
	github.SetClockOffset(59 * time.Minute)
	fmt.Println("after 59 minutes:", probe(github, token))
	github.SetClockOffset(61 * time.Minute)
	fmt.Println("after 61 minutes:", probe(github, token))
	// Output:
	// after 59 minutes: 200
	// after 61 minutes: 401
}

// The log says what was asked, with which kind of credential, and of whose
// token; a test hands in t.Errorf for breaches.
func ExampleServer_Requests() {
	github, err := githubapptest.NewServer(&githubapptest.Options{
		OnBreach: func(r githubapptest.Request) { fmt.Printf("breach: %s %s: %s\n", r.Method, r.Path, r.Breach) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets")
	if err != nil {
		log.Fatal(err)
	}

	token := mint(github, app)
	probe(github, token)
	if resp, err := github.Client().Get(github.URL + "/app"); err == nil { // forgets who it is
		resp.Body.Close()
	}
	for _, r := range github.Requests() {
		fmt.Println(r.Method, r.Path, r.AuthScheme, r.Status, r.InstallationID == app.InstallationID)
	}
	// Output:
	// breach: GET /app: no credentials, where an app's JWT is needed
	// POST /app/installations/1002/access_tokens Bearer 201 true
	// GET /installation/repositories Bearer 200 true
	// GET /app  401 false
}

// The real git clones from the server, with a token as the password of
// x-access-token. Here a credential helper of one line hands it over; a program
// under test would be in its place.
func ExampleServer_AddRepository() {
	github, err := githubapptest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer github.Close()
	app, err := github.SetUp("acme/widgets") // calls AddRepository
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	git := exec.Command("git", "clone", "--quiet", app.GitURLs[0], filepath.Join(dir, "widgets"))
	git.Env = []string{ // nothing of the machine's configuration
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=credential.helper",
		`GIT_CONFIG_VALUE_0=!f() { echo username=x-access-token; echo "password=$TOKEN"; }; f`,
		"TOKEN=" + mint(github, app),
	}
	if out, err := git.CombinedOutput(); err != nil {
		log.Fatalf("%v: %s", err, out)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "widgets", "README.md"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(readme))
	requests := github.Requests()
	for _, r := range []githubapptest.Request{requests[1], requests[len(requests)-1]} { // after the mint git's first, and its last
		fmt.Println(r.GitService, r.AuthScheme, r.Status)
	}
	// Output:
	// # widgets
	// git-upload-pack  401
	// git-upload-pack Basic 200
}
