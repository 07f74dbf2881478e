// Package tokenprom shows the state of token providers to Prometheus.
//
//	prometheus.MustRegister(tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{
//		"github": mutator,
//	}))
//
// Each of them has these metrics, with its name in the label provider:
//
//	provisionkit_token_state{state}              1 for the state it is in, 0 for the others
//	provisionkit_token_expiry_timestamp_seconds  when the token that is served expires; absent without one
//	provisionkit_token_age_seconds               since that token was minted; absent without one
//	provisionkit_token_mints_total               tokens that the source delivered
//	provisionkit_token_refresh_failures_total    tries that failed
//	provisionkit_token_refresh_error{code}       1 with the code of the last try, if that failed; else absent
//
// Two alerts say nearly everything: provisionkit_token_state{state="failing"}
// == 1 is a workspace without git, and
// provisionkit_token_state{state="degraded"} == 1 for some minutes is one that
// will be.
//
// A reporter that panics, gives no answer within a second, or names no such
// state is failing, with the code internal.
//
// A scrape reads what is known already. It mints nothing and exposes no secret.
package tokenprom
