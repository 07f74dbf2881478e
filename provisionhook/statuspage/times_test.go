package statuspage_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// westOf9999 is in the year 9999 where it was made and in the year after it in
// UTC.
var westOf9999 = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*60*60))

func TestAStatusWithTimesBeyondRFC3339IsShownAllTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Time
		json string // "" : it isn't known
	}{
		"the end of time":           {time.Unix(1<<62, 0), "9999-12-31T23:59:59Z"},
		"the year 10000":            {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "9999-12-31T23:59:59Z"},
		"that year further west":    {westOf9999, "9999-12-31T23:59:59Z"},
		"the last second that fits": {time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC), "9999-12-31T23:59:59Z"},
		"a year before the first":   {time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		"the beginning of time":     {time.Unix(-1<<60, 0), ""},
		"a thousand years ago":      {time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), "1000-01-01T00:00:00Z"},
		"the epoch":                 {time.Unix(0, 0), "1970-01-01T00:00:00Z"},
	} {
		registry := provisionhook.NewRegistry()
		registry.Register(reports("vendor", tokenprovider.Status{
			State: tokenprovider.StateFresh, MintedAt: c.at, ExpiresAt: c.at, RefreshAt: c.at,
			LastErrorAt: c.at, LastErrorCode: tokenprovider.CodeInternal,
		}))
		h := statusOf(t, registry)
		r := newRequest("GET", "/", adminSecret)
		r.Header.Set("Accept", "application/json")
		w := record(h, r)
		require.Equal(t, 200, w.Code, name)
		var body struct {
			Mutators []struct {
				Status map[string]any `json:"status"`
			} `json:"mutators"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), name)
		for _, key := range []string{"minted_at", "expires_at", "refresh_at", "last_error_at"} {
			got, _ := body.Mutators[0].Status[key].(string)
			require.Equal(t, c.json, got, "%s: %s", name, key)
		}
		page := record(h, newRequest("GET", "/", adminSecret))
		require.Equal(t, 200, page.Code, name)
		require.NotContains(t, textOf(page.Body.String()), " -", name)
		require.Equal(t, 200, record(statuspage.Health(registry), newRequest("GET", "/", "")).Code, name)
	}
}
