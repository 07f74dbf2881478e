package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

const appID = 1

// forge is a fake GitHub on which mints can go wrong. What workspaces do with
// their tokens goes well but for transfers that are cut, so that any other
// operation that fails has failed for the want of a token.
type forge struct {
	*githubapptest.Server
	keyFile string // the platform's

	rotations sync.Mutex // one at a time

	// A jump of the clock waits for the mints under way: their expiry and their
	// date belong together.
	jumps sync.RWMutex

	mu     sync.Mutex
	wrong  []*fault
	key    *rsa.PrivateKey
	offset time.Duration
	felt   map[kind]int // how often each kind had an effect

	tried atomic.Int64 // requests for a token
}

// newForge returns a GitHub with an app whose key is in keyFile.
func newForge(life time.Duration, keyFile string) (*forge, error) {
	server, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: life})
	if err != nil {
		return nil, err
	}
	f := &forge{Server: server, keyFile: keyFile, felt: map[kind]int{}}
	if f.key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
		err = f.writeKey(f.key)
	}
	if err != nil {
		server.Close()
		return nil, err
	}
	f.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&f.key.PublicKey}})
	f.Fail(githubapptest.Rule{
		Method: http.MethodPost, Path: "/app/installations/*/access_tokens", Fault: f.mint,
	})
	return f, nil
}

// install gives an account its repositories and the app.
func (f *forge) install(n int, repositories []string) {
	f.AddInstallation(githubapptest.Installation{
		ID: installationID(n), AppID: appID, Account: login(n), Repositories: repositories,
	})
}

func login(n int) string         { return fmt.Sprintf("account-%d", n) }
func installationID(n int) int64 { return int64(1001 + n) }

// mint answers a request for a token, as what goes wrong allows.
func (f *forge) mint(w http.ResponseWriter, r *http.Request, next http.Handler) {
	f.tried.Add(1)
	answer := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.jumps.RLock()
		defer f.jumps.RUnlock()
		next.ServeHTTP(w, r)
	}))
	f.mu.Lock()
	for _, is := range f.wrong {
		f.felt[is.kind]++
		spoiled, inner := is.effect(), answer
		answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { spoiled(w, r, inner) })
	}
	f.mu.Unlock()
	answer.ServeHTTP(w, r)
}

// effect returns what f does to a mint.
func (f *fault) effect() githubapptest.Fault {
	switch {
	case f.kind == slow:
		return githubapptest.Delay(f.amount)
	case f.how == primary:
		return githubapptest.PrimaryLimit(http.StatusTooManyRequests, f.amount)
	case f.how == secondary:
		return githubapptest.SecondaryLimit(http.StatusForbidden, f.amount)
	case f.how == byHang:
		return githubapptest.Hang
	case f.how == byDisconnect:
		return githubapptest.Disconnect
	}
	return githubapptest.HTML(http.StatusBadGateway)
}

// spoil lets mints go wrong until mend is called.
func (f *forge) spoil(is fault) (mend func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = append(f.wrong, &is)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.wrong = slices.DeleteFunc(f.wrong, func(other *fault) bool { return other == &is })
	}
}

// cut lets answers to git break off in the middle until mend is called.
func (f *forge) cut() (mend func()) {
	isTransfer := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "-pack") }
	return f.Fail(githubapptest.Rule{
		Method: http.MethodPost, Match: isTransfer,
		Fault: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			f.feel(cut)
			githubapptest.Truncate(w, r, next)
		},
	})
}

// jump moves the clock.
func (f *forge) jump(d time.Duration) {
	f.jumps.Lock()
	defer f.jumps.Unlock()
	f.offset += d
	f.SetClockOffset(f.offset)
}

// rotate replaces the app's key, here and in the platform's file. In between it
// waits, unless both are to change at once.
func (f *forge) rotate(is fault, wait func()) error {
	f.rotations.Lock()
	defer f.rotations.Unlock()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	switch is.how {
	case overlapping:
		f.RotateKeys(appID, &f.key.PublicKey, &key.PublicKey)
	case late:
		f.RotateKeys(appID, &key.PublicKey)
		wait()
	}
	if err := f.writeKey(key); err != nil {
		return err
	}
	if is.how == overlapping {
		wait()
	}
	f.RotateKeys(appID, &key.PublicKey)
	f.key = key
	return nil
}

// writeKey replaces the platform's file by one with key, at once.
func (f *forge) writeKey(key *rsa.PrivateKey) error {
	block := pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	content := pem.EncodeToMemory(&block)
	if err := os.WriteFile(f.keyFile+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(f.keyFile+".new", f.keyFile)
}

// feel notes an effect that showed elsewhere.
func (f *forge) feel(k kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.felt[k]++
}

// effects returns how often a kind had one.
func (f *forge) effects(k kind) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.felt[k]
}
