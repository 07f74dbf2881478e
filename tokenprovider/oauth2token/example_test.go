package oauth2token_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprovidertest"
	"golang.org/x/oauth2"
)

// A store of a real platform is durable.
func ExampleNew() {
	forge := httptest.NewServer(exampleForge)
	defer forge.Close()
	p, err := oauth2token.New(configFor(forge.URL+"/oauth/token"), tokenprovidertest.NewStore(), "gitlab/ann",
		oauth2token.Options{SealKeys: sealKeys})
	if err != nil {
		log.Fatal(err)
	}
	_, _, err = p.Token(context.Background())
	fmt.Println(err)

	// What config.Exchange or a device flow returned.
	brought := &oauth2.Token{AccessToken: "first", RefreshToken: "once", Expiry: time.Now().Add(time.Hour)}
	if err := p.Set(context.Background(), brought); err != nil {
		log.Fatal(err)
	}
	token, _, err := p.Token(context.Background())
	fmt.Println(token, err)
	p.Invalidate(token) // the forge refused it
	token, _, err = p.Token(context.Background())
	fmt.Println(token, err)
	// Output:
	// oauth2token: "gitlab/ann": nobody has signed in, or has signed out, or the store lost it: sign in again
	// first <nil>
	// second <nil>
}

func ExampleNewUsers() {
	forge := httptest.NewServer(exampleForge)
	defer forge.Close()
	users, err := oauth2token.NewUsers(configFor(forge.URL+"/oauth/token"), tokenprovidertest.NewStore(), "gitlab",
		oauth2token.Options{SealKeys: sealKeys})
	if err != nil {
		log.Fatal(err)
	}
	if err := users.User("ann").Set(context.Background(), &oauth2.Token{RefreshToken: "once"}); err != nil {
		log.Fatal(err)
	}
	for _, owner := range []string{"ann", "bob"} {
		ctx := tokenprovider.WithWorkspace(context.Background(), tokenprovider.Workspace{ID: "ws-1", Owner: owner})
		token, _, err := users.WorkspaceToken(ctx, "ws-1")
		fmt.Printf("%s: %q, %q\n", owner, token, tokenprovider.CodeOf(err))
	}
	// Output:
	// ann: "second", ""
	// bob: "", "unauthenticated"
}

func ExampleTokenSource() {
	source := oauth2token.TokenSource(tokenprovider.Static("token"))
	t, err := source.Token()
	fmt.Println(t.AccessToken, t.Type(), err)
	// Output: token Bearer <nil>
}

func ExampleFromTokenSource() {
	p := oauth2token.FromTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))
	token, _, err := p.Token(context.Background())
	fmt.Println(token, err)
	// Output: token <nil>
}
