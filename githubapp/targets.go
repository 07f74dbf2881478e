package githubapp

import (
	"maps"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// target is what is known of an account or a repository.
type target struct {
	info    *InstallationInfo // nil: not found yet
	foundAt time.Time         // wall time
	ttl     time.Duration     // for which it is remembered
	askedAt time.Time         // since when a lookup is under way; zero: none is
	refused refusal           // there is none
}

// fresh reports whether GitHub needn't be asked.
func (t *target) fresh() bool {
	age := time.Since(t.foundAt)
	return t.info != nil && age >= 0 && age < t.ttl // less when the clock was set back
}

// learn remembers what GitHub said of a target, unless there were changes since it
// was asked.
func (a *accounts) learn(account, name string, changes uint64, info *InstallationInfo, absent bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.changes != changes:
	case err == nil:
		t := a.target(name)
		t.info, t.foundAt, t.ttl = info, time.Now().Round(0), repositoryTTL
		if name == account {
			t.ttl = accountTTL
		}
		t.refused.clear()
		a.target(account).refused.clear()
	case conclusive(err) && absent:
		a.target(account).info = nil
		a.target(account).refused.hold(err)
	case conclusive(err):
		a.target(name).info = nil
		a.target(name).refused.hold(err)
	case !appWide(err):
		a.target(name).refused.hold(err)
	}
}

// known returns what GitHub said of a target, or that it isn't to be asked yet,
// and after how many changes; nil and nil when it is to be asked.
func (a *accounts) known(account, name string) (*InstallationInfo, uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[name]
	if t != nil && t.fresh() {
		return t.info, a.changes, nil
	}
	for _, name := range []string{account, name} {
		if t := a.targets[name]; t != nil {
			if err := t.refused.check(); err != nil {
				return nil, a.changes, err
			}
		}
	}
	return nil, a.changes, nil
}

// found returns what was found of a target, however long ago, and for how long
// those who get it wait for a lookup that may be under way; nil for nothing.
func (a *accounts) found(name string) (*InstallationInfo, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[name]
	if t == nil {
		return nil, 0
	}
	if t.askedAt.IsZero() {
		return t.info, staleWait
	}
	return t.info, staleWait - time.Since(t.askedAt)
}

// asks notes that a lookup of a target that was found before is under way since
// then, or with the zero time that none is.
func (a *accounts) asks(name string, since time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.targets[name]; t != nil {
		t.askedAt = since
	}
}

// lacked reports whether the account had no installation when it was asked for
// last.
func (a *accounts) lacked(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.targets[strings.ToLower(account)]
	return t != nil && t.refused.known()
}

// target returns what is known of a target, to be changed. a.mu is held.
func (a *accounts) target(name string) *target {
	if t := a.targets[name]; t != nil {
		return t
	}
	if len(a.targets) >= maxTargets {
		maps.DeleteFunc(a.targets, func(_ string, t *target) bool { return !t.fresh() && t.refused.old() })
	}
	if a.targets == nil || len(a.targets) >= maxTargets {
		a.targets = make(map[string]*target)
	}
	t := &target{}
	a.targets[name] = t
	return t
}

// forget drops what is remembered about an installation, about its account and
// the account's repositories, and which targets weren't found.
func (a *accounts) forget(id int64, account string) {
	account = strings.ToLower(account)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes++
	maps.DeleteFunc(a.targets, func(name string, t *target) bool {
		owner, _, _ := strings.Cut(name, "/")
		return t.info == nil || t.info.ID == id || account != "" && (owner == account || name == enterprises+account)
	})
}

// holds returns what isn't asked for, and until when.
func (a *accounts) holds() (holds []tokenprovider.Hold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, t := range a.targets {
		if until, err := t.refused.held(); err != nil {
			holds = append(holds, tokenprovider.Hold{Subject: name, Code: tokenprovider.CodeOf(err), Until: until})
		}
	}
	return holds
}
