package statuspage_test

import (
	"encoding/json"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// platform returns a registry with a provider in every state, at the time now.
func platform(now time.Time) *provisionhook.Registry {
	git, _ := gitcredential.NewMutator(nil) // the defaults are no error
	registry := provisionhook.NewRegistry()
	registry.Register(
		reports("artifact-store", tokenprovider.Status{
			Name: "artifact-store", State: tokenprovider.StateFresh,
			MintedAt: now.Add(-20 * time.Minute), ExpiresAt: now.Add(40 * time.Minute),
			RefreshAt: now.Add(25 * time.Minute),
			Mints:     12, TokenSHA256: tokenprovider.TokenSHA256(tokenSecret),
		}),
		workspaceReporter{reporter{"per-workspace", func() tokenprovider.Status {
			return tokenprovider.Status{
				State: tokenprovider.StateFailing, MintedAt: now.Add(-50 * time.Minute),
				ExpiresAt: now.Add(9*time.Minute + 30*time.Second),
				RefreshAt: now.Add(-4 * time.Minute), Mints: 812, Failures: 3, Failing: 2, Of: 400,
			}
		}}},
		reports("forge-app", tokenprovider.Status{
			Name: "installation 4711", State: tokenprovider.StateDegraded,
			MintedAt:  now.Add(-52 * time.Minute),
			ExpiresAt: now.Add(8*time.Minute + time.Millisecond).In(time.FixedZone("", 60*60)),
			RefreshAt: now.Add(30 * time.Second),
			Mints:     31, Failures: 4, LastError: "forge: API rate limit exceeded (403)",
			LastErrorCode: tokenprovider.CodeRateLimited, LastErrorAt: now.Add(-30 * time.Second),
		}),
		reports("npm-registry", tokenprovider.Status{
			State: tokenprovider.StateFailing, RefreshAt: now.Add(58 * time.Second), Failures: 7,
			LastErrorCode: tokenprovider.CodeUnavailable, LastErrorAt: now.Add(-25 * time.Hour),
			LastError: "connection refused \u202eevil\x1b[31m",
		}),
		reports(hostileName, tokenprovider.Status{State: tokenprovider.StateEmpty}),
		silent{"שלום"},
		reports("constant",
			tokenprovider.Status{State: tokenprovider.StateRefreshing, MintedAt: now, Mints: 1}),
		git,
	)
	return registry
}

var hostileName = `<script>alert("x")</script>` + "\u202e\x07\r\n\xff'`&amp;{{.}}" + strings.Repeat("-long", 100)

const hostileShown = `<script>alert("x")</script>\u202e\u0007\u000d\u000a` + "\uFFFD'`&amp;{{.}}-long-long-long-long-long-long-long-long-long-"

// statusOf serves the status of registry to the administrator.
func statusOf(t testing.TB, registry *provisionhook.Registry) http.Handler {
	t.Helper()
	auth, err := tokenhttp.AnyOf(adminToken(t, adminSecret), newKey(t))
	require.NoError(t, err)
	h, err := statuspage.New(registry, auth)
	require.NoError(t, err)
	return h
}

var (
	notText = regexp.MustCompile(`(?s)<head>.*?<title>(.*?)</title>.*?</head>|<!DOCTYPE html>|</?(bdi|span|strong|a|time|dt)\b[^>]*>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
)

// textOf returns what a page says, a line for each block.
func textOf(page string) string {
	var lines []string
	for line := range strings.Lines(tag.ReplaceAllString(notText.ReplaceAllString(strings.ReplaceAll(page, "</dt>", ": "),
		"$1"),
		"\n")) {
		if line = strings.TrimSpace(html.UnescapeString(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestTheStatusPageTellsAnOperatorHowEachProviderIsDoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // at midnight of 2000-01-01
		w := record(statusOf(t, platform(time.Now())), newRequest("GET", "/", adminSecret))
		require.Equal(t, 200, w.Code, w.Body)
		require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
		want, err := os.ReadFile("testdata/page.txt")
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(string(want)), textOf(w.Body.String()))
		for label, shape := range map[string]string{
			"40 min left of 1 h":           `<rect class="left" width="666" height="12"/><path class="gap" d="M250 0v12"/><path class="mark" d="M250 0v12"/>`,
			"9 min 30 s left of 59 min":    `<rect class="left" width="159"`,
			"8 min left of 1 h":            `<rect class="left" width="133"`,
			`http-equiv="refresh" content`: `"15"`,
		} {
			require.Regexp(t, regexp.QuoteMeta(label)+`[^\n]*`+regexp.QuoteMeta(shape), w.Body.String())
		}
	})
}

func TestTheStatusPageMakesTheBestOfAStatusThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for name, row := range map[string]struct {
			status tokenprovider.Status
			says   string
			bar    bool
		}{
			"fresh and expired": {
				tokenprovider.Status{
					MintedAt:  now.Add(-61*time.Minute - 30*time.Second),
					ExpiresAt: now.Add(-90 * time.Second),
				},
				"0 s left of 1 h", true,
			},
			"minted later": {
				tokenprovider.Status{MintedAt: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour)},
				"2 h left of 1 h", true,
			},
			"expired before it began": {tokenprovider.Status{MintedAt: now, ExpiresAt: now.Add(-time.Hour)}, "1 h ago", false},
			"of no known beginning":   {tokenprovider.Status{ExpiresAt: now.Add(72 * time.Hour)}, "in 3 d 0 h", false},
			"of no known end":         {tokenprovider.Status{MintedAt: now.Add(-90 * time.Second)}, "1 min 30 s ago", false},
			"an unknown error": {
				tokenprovider.Status{LastErrorCode: "<b>on fire</b>"},
				"<b>on fire</b>: the platform failed to get a token; its log has the reason", false,
			},
		} {
			row.status.State = tokenprovider.StateFresh
			registry := provisionhook.NewRegistry()
			registry.Register(reports("", row.status))
			page := record(statusOf(t, registry), newRequest("GET", "/", adminSecret)).Body.String()
			require.Contains(t, textOf(page), row.says, name)
			require.Contains(t, textOf(page), "(no name)", name)
			require.Equal(t, row.bar, strings.Contains(page, `class="bar"`), name)
			for _, width := range regexp.MustCompile(`class="left" width="(-?[0-9]+)"`).FindAllStringSubmatch(page, -1) {
				thousandths, err := strconv.Atoi(width[1])
				require.NoError(t, err)
				require.True(t, thousandths >= 0 && thousandths <= 1000, "%s: %d", name, thousandths)
			}
		}
	})
}

func TestTheStatusPageCanBePaused(t *testing.T) {
	h := statusOf(t, platform(time.Now()))
	require.Contains(t, record(h, newRequest("GET", "/?refresh=off", adminSecret)).Body.String(),
		`<a href="?">go on</a>`)
	require.NotContains(t, record(h, newRequest("GET", "/?refresh=off", adminSecret)).Body.String(),
		"http-equiv")
	require.Contains(t, record(h, newRequest("GET", "/", adminSecret)).Body.String(),
		`<a href="?refresh=off">pause</a>`)
}

func TestTheStatusPageOfAPlatformWithoutPluginsSaysSo(t *testing.T) {
	for name, registry := range map[string]*provisionhook.Registry{
		"empty": provisionhook.NewRegistry(), "nil": nil,
	} {
		w := record(statusOf(t, registry), newRequest("GET", "/", adminSecret))
		require.Equal(t, 200, w.Code, name)
		text := textOf(w.Body.String())
		require.Contains(t, text, "Not configured – token status", name)
		require.Contains(t, text, "No mutator provides tokens: workspaces get none.", name)
		require.Contains(t, text, "None is registered.", name)
	}
}

func TestTheStatusOfAPlatformIsJSONForThoseWhoPreferIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := statusOf(t, platform(time.Now()))
		for accept, isJSON := range map[string]bool{
			"": false, "*/*": false, "application/json": true, "application/json, */*;q=0.5": true,
			"application/*": true, "text/html": false,
			"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
			"text/html;q=0.5, application/json":                               true,
			"application/json;q=0.5, text/html":                               false, "text/*, application/json": true, "image/png": false,
		} {
			r := newRequest("GET", "/", adminSecret)
			r.Header.Set("Accept", accept)
			require.Equal(t, isJSON, record(h, r).Header().Get("Content-Type") == "application/json", accept)
		}
		r := newRequest("GET", "/", adminSecret)
		r.Header.Set("Accept", "application/json")
		w := record(h, r)
		var body struct {
			State, Time string
			Mutators    []json.RawMessage
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		require.Equal(t, "degraded", body.State)
		require.Equal(t, "2000-01-01T00:00:00Z", body.Time)
		require.Len(t, body.Mutators, 8)
		require.JSONEq(t, `{
			"name": "forge-app", "type": "statuspage_test.sharedReporter", "abilities": ["TokenProvider"],
			"note": "FirstTokenProvider is \"artifact-store\", which was registered before",
			"state": "degraded", "message": "too many requests for tokens; try again later",
			"status": {
				"name": "installation 4711", "state": "degraded", "minted_at": "1999-12-31T23:08:00Z", "expires_at": "2000-01-01T00:08:00Z", "refresh_at": "2000-01-01T00:00:30Z",
				"mints": 31, "failures": 4, "last_error": "forge: API rate limit exceeded (403)", "last_error_code": "rate_limited", "last_error_at": "1999-12-31T23:59:30Z"
			}
		}`, string(body.Mutators[2]))
		require.JSONEq(t, `{"name": "שלום", "type": "statuspage_test.silent", "abilities": ["TokenProvider"], "state": "unknown",
			"note": "FirstTokenProvider is \"artifact-store\", which was registered before"}`, string(body.Mutators[5]))
		require.JSONEq(t, `{"name": "git-credential", "type": "*gitcredential.Mutator", "abilities": ["FileMutator"]}`,
			string(body.Mutators[7]))

		r = newRequest("GET", "/", adminSecret)
		r.Header.Set("Accept", "application/json")
		require.Equal(t, `{"state":"not_configured","time":"2000-01-01T00:00:00Z","mutators":[]}`,
			record(statusOf(t, provisionhook.NewRegistry()), r).Body.String())
	})
}

func TestTheStatusShowsNoToken(t *testing.T) {
	registry := provisionhook.NewRegistry()
	registry.Register(
		plugin{tokenprovider.NewCache(tokenprovider.Static(tokenSecret), nil)},
		sharedReporter{reporter{"panics", func() tokenprovider.Status { panic(tokenSecret) }}},
	)
	_, _, err := registry.FirstTokenProvider().Token(t.Context())
	require.NoError(t, err)
	h := statusOf(t, registry)
	for _, accept := range []string{"text/html", "application/json"} {
		r := newRequest("GET", "/", adminSecret)
		r.Header.Set("Accept", accept)
		body := record(h, r).Body.String()
		require.Empty(t, testutil.Leak(body, tokenSecret, adminSecret))
		require.Contains(t, html.UnescapeString(body), tokenprovider.TokenSHA256(tokenSecret))
		require.Contains(t, body, "the status panicked: a value of type string")
	}
	testutil.RequireRedacted(t, h, adminSecret, tokenSecret, string(keySecret))
}

func TestTheStatusTellsWhatForgesAllowOnceForEachName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // at midnight of 2000-01-01
		now := time.Now()
		reporting := func(u tokenprovider.Usage) provisionhook.EnvMutator {
			fresh := reporter{"forge", func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFresh} }}
			return usageReporter{sharedReporter{fresh}, func() tokenprovider.Usage { return u }}
		}
		usage := tokenprovider.Usage{
			Name:    "forge app 7",
			Limits:  []tokenprovider.Limit{{Subject: "app", Limit: 5000, Remaining: 17, Reset: now.Add(20 * time.Minute), SeenAt: now.Add(-3 * time.Second)}},
			Holds:   []tokenprovider.Hold{{Subject: "installation 42", Code: tokenprovider.CodeForbidden, Until: now.Add(15 * time.Minute)}},
			Waiting: 3,
		}
		never := time.Unix(1<<62, 0) // RFC 3339 has no digits for it
		hostile := tokenprovider.Usage{
			Name:   hostileName,
			Limits: slices.Repeat([]tokenprovider.Limit{{Subject: hostileName, Reset: never, SeenAt: never}}, 1000),
			Holds:  slices.Repeat([]tokenprovider.Hold{{Subject: hostileName, Until: never}}, 1000),
		}
		registry := provisionhook.NewRegistry()
		registry.Register(
			reporting(usage), provisionhook.Timeout(reporting(usage), time.Second),
			usageReporter{sharedReporter{reporter{"panics", func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFresh} }}},
				func() tokenprovider.Usage { panic(tokenSecret) }},
			reporting(hostile),
		)
		page := record(statusOf(t, registry), newRequest("GET", "/", adminSecret)).Body.String()
		require.Equal(t, 1, strings.Count(page, "forge app 7"))
		for _, says := range []string{
			"3 waiting for their turn.", "Left to app:\n17 of 5000 until 00:20:00 UTC, seen 3 s ago",
			"Not asked for at the moment:", "installation 42 forbidden until 00:15:00 UTC, in 15 min", hostileShown,
		} {
			require.Contains(t, textOf(page), says)
		}
		require.NotContains(t, page, "<script")
		require.NotContains(t, page, "\u202e")

		r := newRequest("GET", "/", adminSecret)
		r.Header.Set("Accept", "application/json")
		var body struct{ Usage []tokenprovider.Usage }
		require.NoError(t, json.Unmarshal(record(statusOf(t, registry), r).Body.Bytes(), &body))
		require.Len(t, body.Usage, 2)
		require.Equal(t, usage.Waiting, body.Usage[0].Waiting)
		require.Equal(t, usage.Holds[0].Code, body.Usage[0].Holds[0].Code)
		require.Len(t, body.Usage[1].Limits, 100)
		require.Len(t, body.Usage[1].Holds, 100)
	})
}
