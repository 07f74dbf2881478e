package tokenhttp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// Admit says at each request for how long a bearer is good. What a workspace got
// before its present start is refused: a restart leaves it in a shell, a
// snapshot in an image. A bearer knows the second of its issue, so the start is
// cut to seconds as well, and is noted before the environment is made. An
// administrator may act for a workspace at any time.
func ExampleOptions_admit() {
	startedAt := map[string]time.Time{} // the platform's own record; gone with the workspace
	admit := func(_ context.Context, p tokenhttp.Principal) error {
		started, exists := startedAt[p.WorkspaceID]
		switch {
		case p.Admin:
			return nil
		case !exists, p.IssuedAt.Before(started.Truncate(time.Second)):
			return tokenhttp.ErrForbidden
		}
		return nil
	}
	key, err := tokenhttp.NewWorkspaceKey(exampleSecret)
	if err != nil {
		panic(err)
	}
	handler, err := tokenhttp.NewHandler(tokenhttp.One(examplePlugin{}), key, &tokenhttp.Options{Admit: admit})
	if err != nil {
		panic(err)
	}
	mutator, err := handler.Mutator(tokenhttp.MutatorOptions{BaseURL: "https://platform.example", Key: key})
	if err != nil {
		panic(err)
	}
	ask := func(env map[string]string) int {
		r := httptest.NewRequest("GET", env[tokenhttp.EnvURL], nil)
		r.Header.Set("Authorization", "Bearer "+env[tokenhttp.EnvBearer])
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}

	env := map[string]string{}
	startedAt["ws-1"] = time.Now()
	if err := mutator.MutateEnv(context.Background(), "ws-1", env); err != nil {
		panic(err)
	}
	fmt.Println("running:", ask(env))
	startedAt["ws-1"] = time.Now().Add(time.Hour)
	fmt.Println("an hour later, started again:", ask(env))
	delete(startedAt, "ws-1")
	fmt.Println("released:", ask(env))
	// Output:
	// running: 200
	// an hour later, started again: 403
	// released: 403
}
