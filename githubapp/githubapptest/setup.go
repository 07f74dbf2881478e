package githubapptest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Setup is an app with a key of its own, installed on an account that has
// repositories.
type Setup struct {
	AppID          int64
	ClientID       string
	Slug           string
	InstallationID int64
	GitURLs        []string // of the repositories, in the order given

	key    *rsa.PrivateKey // behind a pointer, so that printing a Setup doesn't print it
	secret *string
}

// SetUp adds the repositories (owner/name, all of one owner), a new app with a
// key, and an installation of the app on the owner, an organisation, for
// exactly these repositories with contents: write.
func (s *Server) SetUp(repositories ...string) (*Setup, error) {
	if len(repositories) == 0 {
		return nil, errors.New("githubapptest: SetUp needs at least one repository")
	}
	account, _, _ := strings.Cut(repositories[0], "/")
	for _, fullName := range repositories {
		if owner, _, _ := strings.Cut(fullName, "/"); !strings.EqualFold(owner, account) {
			return nil, fmt.Errorf("githubapptest: SetUp: %q is not of %q, and an installation is of one account",
				fullName, account)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("githubapptest: SetUp: make a key: %w", err)
	}
	ready := &Setup{
		AppID: s.newID(), InstallationID: s.newID(), key: key, secret: new(randomText("", "0123456789abcdef", 40)),
	}
	for _, fullName := range repositories {
		gitURL, err := s.AddRepository(fullName)
		if err != nil {
			return nil, err
		}
		ready.GitURLs = append(ready.GitURLs, gitURL)
	}
	s.AddApp(App{ID: ready.AppID, Keys: []*rsa.PublicKey{&key.PublicKey}, ClientSecret: *ready.secret})
	s.mu.Lock()
	ready.ClientID, ready.Slug = s.apps[ready.AppID].ClientID, s.apps[ready.AppID].Slug
	s.mu.Unlock()
	s.AddInstallation(Installation{
		ID: ready.InstallationID, AppID: ready.AppID, Account: account, Repositories: repositories,
	})
	return ready, nil
}

// PrivateKey returns the app's private key in PEM (PKCS#1), as GitHub hands
// keys out.
func (r *Setup) PrivateKey() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(r.key)})
}

// ClientSecret returns the app's client secret, which the sign-in of people
// takes where it isn't by the device flow.
func (r *Setup) ClientSecret() string { return *r.secret }

func (s *Server) newID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	return s.nextID
}
