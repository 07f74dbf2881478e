package statuspage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// mint returns a token that expires far away.
func mint(context.Context) (string, time.Time, error) {
	return "example-token", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), nil
}

// A monitor asks without credentials, and learns one word.
func ExampleHealth() {
	registry := provisionhook.NewRegistry()
	health := statuspage.Health(registry)
	ask := func() {
		w := httptest.NewRecorder()
		health.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		fmt.Println(w.Code, w.Body)
	}
	ask()

	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), nil)
	registry.Register(cachedPlugin{tokens})
	ask()
	if _, _, err := tokens.Token(context.Background()); err != nil {
		panic(err)
	}
	ask()
	// Output:
	// 503 {"state":"not_configured"}
	// 200 {"state":"empty"}
	// 200 {"state":"fresh"}
}

// cachedPlugin keeps the tokens of mint fresh, and so has a status.
type cachedPlugin struct{ *tokenprovider.Cache }

func (cachedPlugin) Name() string                                               { return "example" }
func (cachedPlugin) MutateEnv(context.Context, string, map[string]string) error { return nil }

// An operator opens it in a browser and gives the administrator's token as the
// password; a script asks for JSON.
func ExampleNew() {
	registry := provisionhook.NewRegistry()
	registry.Register(cachedPlugin{tokenprovider.NewCache(tokenprovider.Func(mint), nil)})
	admin, err := tokenhttp.AdminToken("an-admin-token")
	if err != nil {
		panic(err)
	}
	status, err := statuspage.New(registry, admin)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /admin/status", status)

	browser := httptest.NewRequest("GET", "/admin/status", nil)
	browser.SetBasicAuth("operator", "an-admin-token")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, browser)
	fmt.Println(w.Code, w.Header().Get("Content-Type"))

	script := httptest.NewRequest("GET", "/admin/status", nil)
	script.Header.Set("Authorization", "Bearer an-admin-token")
	script.Header.Set("Accept", "application/json")
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, script)
	var report struct {
		State    tokenprovider.State
		Mutators []struct {
			Name   string
			Status tokenprovider.Status
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		panic(err)
	}
	fmt.Println(report.State, report.Mutators[0].Name, report.Mutators[0].Status.Mints)
	// Output:
	// 200 text/html; charset=utf-8
	// empty example 0
}
