package githubapptest

import "time"

// DefaultTokenLife is how long an installation token lives on GitHub, and here
// when nothing else is asked for.
const DefaultTokenLife = time.Hour

// Options set a [Server] up. The zero value and nil mean the defaults.
type Options struct {
	// TLS serves HTTPS (HTTP/1.1 and HTTP/2) with a certificate of the server's
	// own, valid for 127.0.0.1, ::1 and localhost. [Server.CertPEM] and
	// [Server.Client] trust it. Large pushes of a git with libcurl 7.88 can
	// stand still over HTTP/2: give that git http.version=HTTP/1.1. Default:
	// plain HTTP.
	TLS bool

	// InMemory opens no port: [Server.Client] alone reaches the server, and git
	// doesn't. It is for bubbles of testing/synctest, in which an hour passes
	// in no time: start the server and what uses it there, and both go by the
	// bubble's clock. Default: a port of 127.0.0.1.
	InMemory bool

	// TokenLife is how long an installation token lives. Expiry is announced in
	// whole seconds, as on GitHub's wire, and the token dies exactly then: it
	// lives at least TokenLife and less than a second more. Zero or less:
	// [DefaultTokenLife].
	TokenLife time.Duration

	// TokenFormat is the shape of new tokens. The request header
	// X-GitHub-Stateless-S2S-Token (enabled or disabled) wins over it. Default:
	// [FormatStateless].
	TokenFormat TokenFormat

	// Latency is waited before each answer of the API; git is not delayed. Zero
	// or less: none.
	Latency time.Duration

	// ClockOffset is the server's clock minus the machine's. The Date header,
	// expiries and the check of an app's JWT all go by the server's clock.
	ClockOffset time.Duration

	// MintsPerMinute enforces a secondary rate limit: after that many requests
	// for tokens of an app within a minute, all of its further ones are refused
	// for a minute, with Retry-After. Headers don't announce it, as on GitHub.
	// Zero or less: there is none.
	MintsPerMinute int

	// OnBreach is told of each request that no correct client makes: no
	// User-Agent, another method or path, credentials of the wrong kind, a JWT
	// with claims that are missing or a signature by a foreign key, a body that
	// isn't JSON. A test that hands in t.Errorf's like fails at the first of
	// them. What comes of the server's state, a clock or a key that changed or
	// a token that died, is none. It is called on the request's goroutine,
	// before the answer, and must not call [Server.Close]. Default: breaches
	// are only logged, as [Request].Breach.
	OnBreach func(Request)

	// GitRoot is the folder for bare repositories. It must exist and is left
	// alone by Close. Default: a temporary folder that Close removes.
	GitRoot string
}
