// Package tokenprom shows the state of token providers to Prometheus.
//
//	prometheus.MustRegister(tokenprom.NewCollector(map[string]tokenprovider.TokenProvider{
//		"github": mutator,
//	}))
//
// Each provider that reports a [tokenprovider.Status], itself or through wrappers, has these metrics, with the label
// provider:
//
//	provisionkit_token_state{state}                  1 for the state it is in, 0 for the others
//	provisionkit_token_expiry_timestamp_seconds      when the token that is served expires; absent without one
//	provisionkit_token_age_seconds                   since that token was minted; absent without one
//	provisionkit_token_mints_total                   tokens that the source delivered
//	provisionkit_token_refresh_failures_total        tries that failed
//	provisionkit_token_refresh_error{code}           1 with the code of the last try, if that failed; absent otherwise
//
// Two alerts say nearly everything: provisionkit_token_state{state="failing"} == 1 is a workspace without git, and
// provisionkit_token_state{state="degraded"} == 1 for some minutes is one that will be.
//
// A provider whose report panics or names no such state is failing, with the code internal.
//
// A scrape reads what is known already. It mints nothing, waits for nothing, and exposes no secret.
package tokenprom

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	stateDesc    = desc("state", "Whether the provider is in that state: empty, fresh, refreshing, degraded or failing.", "state")
	expiryDesc   = desc("expiry_timestamp_seconds", "When the token that is served expires, in seconds since the epoch.")
	ageDesc      = desc("age_seconds", "How long ago the token that is served was minted.")
	mintsDesc    = desc("mints_total", "Tokens that the provider's source delivered.")
	failuresDesc = desc("refresh_failures_total", "Tries to get a token that failed.")
	errorDesc    = desc("refresh_error", "The code of the last try to get a token, if it failed.", "code")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("provisionkit_token_"+name, help, append([]string{"provider"}, labels...), nil)
}

var states = []tokenprovider.State{
	tokenprovider.StateEmpty, tokenprovider.StateFresh, tokenprovider.StateRefreshing, tokenprovider.StateDegraded, tokenprovider.StateFailing,
}

// Collector is a [prometheus.Collector] over the status of providers, one for each registry. It is safe for concurrent
// use.
type Collector struct {
	providers map[string]tokenprovider.TokenProvider
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector is a Collector over providers, by the name that their metrics have in the label provider. The map is
// copied. A nil provider and one that reports no status have no metrics.
func NewCollector(providers map[string]tokenprovider.TokenProvider) *Collector {
	return &Collector{providers: maps.Clone(providers)}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, expiryDesc, ageDesc, mintsDesc, failuresDesc, errorDesc} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	for name, provider := range c.providers {
		if status, ok := statusOf(provider); ok {
			collect(metrics, strings.ToValidUTF8(name, "\uFFFD"), status)
		}
	}
}

// statusOf is what the provider reports. One that panics, or reports a state that isn't one, isn't known to be well; a
// panic here would be the end of the process, since Prometheus collects in goroutines of its own.
func statusOf(provider tokenprovider.TokenProvider) (status tokenprovider.Status, ok bool) {
	defer func() {
		if recover() != nil || ok && !slices.Contains(states, status.State) {
			status = tokenprovider.Status{State: tokenprovider.StateFailing, LastErrorCode: tokenprovider.CodeInternal}
			ok = true
		}
	}()
	return tokenprovider.StatusOf(provider)
}

func collect(metrics chan<- prometheus.Metric, provider string, status tokenprovider.Status) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{provider}, labels...)...)
	}
	for _, state := range states {
		value := 0.0
		if status.State == state {
			value = 1
		}
		gauge(stateDesc, value, string(state))
	}
	if !status.ExpiresAt.IsZero() {
		gauge(expiryDesc, seconds(status.ExpiresAt))
	}
	if !status.MintedAt.IsZero() {
		gauge(ageDesc, time.Since(status.MintedAt).Seconds())
	}
	if status.LastErrorCode != "" {
		gauge(errorDesc, 1, strings.ToValidUTF8(string(status.LastErrorCode), "\uFFFD"))
	}
	metrics <- prometheus.MustNewConstMetric(mintsDesc, prometheus.CounterValue, float64(status.Mints), provider)
	metrics <- prometheus.MustNewConstMetric(failuresDesc, prometheus.CounterValue, float64(status.Failures), provider)
}

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }
