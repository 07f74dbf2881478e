// Package tokenprom shows the state of token providers to Prometheus.
//
//	reporters := map[string]tokenprovider.StatusReporter{"github": mutator}
//	prometheus.MustRegister(tokenprom.NewCollector(reporters))
//
// Each of them has these metrics, whose names begin with provisionkit_token_,
// with its own name in the label provider:
//
//	state{state}              1 for the state it is in, 0 for the others
//	failing, of               how many of how many tokens fail, where it has many
//	expiry_timestamp_seconds  when the token that is served expires
//	age_seconds               since that token was minted
//	mints_total               tokens that the source delivered
//	refresh_failures_total    tries that failed
//	refresh_error{code}       1 with the code of the last try, if that failed
//
// What forges let the providers do has these, whose names begin with
// provisionkit_forge_, with whose usage it is in the label name: two providers of
// one app have it once.
//
//	waiting_requests                             requests that wait for their turn
//	limit_requests{subject}                      the rate limit, as last seen
//	remaining_requests{subject}                  what is left of it
//	reset_timestamp_seconds{subject}             when it starts anew
//	held_until_timestamp_seconds{subject, code}  what isn't asked for until then
//
// Where there is nothing to say a metric is absent.
//
// Two alerts say nearly everything. provisionkit_token_state{state="failing"} == 1
// is a workspace without git; where a provider has many tokens,
// provisionkit_token_failing / provisionkit_token_of says how many workspaces
// these are: one account's own suspension is no outage.
// provisionkit_token_state{state="degraded"} == 1 for some minutes is one that
// will be.
//
// A reporter that panics, gives no answer within a second, or names no such
// state is failing, with the code internal.
//
// A scrape reads what is known already. It mints nothing and exposes no secret.
package tokenprom
