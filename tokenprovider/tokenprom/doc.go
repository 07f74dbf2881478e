// Package tokenprom has a Prometheus collector for the state of token
// providers.
//
//	reporters := map[string]tokenprovider.StatusReporter{"github": mutator}
//	prometheus.MustRegister(tokenprom.NewCollector(reporters))
//
// For each provider there are these metrics. Their names begin with
// provisionkit_token_, and the label provider has the provider's name:
//
//	state{state}              1 for the state it is in, 0 for the others
//	failing, of               how many of how many tokens fail, where it has many
//	expiry_timestamp_seconds  when the token that is served expires
//	age_seconds               since that token was minted
//	mints_total               tokens that the source delivered
//	refresh_failures_total    tries that failed
//	refresh_error{code}       1 with the code of the last try, if that failed
//
// For the usage that providers report there are these metrics. Their names
// begin with provisionkit_forge_, and the label name has
// [tokenprovider.Usage].Name; two providers of one app have them once.
//
//	waiting_requests                             requests that wait for their turn
//	limit_requests{subject}                      the rate limit, as last seen
//	remaining_requests{subject}                  what is left of it
//	reset_timestamp_seconds{subject}             when it starts anew
//	held_until_timestamp_seconds{subject, code}  what isn't asked for until then
//
// A metric is absent where its value isn't known.
//
// Two alerts are enough for a start. provisionkit_token_state{state="failing"}
// == 1 means that workspaces have no token now; for a provider with many
// tokens, provisionkit_token_failing / provisionkit_token_of is their share,
// since one suspended account is no outage.
// provisionkit_token_state{state="degraded"} == 1 for some minutes means that
// they will have none when their tokens expire.
//
// A reporter that panics, gives no answer within a second, or returns an
// unknown state counts as failing, with the code internal.
//
// A scrape mints nothing and exposes no secret.
package tokenprom
