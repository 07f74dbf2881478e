package githubapptest

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"time"
)

// App is a GitHub App that the server knows.
type App struct {
	ID       int64            // above zero
	ClientID string           // the issuer that GitHub recommends; "" means Iv23li and the ID
	Slug     string           // the name in URLs; "" means app- and the ID
	Keys     []*rsa.PublicKey // any of them may sign; GitHub allows 25

	// ClientSecret is the app's secret for people's sign-ins. "" means that it
	// has none; then only the device flow works.
	ClientSecret string

	// CallbackURLs are the URLs to which people may be sent back after a
	// sign-in; the first is the default. Without any, every URL is allowed.
	CallbackURLs []string

	// Permissions are those of installations that name none of their own: by
	// name, read, write or admin. Nil means contents: write. metadata: read is
	// always added, as GitHub does.
	Permissions map[string]string
}

type app struct {
	App
	createdAt time.Time
	rotated   bool // it had other keys

	lastingTokens bool // its user access tokens don't expire
}

// AddApp adds a, or replaces the app with its ID. It panics if a has no ID, no
// key, or a permission that GitHub doesn't have.
func (s *Server) AddApp(a App) {
	if a.ID <= 0 {
		panic(fmt.Sprintf("githubapptest: AddApp: ID %d is not above zero", a.ID))
	}
	requireKeys("AddApp", a.Keys)
	if a.ClientID == "" {
		a.ClientID = fmt.Sprintf("Iv23li%014d", a.ID)
	}
	if a.Slug == "" {
		a.Slug = fmt.Sprintf("app-%d", a.ID)
	}
	if a.Permissions == nil {
		a.Permissions = map[string]string{"contents": "write"}
	}
	a.Permissions = grantable("AddApp", a.Permissions)
	a.Keys, a.CallbackURLs = slices.Clone(a.Keys), slices.Clone(a.CallbackURLs)
	s.mu.Lock()
	defer s.mu.Unlock()
	added := &app{App: a, createdAt: time.Now().Add(s.clockOffset)}
	if old := s.apps[a.ID]; old != nil {
		added.lastingTokens = old.lastingTokens
	}
	s.apps[a.ID] = added
	s.nextID = max(s.nextID, a.ID)
}

// RotateKeys replaces the public keys of an app. JWTs that another key signed
// are refused from now on; tokens live on. With no key all of the app's are
// deleted, and it is told to make one. It panics when the app is unknown.
func (s *Server) RotateKeys(appID int64, keys ...*rsa.PublicKey) {
	if len(keys) > 0 {
		requireKeys("RotateKeys", keys)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.apps[appID]
	if !ok {
		panic(fmt.Sprintf("githubapptest: RotateKeys: app %d was not added", appID))
	}
	rotated := *a
	rotated.Keys, rotated.rotated = slices.Clone(keys), true
	s.apps[appID] = &rotated
}

// maxKeys is how many private keys an app may have.
const maxKeys = 25

func requireKeys(caller string, keys []*rsa.PublicKey) {
	if len(keys) == 0 || slices.Contains(keys, nil) {
		panic("githubapptest: " + caller + ": an app needs at least one public key, and none may be nil")
	}
	if len(keys) > maxKeys {
		panic(fmt.Sprintf("githubapptest: %s: %d keys, and GitHub allows %d", caller, len(keys), maxKeys))
	}
}

// grantable returns a copy of permissions with metadata: read added. It panics
// on a name or level that GitHub doesn't have.
func grantable(caller string, permissions map[string]string) map[string]string {
	for name, level := range permissions {
		if !validPermission(name, level) {
			panic(fmt.Sprintf("githubapptest: %s: GitHub has no permission %q with level %q", caller, name, level))
		}
	}
	granted := maps.Clone(permissions)
	if granted["metadata"] == "" {
		granted["metadata"] = "read"
	}
	return granted
}

// appByIssuer finds an app by what a JWT's iss may be: its client ID, or its ID
// as text.
func (s *Server) appByIssuer(issuer string) (*app, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if issuer == a.ClientID || issuer == fmt.Sprint(a.ID) {
			return a, true
		}
	}
	return nil, false
}
