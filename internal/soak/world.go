package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/sleep"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/redis/go-redis/v9"
)

const (
	installations = 4
	replicas      = 3

	mintTimeout = 5 * time.Second
	httpTimeout = 20 * time.Second
	gitTimeout  = time.Minute
)

// world is the whole system: GitHub, the platform with its store, and the
// workspaces.
type world struct {
	config  config
	dir     string
	began   time.Time
	journal *journal
	history *history
	tally   *tally

	forge        *forge
	certificate  string // of the forge, in a file
	authority    authority
	redis        *redisPair
	replicas     []*replica
	sealKey      []byte
	workspaceKey []byte
	endpoints    *http.Transport // to the replicas, for the workspaces that speak HTTP, and to their gateways

	turns      sync.Map // of faults that can't overlap, a *sync.Mutex for each victim
	workspaces []*workspace
	admitted   sync.Map // those that run, by id
	minted     sync.Map // each token that a replica got, by its SHA-256
	idle       sync.RWMutex
}

// newWorld makes everything but the workspaces' work.
func newWorld(ctx context.Context, c config, j *journal) (_ *world, err error) {
	w := &world{
		config: c, began: time.Now(), journal: j, history: &history{}, tally: newTally(),
		sealKey: random(32), workspaceKey: random(32), endpoints: wire.NewTransport(),
	}
	w.endpoints.MaxIdleConnsPerHost = 32
	j.secret(string(w.sealKey), string(w.workspaceKey))
	redis.SetLogger(j)
	if w.dir, err = os.MkdirTemp("", "soak-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.redis, err = newRedisPair(ctx, w.dir); err != nil {
		return nil, err
	}
	if w.forge, err = newForge(c.life, filepath.Join(w.dir, "app.pem")); err != nil {
		return nil, err
	}
	w.certificate = filepath.Join(w.dir, "github.pem")
	if err = os.WriteFile(w.certificate, w.forge.CertPEM(), 0o600); err != nil {
		return nil, err
	}
	if w.authority, err = newAuthority(w.dir); err != nil {
		return nil, err
	}
	w.endpoints.TLSClientConfig = &tls.Config{RootCAs: w.authority.roots}
	command, err := buildCommand(ctx, w.dir)
	if err != nil {
		return nil, err
	}
	if err = w.populate(); err != nil {
		return nil, err
	}
	for range replicas {
		r, err := newReplica(w, command)
		if err != nil {
			return nil, err
		}
		w.replicas = append(w.replicas, r)
		if err := r.start(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// populate makes the workspaces and their repositories: those for git on disk,
// the others for the API alone.
func (w *world) populate() error {
	var of [installations][]string
	for n := range w.config.workspaces {
		ws := newWorkspace(w, n)
		w.workspaces = append(w.workspaces, ws)
		of[ws.installation] = append(of[ws.installation], ws.repository())
		if ws.git {
			if _, err := w.forge.AddRepository(ws.repository()); err != nil {
				return err
			}
		}
	}
	for n, repositories := range of {
		w.forge.install(n, repositories)
	}
	return nil
}

// buildCommand builds git's credential helper as it is shipped.
func buildCommand(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "git-credential-provisionkit")
	build := exec.CommandContext(ctx, "go", "build", "-o", path,
		"github.com/molecule-ai/provisionkit/tokenprovider/workspace/git-credential-provisionkit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command, in the folder of this module: %w\n%s", err, said)
	}
	return path, nil
}

// work lets all workspaces work until ctx ends.
func (w *world) work(ctx context.Context) (wait func()) {
	var all sync.WaitGroup
	w.began = time.Now()
	all.Go(func() { w.watch(ctx) })
	for _, ws := range w.workspaces {
		all.Go(func() { ws.run(ctx) })
	}
	all.Go(func() {
		for sleep.For(ctx, time.Second) {
			w.forge.ForgetRequests() // they are of no use here, and grow
			w.minted.Range(func(key, minted any) bool {
				if time.Since(minted.(token).minted) > 3*w.config.life {
					w.minted.Delete(key)
				}
				return true
			})
		}
	})
	return all.Wait
}

// close ends everything that newWorld began. What isn't there yet is left out.
func (w *world) close() {
	for _, r := range slices.Backward(w.replicas) {
		r.close()
	}
	w.endpoints.CloseIdleConnections()
	if w.forge != nil {
		w.forge.Close()
	}
	if w.redis != nil {
		w.redis.kill()
	}
	_ = os.RemoveAll(w.dir)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
