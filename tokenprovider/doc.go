// Package tokenprovider defines what a provider of short-lived tokens is, and
// keeps such a token fresh for a program.
//
// A short-lived token is minted, works for a while, and expires; whoever goes
// on using it is locked out. [TokenProvider] is the interface of everything
// that hands out such tokens. [Cache] wraps one and keeps its token fresh:
//
//	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), nil)
//	token, expiresAt, err := tokens.Token(ctx)
//
// A program asks for the token at each use and never stores it.
//
// # Providers
//
//   - [Func] adapts a function, [Static] holds a token that doesn't expire,
//     [Env] and [File] read one at each call.
//   - [Cache] keeps the token of another provider fresh, [Keyed] does so for
//     many keys.
//   - [Shared], under a [Cache], shares the tokens of a provider between the
//     replicas of a service, through a [Store]. A Store has two operations, so
//     that any database can be one.
//   - [Fallback] asks several providers in order, and moves on only from one
//     that isn't configured.
//   - [Transport] adds a provider's token to the requests of an HTTP client.
//   - WorkspaceTokenProvider hands out a token for each workspace.
//
// # The life of a token
//
// What a Cache with the default options does with a token that lives for an
// hour:
//
//	0 min              45 min           50 min           60 min
//	|------------------|----------------|----------------|---------------->
//	  fresh:             refreshing:      the same, but    dead:
//	  served at once,    served at once,  callers wait     callers wait for
//	  nobody is asked    one refresh in   for the          the refresh, or
//	                     the background   refresh; 3 s at  get the last error
//	                                      most, then it    while the back-off
//	                                      is served        lasts
//
// With a shorter life the background refresh begins when a quarter of it is
// left, and callers wait when a sixth is left. Jitter begins the refresh up to
// a twentieth of the life earlier. A refresh is one call of the provider,
// however many callers wait for it. It can end in three ways:
//
//   - With a token: it replaces the old one, at once if a caller waits, else
//     after [CacheOptions].Settle.
//   - With an error: the old token is served for as long as it lives. The next
//     try comes after 1 s, 2 s, 4 s and so on up to a minute; after 30 s where
//     the error isn't [Error.Retryable]; and where the error has a RetryAfter,
//     after that, up to an hour.
//   - Without an answer within [CacheOptions].MintTimeout: that is an error of
//     [CodeUnavailable].
//
// # What a Cache promises
//
//   - A cached read takes no lock and allocates nothing.
//   - It never hands out an expired token, nor one that was dropped. One that
//     is suspect, after a report that a forge refused it, is handed out only
//     while no other can be had; see [Cache.Invalidate].
//   - Callers share one refresh, which goes on when any of them leaves.
//   - While a live token is held, no caller sees the error of a refresh that
//     fails. [Cache.Status] shows it.
//   - How often the provider is asked depends on the life of its tokens and on
//     the back-off, never on the number of callers, of reports or of errors. To
//     replace tokens that expire it is asked once a second at most, however
//     short their life is.
//   - A provider that panics, ends its goroutine, hangs, or delivers an empty
//     or expired token is an error of [CodeInternal] or [CodeUnavailable], and
//     nothing worse. A logger that panics or ends its goroutine loses the
//     record. One that hangs delays one caller by a second, and gets no further
//     records until it answers.
//
// # Errors
//
// Every failure has a [Code], which [CodeOf] finds in any error. An [*Error]
// carries it, with the time to wait if the source of the error named one;
// [RetryAfter] finds that. [ErrNotConfigured] means that there is nothing to
// get a token from.
//
// # Secrets
//
// No type of this package shows a token under any verb of fmt, in JSON or
// through log/slog, and no error or log record of this package holds one.
// [TokenSHA256] names a token where a name is needed. Process memory isn't
// protected.
//
// # What it refuses to do
//
// The package writes no token to a disk, hands none in clear to a [Store], and
// parses none. While nobody calls it, no goroutine and no timer of it runs,
// unless [Cache.KeepFresh] was started.
package tokenprovider
