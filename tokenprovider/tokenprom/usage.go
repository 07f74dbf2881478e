package tokenprom

import (
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	waitingDesc   = usageDesc("waiting_requests", "Requests that wait for their turn.")
	limitDesc     = usageDesc("limit_requests", "Requests that the forge takes in a window, as last seen.", "subject")
	remainingDesc = usageDesc("remaining_requests", "Requests that are left in the window, as last seen.", "subject")
	resetDesc     = usageDesc("reset_timestamp_seconds", "When the window ends, in seconds since the epoch.", "subject")
	heldDesc      = usageDesc("held_until_timestamp_seconds",
		"Until when the subject isn't asked for, in seconds since the epoch.", "subject", "code")

	usageDescs = []*prometheus.Desc{waitingDesc, limitDesc, remainingDesc, resetDesc, heldDesc}
)

func usageDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("provisionkit_forge_"+name, help, append([]string{"name"}, labels...), nil)
}

// collectUsage sends what a forge lets somebody do. Of a subject that is named
// twice the first limit is sent, and the longest hold of each code: two samples of
// the same labels would end the scrape.
func collectUsage(metrics chan<- prometheus.Metric, u tokenprovider.Usage) {
	send := func(d *prometheus.Desc, value float64, labels ...string) {
		labels = append([]string{valid(u.Name)}, labels...)
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	send(waitingDesc, float64(u.Waiting))
	limited := make(map[string]bool)
	for _, l := range u.Limits {
		subject := valid(l.Subject)
		if limited[subject] {
			continue
		}
		limited[subject] = true
		send(limitDesc, float64(l.Limit), subject)
		send(remainingDesc, float64(l.Remaining), subject)
		if !l.Reset.IsZero() {
			send(resetDesc, seconds(l.Reset), subject)
		}
	}
	type hold struct{ subject, code string }
	held := make(map[hold]time.Time)
	for _, h := range u.Holds {
		of := hold{valid(h.Subject), valid(string(h.Code))}
		if h.Until.After(held[of]) {
			held[of] = h.Until
		}
	}
	for of, until := range held {
		send(heldDesc, seconds(until), of.subject, of.code)
	}
}
