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
	failingDesc = desc("failing", "How many of the provider's tokens fail, where it has many.")
	ofDesc      = desc("of", "How many tokens the provider has, where these are many.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	labels = append([]string{"provider"}, labels...)
	return prometheus.NewDesc("provisionkit_token_"+name, help, labels, nil)
}

// Collector is a [prometheus.Collector] of the status and the usage of
// providers. Make one for each prometheus.Registry. It is safe for concurrent
// use.
type Collector struct {
	providers map[string]tokenprovider.StatusReporter
	calls     singleflight.Group // of a provider, by its name
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a [Collector] of providers. The map's keys are the
// values of the label provider. The map is copied. A nil provider has no
// metrics. A provider that is, or wraps, a [tokenprovider.UsageReporter] also
// has the metrics of its usage.
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
	descs <- failingDesc
	descs <- ofDesc
	for _, d := range usageDescs {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	usages := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(c.providers)) {
		provider := c.providers[name]
		if foreign.IsNil(provider) {
			continue
		}
		got := c.ask(name, provider)
		collect(metrics, valid(name), got.status)
		if u := got.usage; u != nil && !usages[valid(u.Name)] {
			usages[valid(u.Name)] = true
			collectUsage(metrics, *u)
		}
	}
}

// maxWait bounds how long a scrape waits for one provider.
const maxWait = time.Second

// answer is what a provider reports.
type answer struct {
	status tokenprovider.Status
	usage  *tokenprovider.Usage // nil: it reports none
}

// ask returns what the provider reports. One that doesn't, or reports a state
// that isn't one, isn't known to be well. A call that hangs is joined by the next
// scrape, so that there is never more than one of them.
func (c *Collector) ask(name string, p tokenprovider.StatusReporter) answer {
	call := c.calls.DoChan(name, func() (any, error) {
		var got answer
		err := foreign.Do("the provider's Status", func() error {
			got.status = p.Status()
			return nil
		})
		failed := foreign.Do("the provider's Usage", func() error {
			if usage, ok := tokenprovider.UsageOf(p); ok {
				got.usage = &usage
			}
			return nil
		})
		if failed != nil {
			got.usage = nil
		}
		return got, err
	})
	over := time.NewTimer(maxWait)
	defer over.Stop()
	var got answer
	select {
	case a := <-call:
		got = a.Val.(answer)
		if a.Err == nil && slices.Contains(tokenprovider.States(), got.status.State) {
			return got
		}
	case <-over.C:
	}
	got.status = tokenprovider.Status{
		State:         tokenprovider.StateFailing,
		LastErrorCode: tokenprovider.CodeInternal,
	}
	return got
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
	if status.Of > 0 {
		send(failingDesc, prometheus.GaugeValue, float64(status.Failing))
		send(ofDesc, prometheus.GaugeValue, float64(status.Of))
	}
	send(mintsDesc, prometheus.CounterValue, float64(status.Mints))
	send(failuresDesc, prometheus.CounterValue, float64(status.Failures))
}

// valid returns text as the value of a label has to be.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }
