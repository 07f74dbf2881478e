package workspacetest

import (
	"regexp"
	"strings"
	"testing"
)

// Logins are the platform's tokens that gh has, by host: that of GH_TOKEN for
// github.com, and those of a folder of its configuration.
type Logins map[string]string

var loginForm = regexp.MustCompile(`(?m)^"(.+)":\n    oauth_token: "(.+)"$`)

// Logins returns those that a [Program] in gh's place was given; nil for none.
func (g Given) Logins(t testing.TB) Logins {
	t.Helper()
	found := Logins{}
	for _, token := range g.Values("GH_TOKEN") {
		if strings.HasPrefix(token, "ghs_") {
			found["github.com"] = token
		}
	}
	for _, match := range loginForm.FindAllStringSubmatch(g.Config["hosts.yml"], -1) {
		found[match[1]] = match[2]
	}
	if len(found) == 0 {
		return nil
	}
	return found
}
