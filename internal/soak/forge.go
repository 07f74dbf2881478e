package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

const appID = 1

// forge is a fake GitHub on which mints can go wrong. What workspaces do with their tokens goes well, so that an
// operation that fails has failed for the want of a token.
type forge struct {
	*githubapptest.Server
	keyFile string // the platform's

	rotations sync.Mutex // one at a time

	jumps sync.RWMutex // a jump of the clock waits for the mints under way: their expiry and their date belong together

	mu     sync.Mutex
	wrong  map[int]fault // by the number of the happening
	key    *rsa.PrivateKey
	offset time.Duration
	bit    map[kind]int // how often each kind had an effect
	proofs []kind       // kinds that have had one when the next mint succeeds

	ledger   *ledger
	patience time.Duration // of the platform with a mint
	tried    atomic.Int64  // requests for a token
	minted   atomic.Int64
}

// newForge is a GitHub with an app whose key is in keyFile, installed on each of the accounts.
func newForge(life, patience time.Duration, keyFile string) (*forge, error) {
	server, err := githubapptest.NewServer(&githubapptest.Options{TLS: true, TokenLife: life})
	if err != nil {
		return nil, err
	}
	f := &forge{Server: server, keyFile: keyFile, wrong: map[int]fault{}, bit: map[kind]int{}, ledger: newLedger(), patience: patience}
	if f.key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
		err = f.writeKey(f.key)
	}
	if err != nil {
		server.Close()
		return nil, err
	}
	f.AddApp(githubapptest.App{ID: appID, Keys: []*rsa.PublicKey{&f.key.PublicKey}})
	f.Fail(githubapptest.Rule{Method: http.MethodPost, Path: "/app/installations/*/access_tokens", Fault: f.mint})
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

// mint is what becomes of a request for a token.
func (f *forge) mint(w http.ResponseWriter, r *http.Request, next http.Handler) {
	f.tried.Add(1)
	of := ownerOf(r)
	late, wrong := f.plan()
	if late > 0 { // the client may give up meanwhile
		f.ledger.failed(of, time.Now().Add(late), false, 0, slow)
		githubapptest.Delay(late)(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, next, of, wrong) }))
		return
	}
	f.answer(w, r, next, of, wrong)
}

// ownerOf is whose token a request is for: the app of each replica has a name, and a token of a workspace's own is
// narrowed to its repository.
func ownerOf(r *http.Request) owner {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var asked struct{ Repositories []string }
	_ = json.Unmarshal(body, &asked)
	o := owner{}
	_, _ = fmt.Sscanf(r.UserAgent(), replicaName, &o.replica)
	id, _ := strconv.Atoi(strings.Split(r.URL.Path, "/")[3])
	o.installation = id - int(installationID(0))
	if len(asked.Repositories) > 0 {
		o.workspace = asked.Repositories[0]
	}
	return o
}

// replicaName is the user agent of a replica.
const replicaName = "soak-replica-%d"

// plan is how late the answer begins and what is wrong with it.
func (f *forge) plan() (late time.Duration, wrong *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, is := range f.wrong {
		f.bit[is.kind]++
		if is.kind == slow {
			late = max(late, is.amount)
			continue
		}
		wrong = &is
	}
	return late, wrong
}

// answer is noted before it leaves, so that nobody acts on it who isn't known to have it.
func (f *forge) answer(w http.ResponseWriter, r *http.Request, next http.Handler, of owner, wrong *fault) {
	if wrong != nil {
		f.refuse(w, r, next, of, wrong)
		return
	}
	f.jumps.RLock()
	defer f.jumps.RUnlock()
	next.ServeHTTP(&noted{w, func(status int) {
		switch status {
		case http.StatusCreated:
			f.ledger.minted(of, time.Now())
			f.minted.Add(1)
			f.prove()
		case http.StatusForbidden:
			f.ledger.failed(of, time.Now(), true, 0, suspended)
			f.felt(suspended)
		case http.StatusUnauthorized: // most often followed by a request with another key, or by another clock
			f.ledger.failed(of, time.Now(), true, 0, rotated)
		}
	}}, r)
}

func (f *forge) refuse(w http.ResponseWriter, r *http.Request, next http.Handler, of owner, wrong *fault) {
	switch now := time.Now(); {
	case wrong.kind == limited && wrong.how == primary:
		f.ledger.failed(of, now, false, wrong.amount+skew, limited) // the time of the reset has whole seconds of another clock
		githubapptest.PrimaryLimit(http.StatusTooManyRequests, wrong.amount)(w, r, next)
	case wrong.kind == limited:
		f.ledger.failed(of, now, false, wrong.amount, limited)
		githubapptest.SecondaryLimit(http.StatusForbidden, wrong.amount)(w, r, next)
	case wrong.how == byHang:
		f.ledger.failed(of, now.Add(f.patience), false, 0, down)
		githubapptest.Hang(w, r, next)
	case wrong.how == byDisconnect:
		f.ledger.failed(of, now, false, 0, down)
		githubapptest.Disconnect(w, r, next)
	default:
		f.ledger.failed(of, now, false, 0, down)
		githubapptest.HTML(http.StatusBadGateway)(w, r, next)
	}
}

// noted tells of the status of an answer before it leaves.
type noted struct {
	http.ResponseWriter
	tell func(status int)
}

func (n *noted) WriteHeader(status int) {
	n.tell(status)
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// prove notes that a mint succeeded after what it depended on was changed.
func (f *forge) prove() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.proofs {
		f.bit[k]++
	}
	f.proofs = nil
}

// felt notes an effect that showed elsewhere.
func (f *forge) felt(k kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bit[k]++
}

// effects is how often each kind had one.
func (f *forge) effects(k kind) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bit[k]
}
