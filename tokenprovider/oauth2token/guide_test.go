package oauth2token_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/oauth2token"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"
)

// AtGitLab is an application of GitLab's, which may read and write what its people may.
func AtGitLab(clientID, secret string) *oauth2.Config {
	config := &oauth2.Config{
		ClientID: clientID, ClientSecret: secret, Endpoint: endpoints.GitLab,
		RedirectURL: "https://platform.example/sign-in/back", Scopes: []string{"read_repository", "write_repository"},
	}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	return config
}

// Users is the plugin that has a token for each owner of workspaces.
func Users(config *oauth2.Config, store tokenprovider.Store, sealKey []byte) (*oauth2token.Users, error) {
	return oauth2token.NewUsers(config, store, "gitlab", oauth2token.Options{SealKeys: [][]byte{sealKey}})
}

// Endpoint serves each workspace the token of its owner, and git the user name that GitLab wants with it.
func Endpoint(registry *provisionhook.Registry, auth tokenhttp.Authenticator, owner func(workspaceID string) string) (*tokenhttp.Handler, error) {
	return tokenhttp.NewHandler(tokenhttp.PerWorkspace(registry), auth, &tokenhttp.Options{
		Workspace: func(_ context.Context, id string) (tokenprovider.Workspace, error) {
			return tokenprovider.Workspace{ID: id, Owner: owner(id)}, nil
		},
		Hosts: []string{"gitlab.com"}, Username: "oauth2",
	})
}

// SignIn has the page that sends a person to the forge, and the one that the forge sends them back to. person says who they are.
func SignIn(config *oauth2.Config, users *oauth2token.Users, person func(*http.Request) string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		state, verifier := rand.Text(), oauth2.GenerateVerifier()
		http.SetCookie(w, &http.Cookie{
			Name: "sign-in", Value: state + "." + verifier, Path: "/sign-in", MaxAge: 600,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusFound)
	})
	mux.HandleFunc("GET /sign-in/back", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("sign-in")
		if err != nil {
			http.Error(w, "begin at /sign-in", http.StatusBadRequest)
			return
		}
		state, verifier, _ := strings.Cut(cookie.Value, ".")
		if state == "" || r.FormValue("state") != state {
			http.Error(w, "somebody else began this: begin at /sign-in", http.StatusBadRequest)
			return
		}
		token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(verifier))
		if err != nil { // its text holds the forge's answer
			http.Error(w, "the forge refused: begin at /sign-in again", http.StatusBadGateway)
			return
		}
		if err := users.User(person(r)).Set(r.Context(), token); err != nil {
			http.Error(w, "it can't be stored at the moment: begin at /sign-in again", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return mux
}
