package statuspage

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// refreshInterval is how many seconds the page is shown before it is loaded
// again.
const refreshInterval = 15

// view is a report in the words and figures of the page.
type view struct {
	CSS           template.CSS
	Refreshes     bool
	Interval      int
	State         tokenprovider.State
	Word, Verdict string
	Now           string
	Providers     []providerView
	Mutators      []mutatorView
	Usages        []usageView
}

// providerView is a card.
type providerView struct {
	Name           string
	Source         string // what the provider itself is called, if otherwise
	State          tokenprovider.State
	Word, Sentence string
	PerWorkspace   bool // only that: it has no token for all
	Reports        bool
	Failing, Of    int // tokens; 0 of 0 where there is one

	Bar                   *bar
	Error                 *errorView
	NextLabel             string
	Minted, Next, Expires *moment
	Mints, Failures       uint64
	SHA256                string
}

// errorView is the last error of a provider.
type errorView struct {
	Code, Message, Text string
	At                  *moment
}

// mutatorView is an item of the list of mutators.
type mutatorView struct {
	Name, Type string
	Abilities  []string
	Note       string
}

// words say what a state is called, what it means for a provider, and what for
// the whole platform.
var words = map[tokenprovider.State]struct{ word, sentence, verdict string }{
	tokenprovider.StateFresh: {
		"Fresh", "A live token, and its refresh isn't due.", "All is well: there are live tokens.",
	},
	tokenprovider.StateRefreshing: {
		"Refreshing", "A refresh is due or running.", "All is well: a token is being refreshed.",
	},
	tokenprovider.StateDegraded: {
		"Degraded", "A live token, but its refresh fails.", "Some tokens fail, or can't be refreshed.",
	},
	tokenprovider.StateFailing: {
		"Failing", "No live token, and the last try to get one failed.", "No provider has a live token.",
	},
	tokenprovider.StateEmpty: {
		"Empty", "No live token is held, and nothing went wrong: nobody has asked yet.",
		"Nobody has asked for a token yet.",
	},
	stateUnknown:       {"Unknown", "It doesn't report its status.", "No provider reports its status."},
	stateNotConfigured: {"Not configured", "", "No mutator provides tokens: workspaces get none."},
}

func newView(rep report, refreshes bool) view {
	v := view{
		CSS: template.CSS(pageCSS), Refreshes: refreshes, Interval: refreshInterval,
		Now: wire.FormatTime(rep.Time), State: rep.State,
		Word: words[rep.State].word, Verdict: words[rep.State].verdict,
	}
	for _, m := range rep.Mutators {
		v.Mutators = append(v.Mutators, mutatorView{
			shownName(m.Name), visible(m.Type, 200), m.Abilities, visible(m.Note, 1000),
		})
		if m.State != "" {
			v.Providers = append(v.Providers, newProviderView(m, rep.Time))
		}
	}
	for _, u := range rep.Usage {
		v.Usages = append(v.Usages, newUsageView(u, rep.Time))
	}
	return v
}

func newProviderView(m mutatorReport, now time.Time) providerView {
	p := providerView{
		Name: shownName(m.Name), State: m.State,
		Word: words[m.State].word, Sentence: words[m.State].sentence,
		PerWorkspace: !slices.Contains(m.Abilities, "TokenProvider"),
	}
	s := m.Status
	if s == nil {
		return p
	}
	p.Reports = true
	if p.Failing, p.Of = s.Failing, max(s.Of, 0); p.Of > 0 {
		p.Sentence = fmt.Sprintf("%d of %d tokens fail.", p.Failing, p.Of)
	}
	if s.Name != m.Name {
		p.Source = visible(s.Name, 100)
	}
	p.Minted, p.Next = newMoment(s.MintedAt, now), newMoment(s.RefreshAt, now)
	p.Expires = newMoment(s.ExpiresAt, now)
	p.Mints, p.Failures, p.SHA256 = s.Mints, s.Failures, visible(s.TokenSHA256, 100)
	p.NextLabel = "Next refresh"
	if s.RefreshAt.Before(now) {
		p.NextLabel = "Refresh due"
	}
	if s.LastErrorCode != "" {
		p.NextLabel = "Next try"
		p.Error = &errorView{
			visible(string(s.LastErrorCode), 100), m.Message, visible(s.LastError, 1000),
			newMoment(s.LastErrorAt, now),
		}
	}
	p.Bar = newBar(*s, now, p.NextLabel)
	return p
}

// bar is the life of a token in thousandths: how much of it is left, and how
// much will be when it is refreshed.
type bar struct {
	Left, Life string
	Width      int
	Mark       int // 0: nowhere
	MarkLabel  string
}

// newBar returns nil where the token has no known life.
func newBar(s tokenprovider.Status, now time.Time, markLabel string) *bar {
	life := s.ExpiresAt.Sub(s.MintedAt)
	if s.ExpiresAt.IsZero() || s.MintedAt.IsZero() || life <= 0 {
		return nil
	}
	thousandths := func(d time.Duration) int {
		return int(1000 * min(max(d.Seconds()/life.Seconds(), 0), 1))
	}
	left := max(s.ExpiresAt.Sub(now), 0)
	b := &bar{Life: span(life), Left: span(left), Width: thousandths(left), MarkLabel: markLabel}
	if s.RefreshAt.After(s.MintedAt) {
		b.Mark = thousandths(s.ExpiresAt.Sub(s.RefreshAt))
	}
	return b
}

// moment is a time as people and as machines read it.
type moment struct{ Relative, Text, RFC3339 string }

// newMoment returns nil for a time that isn't known. It names the day where
// that isn't today's.
func newMoment(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	m := &moment{
		Relative: "now", Text: t.UTC().Format("2006-01-02 15:04") + " UTC", RFC3339: wire.FormatTime(t),
	}
	if t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		m.Text = t.UTC().Format(time.TimeOnly) + " UTC"
	}
	switch d := t.Sub(now).Round(time.Second); {
	case d > 0:
		m.Relative = "in " + span(d)
	case d < 0:
		m.Relative = span(-d) + " ago"
	}
	return m
}

// span returns d in the two units that matter.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	seconds, minutes, hours := int(d/time.Second)%60, int(d/time.Minute)%60, int(d/time.Hour)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case d < time.Hour && seconds == 0 || d >= 10*time.Minute && d < time.Hour:
		return fmt.Sprintf("%d min", minutes)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	case hours < 48 && minutes == 0:
		return fmt.Sprintf("%d h", hours)
	case hours < 48:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
	return fmt.Sprintf("%d d %d h", hours/24, hours%24)
}

// shownName returns a mutator's name, which its author chose, as it may be
// shown.
func shownName(name string) string {
	if name == "" {
		return "(no name)"
	}
	return visible(name, 100)
}

// visible returns at most limit characters of s. Those that can't be seen are
// written as escapes, so that none of them changes how the rest reads.
func visible(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > limit {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
