package ghshim

import (
	"strings"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
)

// EnvCodespaces makes gh, as git's helper too, give GITHUB_TOKEN to any host
// (CVE-2024-53858).
const EnvCodespaces = "CODESPACES"

// tokenVariables are the variables from which gh takes a token in place of a
// login: the second if the first is unset.
type tokenVariables struct{ first, second string }

var (
	cloudVariables  = tokenVariables{"GH_TOKEN", "GITHUB_TOKEN"}
	serverVariables = tokenVariables{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
)

// hasOwnToken reports whether the token that gh would take is the person's own:
// not one of those that platforms inject.
func hasOwnToken(p *process.Process, v tokenVariables) bool {
	token := p.Env(v.first)
	if token == "" {
		token = p.Env(v.second)
	}
	return token != "" && !IsInjected(token)
}

// setAside returns the variable from which gh would take an installation token
// and doesn't; "" if there is none. What is in both variables was injected,
// which needs no word: a platform writes both, as exec does.
func (v tokenVariables) setAside(p *process.Process) string {
	first, second := p.Env(v.first), p.Env(v.second)
	switch {
	case first == second:
		return ""
	case IsInjected(first):
		return v.first
	case first == "" && IsInjected(second):
		return v.second
	}
	return ""
}

// withoutInjected returns environ without what platforms inject, and without
// what gh would take only since that is gone.
func withoutInjected(p *process.Process, environ []string) []string {
	for _, v := range []tokenVariables{cloudVariables, serverVariables} {
		for _, name := range []string{v.first, v.second} {
			if IsInjected(p.Env(name)) || !hasOwnToken(p, v) {
				environ = process.Without(environ, name)
			}
		}
	}
	return environ
}

// IsInjected reports whether token is an installation token, which platforms
// inject and which dies an hour after it was made.
func IsInjected(token string) bool { return strings.HasPrefix(token, "ghs_") }
