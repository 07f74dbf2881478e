package githubapptest

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

// Fault makes a request go wrong. It answers in place of the server, or calls
// next, which is the server's own handler, and alters its answer. This package
// has a Fault for everything that GitHub is known to do; a test can write
// others.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Rule says which requests go wrong, and how.
type Rule struct {
	Method string // "" means any
	// Path is a pattern of [path.Match] for the path without /api/v3, where a *
	// stands for what is between two slashes; a pattern that ends in /**
	// matches whatever begins so. "" means any path, git's too.
	Path  string
	Match func(r *http.Request) bool // a further condition; nil means none. It must not read the body.

	Skip  int // how many matching requests are served before the rule begins
	Every int // from then on every Every-th goes wrong; 0 and 1 mean each
	Times int // how many go wrong until the rule is spent; 0 means no end

	Fault Fault // must be set
}

// Fail makes requests go wrong from now on, until stop is called or the rule is
// spent. Of several rules that match, the oldest takes effect, so rules with
// Times form a script. It panics on a rule without a Fault or with a malformed
// Path.
func (s *Server) Fail(rule Rule) (stop func()) {
	if rule.Fault == nil {
		panic("githubapptest: Fail: the rule has no Fault")
	}
	if _, err := path.Match(rule.Path, ""); err != nil {
		panic("githubapptest: Fail: Path " + rule.Path + ": " + err.Error())
	}
	return s.rules.add(rule)
}

// ruleList holds the rules in force.
type ruleList struct {
	mu    sync.Mutex
	rules []*activeRule
}

type activeRule struct {
	Rule
	seen, failed int // guarded by the list's mutex
}

func (l *ruleList) add(rule Rule) (stop func()) {
	active := &activeRule{Rule: rule}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules = append(slices.Clip(l.rules), active)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rules = slices.DeleteFunc(slices.Clone(l.rules), func(r *activeRule) bool { return r == active })
	}
}

// pick returns the fault for r, and nil for none.
func (l *ruleList) pick(r *http.Request) Fault {
	l.mu.Lock()
	rules := l.rules // never changed in place
	l.mu.Unlock()
	for _, rule := range rules {
		if rule.matches(r) && l.take(rule) {
			return rule.Fault
		}
	}
	return nil
}

func (rule *Rule) matches(r *http.Request) bool {
	if rule.Method != "" && !strings.EqualFold(rule.Method, r.Method) {
		return false
	}
	if rule.Path != "" {
		prefix, open := strings.CutSuffix(rule.Path, "/**")
		candidate := r.URL.Path
		if open { // as many segments of the path as the pattern has
			if parts := strings.Split(candidate, "/"); len(parts) > strings.Count(prefix, "/")+1 {
				candidate = strings.Join(parts[:strings.Count(prefix, "/")+1], "/")
			} else {
				return false
			}
		}
		if ok, _ := path.Match(prefix, candidate); !ok {
			return false
		}
	}
	return rule.Match == nil || rule.Match(r)
}

// take counts a matching request and tells whether it goes wrong.
func (l *ruleList) take(rule *activeRule) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	rule.seen++
	n := rule.seen - rule.Skip
	if n <= 0 || (rule.Times > 0 && rule.failed >= rule.Times) || (rule.Every > 1 && n%rule.Every != 0) {
		return false
	}
	rule.failed++
	return true
}
