package tokenprom

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"
)

var (
	stateDesc = desc("state",
		"Whether the provider is in that state: empty, fresh, refreshing, degraded or failing.", "state")
	expiryDesc = desc("expiry_timestamp_seconds",
		"When the token that is served expires, in seconds since the epoch.")
	ageDesc      = desc("age_seconds", "How long ago the token that is served was minted.")
	mintsDesc    = desc("mints_total", "Tokens that the provider's source delivered.")
	failuresDesc = desc("refresh_failures_total", "Tries to get a token that failed.")
	errorDesc    = desc("refresh_error",
		"The code of the last try to get a token, if it failed.", "code")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	labels = append([]string{"provider"}, labels...)
	return prometheus.NewDesc("provisionkit_token_"+name, help, labels, nil)
}

// Collector is a [prometheus.Collector] over the status of providers, one for
// each registry. It is safe for concurrent use.
type Collector struct {
	providers map[string]tokenprovider.StatusReporter
	calls     singleflight.Group // of a provider's Status, by its name
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a Collector over providers, by the name that their
// metrics have in the label provider. The map is copied. A nil provider has no
// metrics.
func NewCollector(providers map[string]tokenprovider.StatusReporter) *Collector {
	return &Collector{providers: maps.Clone(providers)}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- stateDesc
	descs <- expiryDesc
	descs <- ageDesc
	descs <- mintsDesc
	descs <- failuresDesc
	descs <- errorDesc
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	for name, provider := range c.providers {
		if !foreign.IsNil(provider) {
			collect(metrics, valid(name), c.status(name, provider))
		}
	}
}

// maxWait bounds how long a scrape waits for one provider.
const maxWait = time.Second

// status returns what the provider reports. One that doesn't, or reports a
// state that isn't one, isn't known to be well. A call that hangs is joined by
// the next scrape, so that there is never more than one of them.
func (c *Collector) status(name string, p tokenprovider.StatusReporter) tokenprovider.Status {
	answer := c.calls.DoChan(name, func() (any, error) {
		var status tokenprovider.Status
		err := foreign.Do("the provider's Status", func() error {
			status = p.Status()
			return nil
		})
		return status, err
	})
	over := time.NewTimer(maxWait)
	defer over.Stop()
	select {
	case a := <-answer:
		status := a.Val.(tokenprovider.Status)
		if a.Err == nil && slices.Contains(tokenprovider.States(), status.State) {
			return status
		}
	case <-over.C:
	}
	return tokenprovider.Status{
		State:         tokenprovider.StateFailing,
		LastErrorCode: tokenprovider.CodeInternal,
	}
}

func collect(metrics chan<- prometheus.Metric, provider string, status tokenprovider.Status) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		labels = append([]string{provider}, labels...)
		metrics <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for _, state := range tokenprovider.States() {
		value := 0.0
		if status.State == state {
			value = 1
		}
		send(stateDesc, prometheus.GaugeValue, value, string(state))
	}
	if !status.ExpiresAt.IsZero() {
		send(expiryDesc, prometheus.GaugeValue, seconds(status.ExpiresAt))
	}
	if !status.MintedAt.IsZero() {
		send(ageDesc, prometheus.GaugeValue, time.Since(status.MintedAt).Seconds())
	}
	if status.LastErrorCode != "" {
		send(errorDesc, prometheus.GaugeValue, 1, valid(string(status.LastErrorCode)))
	}
	send(mintsDesc, prometheus.CounterValue, float64(status.Mints))
	send(failuresDesc, prometheus.CounterValue, float64(status.Failures))
}

// valid returns text as the value of a label has to be.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }
