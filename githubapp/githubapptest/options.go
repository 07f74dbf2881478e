package githubapptest

import "time"

// defaultTokenLife is how long an installation token lives on GitHub.
const defaultTokenLife = time.Hour

// Options configure a [Server]. The zero Options are the defaults.
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
	// an hour, as on GitHub.
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

	// MintsPerMinute enforces a secondary rate limit: after that many mints of
	// an app within a minute, all further ones are refused for a minute, with
	// Retry-After. As on GitHub, no header announces it. Zero or less: there is
	// none.
	MintsPerMinute int

	// OnBreach is called for each request that no correct client makes: without
	// a User-Agent, to an unknown method or path, with credentials of the wrong
	// kind, with a JWT that lacks claims or is signed with a foreign key, or
	// with a body that isn't JSON. A refusal because of the server's state (a
	// clock or a key that changed, a token that expired) is no breach. It is
	// called on the request's goroutine, before the answer, and must not call
	// [Server.Close]. Default: breaches are only logged, as [Request].Breach.
	OnBreach func(Request)
}
