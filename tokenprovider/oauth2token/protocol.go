package oauth2token

// # The protocol
//
// A person has one sealed record in the store: a chain, which is the random
// name of a sign-in, the refresh token, the access token that came with it,
// and, while a replica exchanges, the attempt, which is the random name of that
// exchange. Every change is one Swap of the whole record. The steps of a call
// that needs a token, and what a crash after each leaves:
//
//  1. Load the record. None: nobody has signed in, or did and the store lost
//     it. One that can't be opened counts as none, and only a sign-in
//     overwrites it. Without the store nothing is exchanged.
//  2. An access token with enough life, which nobody reported as refused here,
//     is the answer.
//  3. Where another replica's attempt stands, wait for its end: poll, with
//     jitter. Clocks aren't compared: an attempt is dead once this replica has
//     itself seen it stand for longer than an exchange can take (attemptLife).
//  4. Swap an attempt of one's own in, from no attempt or from a dead one. Of
//     many one succeeds. After false, and after an error, go back to 1: an
//     attempt of one's own that didn't lead to an exchange is replaced at once,
//     by one with another name, so that no other replica has watched it. From a
//     dead attempt the record becomes unsure: its refresh token may be spent,
//     and the answer lost with its replica. A crash leaves an attempt of
//     nobody, and the others wait for attemptLife.
//  5. Exchange, unless 4 took so long that others may have begun to wait for
//     their turn. A crash leaves, at the forge, a refresh token that nobody has
//     and, in the store, one that may be spent. It is tried once more after
//     attemptLife. A forge that never answered takes it; one that did refuses
//     it, and 8 says so.
//  6. It succeeded: Swap the new record in before the access token is served.
//     It may replace any record that has the refresh token that was exchanged,
//     whatever attempt stands there and whatever was said of it: this is the
//     only living chain. One that has another refresh token stays, as somebody
//     signed in meanwhile, and where none is nothing is put: somebody signed
//     out. While the store fails, the new record is kept in memory, not served,
//     and saved as soon as the store is back, by a later call or without one. A
//     crash before the Swap is that of 5; after it nothing is lost.
//  7. It failed. If the forge said that it was the client's fault, or wasn't
//     reached: Swap the attempt out. If it isn't known (no answer, one that
//     broke off, 5xx): Swap it out, and the record is unsure. The Cache above
//     tries again after its back-off. A crash before leaves the attempt, as in
//     4.
//  8. The forge refused the refresh token. Load again: where the record has
//     another refresh token or another attempt, somebody else was faster: go
//     back to 1. Else Swap in a record that says so, for all replicas and for
//     good: sign in again. If the record was unsure, it is said that a lost
//     answer is the likely reason. A crash before leaves the attempt, as in 4,
//     and it is asked once more.
//
// Two exchanges of one refresh token so happen only after a crash, a lost
// answer, or where a process or the store stood still for longer than
// attemptLife. A slow first exchange that succeeded wins all the same, by 6.
//
// A sign-in ([Provider.Set]) is a Swap from whatever is there, and so is a
// sign-out to nothing.

import "time"

const (
	// An exchange ends within storeTimeout, in which its attempt was swapped
	// in, and exchangeTimeout. The rest is for its save.
	attemptLife = storeTimeout + exchangeTimeout + 3*time.Second

	// Between two looks at a record that another replica's attempt stands in.
	firstPoll   = 25 * time.Millisecond
	longestPoll = 500 * time.Millisecond

	maxExchanges = 3 // of one call, where others change the record each time

	// mintTimeout is the cache's: a call waits for a dead attempt and
	// exchanges.
	mintTimeout = 2 * attemptLife
)
