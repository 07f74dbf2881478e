package githubapp

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"golang.org/x/sync/singleflight"
)

// How long what GitHub said about a target is the answer. An installation that is known no longer is forgotten earlier,
// by a webhook or by the first mint that says so.
const (
	foundTTL   = 10 * time.Minute
	missingTTL = 30 * time.Second // for every failure that isn't Retryable
	failureTTL = time.Second
)

// maxFound bounds how many targets are remembered.
const maxFound = 10_000

// finder remembers which installation is on which target, so that lookups don't use up the app's rate limit. One
// lookup of a target is under way at a time, for all who wait. The zero finder is ready.
type finder struct {
	flights singleflight.Group // of one target and count of changes each

	mu      sync.Mutex
	found   map[string]finding // by target in lower case
	changes uint64             // counts what forget was told: what was asked before may be outdated
}

// finding is what GitHub said about a target.
type finding struct {
	info  *InstallationInfo
	err   error
	until time.Time // wall time
}

// find is what is remembered about target, or what lookup says.
func (f *finder) find(ctx context.Context, target string, lookup func(context.Context) (*InstallationInfo, error)) (*InstallationInfo, error) {
	target = strings.ToLower(target)
	known, changes, ok := f.known(target)
	if ok {
		return known.info.clone(), known.err
	}
	flight := f.flights.DoChan(fmt.Sprint(changes, " ", target), func() (any, error) {
		if known, _, ok := f.known(target); ok { // since the last look
			return known, nil
		}
		return f.ask(context.WithoutCancel(ctx), target, changes, lookup), nil
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return nil, r.Err
		}
		said := r.Val.(finding)
		return said.info.clone(), said.err
	case <-ctx.Done():
		return nil, fmt.Errorf("githubapp: find the installation on %s: %w", target, ctx.Err())
	}
}

// known is what is remembered about target, and after how many changes.
func (f *finder) known(target string) (known finding, changes uint64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok = f.found[target]
	left := time.Until(known.until)
	return known, f.changes, ok && left > 0 && left <= foundTTL // more when the clock was set back
}

// ask has GitHub asked. The answer is remembered unless there were changes since.
func (f *finder) ask(ctx context.Context, target string, changes uint64, lookup func(context.Context) (*InstallationInfo, error)) finding {
	info, err := lookup(ctx)
	now := time.Now().Round(0)
	ttl := foundTTL
	if err != nil {
		ttl = missingTTL
		if code := tokenprovider.CodeOf(err); code == tokenprovider.CodeUnavailable || code == tokenprovider.CodeRateLimited {
			ttl = failureTTL
		}
	}
	said := finding{info, err, now.Add(ttl)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changes != changes {
		return said
	}
	if len(f.found) >= maxFound {
		maps.DeleteFunc(f.found, func(_ string, old finding) bool { return !now.Before(old.until) })
	}
	if f.found == nil || len(f.found) >= maxFound {
		f.found = make(map[string]finding)
	}
	f.found[target] = said
	return said
}

// forget drops what is remembered about an installation, about its account and the account's repositories, and which
// targets weren't found.
func (f *finder) forget(id int64, account string) {
	account = strings.ToLower(account)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	maps.DeleteFunc(f.found, func(target string, old finding) bool {
		owner, _, _ := strings.Cut(target, "/")
		return old.err != nil || old.info.ID == id || owner == account
	})
}
