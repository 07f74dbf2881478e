package fleet_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
)

// request is what GitHub was asked for.
type request int

const (
	sharedMint request = iota // for a scope of many workspaces
	ownMint                   // for one workspace
	failedMint
	lookup
	revocation
	other
	workspaces // their own calls: those that the gateway passed on, and of tokens that were tried
	requests
)

func (r request) String() string {
	return [...]string{"mints for many workspaces", "mints for one", "mints that failed", "lookups", "revocations",
		"others", "the workspaces' own calls"}[r]
}

// traffic counts what GitHub is asked.
type traffic struct {
	began   time.Time
	hours   [][requests]int
	minutes []int           // mints
	ofOne   []map[int64]int // by hour: requests with tokens of one installation
	limited int             // refused for their number
	ofDead  map[*fault]int
}

// count takes what GitHub was asked since the last time.
func (c *traffic) count(github *githubapptest.Server, j *judge) {
	log := github.Requests()
	github.ForgetRequests()
	for _, r := range log {
		since := r.Time.Sub(c.began)
		hour, minute := int(since/time.Hour), int(since/time.Minute)
		for len(c.hours) <= hour {
			c.hours, c.ofOne = append(c.hours, [requests]int{}), append(c.ofOne, map[int64]int{})
		}
		for len(c.minutes) <= minute {
			c.minutes = append(c.minutes, 0)
		}
		is := requestOf(r)
		c.hours[hour][is]++
		switch is {
		case sharedMint, ownMint, failedMint:
			c.minutes[minute]++
		case workspaces, revocation:
			c.ofOne[hour][r.InstallationID]++
		}
		f := j.suspensionOf(r)
		switch {
		case f != nil && is.byTheApp():
			c.ofDead[f]++
		case f == nil && r.Status == http.StatusForbidden:
			c.limited++
		}
	}
}

// byTheApp reports whether it counts towards the app's own limit.
func (r request) byTheApp() bool { return r != revocation && r != workspaces }

func requestOf(r githubapptest.Request) request {
	switch {
	case r.UserAgent == userAgent:
		return workspaces
	case strings.HasSuffix(r.Path, "/access_tokens") && r.Status != http.StatusCreated:
		return failedMint
	case strings.HasSuffix(r.Path, "/access_tokens") && bytes.Contains(r.Body, []byte("pull_requests")):
		return ownMint
	case strings.HasSuffix(r.Path, "/access_tokens"):
		return sharedMint
	case strings.HasSuffix(r.Path, "/installation"), strings.HasPrefix(r.Path, "/app/installations"):
		return lookup
	case r.Method == http.MethodDelete:
		return revocation
	}
	return other
}

// ofApp returns the most requests of the app in an hour.
func (c *traffic) ofApp() (most int) {
	for _, hour := range c.hours {
		sum := 0
		for is, n := range hour {
			if request(is).byTheApp() {
				sum += n
			}
		}
		most = max(most, sum)
	}
	return most
}

// ofAnInstallation returns the most requests with tokens of one installation in
// an hour.
func (c *traffic) ofAnInstallation() (most int) {
	for _, hour := range c.ofOne {
		for _, n := range hour {
			most = max(most, n)
		}
	}
	return most
}

func (c *traffic) mintsInAMinute() (most int) {
	for _, n := range c.minutes {
		most = max(most, n)
	}
	return most
}

// ofADeadInstallation returns the most requests in an hour for an installation
// while it was suspended, of each replica.
func (c *traffic) ofADeadInstallation() (most float64) {
	for f, n := range c.ofDead {
		if f.lasts >= time.Hour {
			most = max(most, float64(n)/f.lasts.Hours()/replicas)
		}
	}
	return most
}

// mintsPerScope returns how many mints a scope of many workspaces took in an
// hour.
func (c *traffic) mintsPerScope(scopes int) float64 {
	sum := 0
	for _, hour := range c.hours {
		sum += hour[sharedMint]
	}
	return float64(sum) / float64(scopes*len(c.hours))
}

// table says what was asked in an hour.
func (c *traffic) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s %9s %9s\n", "requests to GitHub, an hour", "mean", "most")
	for is := range requests {
		sum, most := 0, 0
		for _, hour := range c.hours {
			sum, most = sum+hour[is], max(most, hour[is])
		}
		fmt.Fprintf(&b, "%-28v %9d %9d\n", is, sum/len(c.hours), most)
	}
	return b.String()
}
