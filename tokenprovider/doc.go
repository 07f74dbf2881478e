// Package tokenprovider is about one question: what is a live token, and how
// does a program always have one?
//
// A short-lived token is a lease. It is minted, it is good for a while, it
// dies, and whoever holds on to it longer is locked out. [TokenProvider] is the
// interface of whatever hands such tokens out; [Cache] wraps one and keeps a
// token fresh:
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
//   - [Shared], under a Cache, shares the tokens of a provider between the
//     replicas of a service, through a [Store]: two operations, so that any
//     database can be one.
//   - [Fallback] asks one after the other, and moves on only where nothing is
//     configured.
//   - [Transport] is an HTTP client's use of a provider.
//   - [WorkspaceTokenProvider] has a token of its own for each workspace.
//
// # The life of a token
//
// With the defaults, of a token that lives for an hour:
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
// The windows of a shorter life are a quarter and a sixth of it. Jitter begins
// the refresh up to a twentieth of the life earlier. What becomes of a refresh,
// which is one call of the provider however many callers wait for it:
//
//   - A token: it takes the place of the old one, after Settle if nobody waits.
//   - An error: the old one is served on. The next try comes after 1 s, 2 s, 4
//     s and so on up to a minute; after 30 s where trying again can't help; and
//     not before the error says.
//   - No answer within MintTimeout: [CodeUnavailable], as above.
//
// # What a Cache promises
//
//   - A cached read takes no lock and allocates nothing.
//   - It never hands out an expired token, nor one that was invalidated, and
//     never waits for a new one while the old one has enough life left.
//   - Callers share one refresh. It is detached from each of them: a caller
//     that leaves doesn't end it.
//   - While a live token is held nobody sees an error of a refresh that fails.
//     [Cache.Status] shows it.
//   - How often the provider is asked depends on the life of its tokens and on
//     a back-off, never on the number of callers, of refused tokens or of
//     errors. Because tokens age it is asked once a second at most, however
//     short their life: a caller who finds a dead token waits for its turn.
//   - A provider that panics, ends its goroutine, hangs, or delivers an empty
//     or expired token is an error of [CodeInternal] or [CodeUnavailable], and
//     nothing worse. A logger that panics or ends its goroutine loses the
//     record; one that hangs delays one caller for a second, once.
//
// # Errors
//
// [ErrNotConfigured] says that there is nothing to get a token from. Every
// other failure has a [Code], which [CodeOf] finds in any error; an [*Error]
// carries it, with the time to wait if the source named one ([RetryAfter]).
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
// It doesn't write tokens to disk, hands none in clear to a [Store], doesn't
// parse them, and doesn't know what they are for. Nothing of it runs while
// nobody calls: no goroutine, no timer, unless [Cache.KeepFresh] is started.
package tokenprovider
