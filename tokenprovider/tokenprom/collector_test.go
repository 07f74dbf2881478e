package tokenprom_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenprom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	promtest "github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

const secret = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"

// providers returns one in each state that a scrape can find without waiting.
func providers(t *testing.T, expiresAt time.Time) map[string]tokenprovider.StatusReporter {
	mint := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return secret, expiresAt, nil
	})
	fail := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden,
			Err: errors.New("suspended")}
	})
	fresh := tokenprovider.NewCache(mint, nil)
	failing := tokenprovider.NewCache(fail, nil)
	endless := tokenprovider.NewCache(tokenprovider.Static(secret), nil)
	for _, p := range []tokenprovider.TokenProvider{fresh, failing, endless} {
		_, _, _ = p.Token(t.Context())
	}
	return map[string]tokenprovider.StatusReporter{
		"fresh": fresh, "failing": failing, "endless": endless, "empty": tokenprovider.NewCache(mint, nil),
		"nil": nil, "nil of a type": (*tokenprovider.Cache)(nil),
	}
}

// scrape returns what Prometheus gets over HTTP.
func scrape(t *testing.T, c prometheus.Collector) (map[string]*dto.MetricFamily, string) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	server := httptest.NewServer(promhttp.HandlerFor(registry,
		promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err)
	return families, string(body)
}

// values returns the samples of a family, by provider and its other label.
func values(f *dto.MetricFamily) map[string]float64 {
	found := map[string]float64{}
	for _, m := range f.GetMetric() {
		var provider, other string
		for _, l := range m.GetLabel() {
			if l.GetName() == "provider" {
				provider = l.GetValue()
			} else {
				other = "/" + l.GetValue()
			}
		}
		found[provider+other] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return found
}

func TestAScrapeShowsTheStatusOfEveryProvider(t *testing.T) {
	expiresAt := time.Now().Add(time.Hour).Truncate(time.Second)
	families, text := scrape(t, tokenprom.NewCollector(providers(t, expiresAt)))

	states := values(families["provisionkit_token_state"])
	require.Len(t, states, 4*5)
	for key, want := range map[string]float64{
		"fresh/fresh": 1, "fresh/failing": 0, "failing/failing": 1, "endless/fresh": 1, "empty/empty": 1, "empty/fresh": 0,
	} {
		require.Equal(t, want, states[key], key)
	}
	require.Equal(t, map[string]float64{"fresh": float64(expiresAt.Unix())},
		values(families["provisionkit_token_expiry_timestamp_seconds"]))
	require.Equal(t, map[string]float64{"failing/forbidden": 1},
		values(families["provisionkit_token_refresh_error"]))
	require.Equal(t, map[string]float64{"fresh": 1, "failing": 0, "endless": 1, "empty": 0},
		values(families["provisionkit_token_mints_total"]))
	require.Equal(t, map[string]float64{"fresh": 0, "failing": 1, "endless": 0, "empty": 0},
		values(families["provisionkit_token_refresh_failures_total"]))
	ages := values(families["provisionkit_token_age_seconds"])
	require.Len(t, ages, 2)
	for _, age := range ages {
		require.GreaterOrEqual(t, age, 0.0)
		require.Less(t, age, 60.0)
	}
	require.Equal(t, dto.MetricType_COUNTER, families["provisionkit_token_mints_total"].GetType())
	require.Empty(t, testutil.Leak(text, secret))
}

func TestTheNamesKeepTheConventions(t *testing.T) {
	given := providers(t, time.Now().Add(time.Hour))
	given["forge"] = forge{
		func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFresh, Of: 1} },
		func() tokenprovider.Usage {
			return tokenprovider.Usage{Limits: make([]tokenprovider.Limit, 1), Holds: []tokenprovider.Hold{{Until: time.Now()}}}
		},
	}
	problems, err := promtest.CollectAndLint(tokenprom.NewCollector(given))
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestAScrapeMintsNothing(t *testing.T) {
	asked := 0
	mint := tokenprovider.Func(func(context.Context) (string, time.Time, error) {
		asked++
		return secret, time.Time{}, nil
	})
	empty := tokenprovider.NewCache(mint, nil)
	scrape(t, tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{"empty": empty}))
	require.Zero(t, asked)
}

func TestAScrapeIsSafeWhileTokensAreFetched(t *testing.T) {
	given := providers(t, time.Now().Add(time.Hour))
	c := tokenprom.NewCollector(given)
	clear(given) // the collector has a copy
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				_, _ = promtest.CollectAndLint(c)
			}
		})
	}
	group.Wait()
	families, _ := scrape(t, c)
	require.NotEmpty(t, families)
	families, _ = scrape(t, tokenprom.NewCollector(nil))
	require.Empty(t, families)
}

// reporter is a status of its own making.
type reporter func() tokenprovider.Status

func (r reporter) Status() tokenprovider.Status { return r() }

func TestAProvidersOwnStatusNeverEndsAScrape(t *testing.T) {
	given := map[string]tokenprovider.StatusReporter{}
	for name, status := range map[string]tokenprovider.Status{
		"late":         {State: tokenprovider.StateFresh, MintedAt: time.Unix(1<<62, 0), ExpiresAt: time.Unix(1<<62, 0)},
		"early":        {State: tokenprovider.StateFresh, MintedAt: time.Unix(-1<<60, 0), ExpiresAt: time.Unix(-1<<60, 0)},
		"on fire":      {State: "on fire"},
		"odd code":     {State: tokenprovider.StateFailing, LastErrorCode: "\xff"},
		"odd name\xff": {State: tokenprovider.StateEmpty},
	} {
		given[name] = reporter(func() tokenprovider.Status { return status })
	}
	given["panic"] = reporter(func() tokenprovider.Status { panic(secret) })
	given["goexit"] = reporter(func() tokenprovider.Status {
		runtime.Goexit()
		return tokenprovider.Status{}
	})
	families, text := scrape(t, tokenprom.NewCollector(given))
	states := values(families["provisionkit_token_state"])
	for key, want := range map[string]float64{
		"late/fresh": 1, "on fire/failing": 1, "on fire/fresh": 0, "panic/failing": 1, "goexit/failing": 1,
		"odd code/failing": 1, "odd name\uFFFD/empty": 1,
	} {
		require.Equal(t, want, states[key], key)
	}
	require.Equal(t, map[string]float64{"panic/internal": 1, "goexit/internal": 1,
		"on fire/internal": 1, "odd code/\uFFFD": 1},
		values(families["provisionkit_token_refresh_error"]))
	require.Equal(t, map[string]float64{"late": 1 << 62, "early": -1 << 60},
		values(families["provisionkit_token_expiry_timestamp_seconds"]))
	require.Empty(t, testutil.Leak(text, secret))
}

func TestAScrapeShowsHowManyTokensFailOfHowMany(t *testing.T) {
	families, _ := scrape(t, tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{
		"many": reporter(func() tokenprovider.Status {
			return tokenprovider.Status{State: tokenprovider.StateFailing, Failing: 3, Of: 400}
		}),
		"one": reporter(func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFailing} }),
	}))
	require.Equal(t, map[string]float64{"many": 3}, values(families["provisionkit_token_failing"]))
	require.Equal(t, map[string]float64{"many": 400}, values(families["provisionkit_token_of"]))
}

// forge is a provider that knows what its forge lets it do.
type forge struct {
	reporter
	usage func() tokenprovider.Usage
}

func (f forge) Usage() tokenprovider.Usage { return f.usage() }

func TestAScrapeShowsEachUsageOnce(t *testing.T) {
	well := reporter(func() tokenprovider.Status { return tokenprovider.Status{State: tokenprovider.StateFresh} })
	reset, until := time.Unix(2000, 0), time.Unix(3000, 0)
	usage := func() tokenprovider.Usage {
		return tokenprovider.Usage{
			Name: "app 7", Waiting: 3,
			Limits: []tokenprovider.Limit{
				{Subject: "app", Limit: 5000, Remaining: 17, Reset: reset}, {Subject: "acme", Limit: 60, Remaining: 60},
				{Subject: "app", Limit: 1, Remaining: 1}, {Subject: "\xff"},
			},
			Holds: []tokenprovider.Hold{
				{Subject: "acme", Code: tokenprovider.CodeForbidden, Until: reset},
				{Subject: "acme", Code: tokenprovider.CodeForbidden, Until: until},
				{Subject: "acme", Code: tokenprovider.CodeNotFound, Until: reset},
			},
		}
	}
	families, text := scrape(t, tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{
		"one": forge{well, usage}, "two": forge{well, usage},
		"another": forge{well, func() tokenprovider.Usage { return tokenprovider.Usage{Name: "app 8"} }},
		"panics":  forge{well, func() tokenprovider.Usage { panic(secret) }},
	}))
	subjects := func(name string) map[string]float64 {
		found := map[string]float64{}
		for _, m := range families["provisionkit_forge_"+name].GetMetric() {
			key := ""
			for _, l := range m.GetLabel() { // sorted: code, name, subject
				key += "/" + l.GetValue()
			}
			found[key] = m.GetGauge().GetValue()
		}
		return found
	}
	require.Equal(t, map[string]float64{"/app 7": 3, "/app 8": 0}, subjects("waiting_requests"))
	require.Equal(t, map[string]float64{"/app 7/app": 5000, "/app 7/acme": 60, "/app 7/\uFFFD": 0}, subjects("limit_requests"))
	require.Equal(t, map[string]float64{"/app 7/app": 17, "/app 7/acme": 60, "/app 7/\uFFFD": 0}, subjects("remaining_requests"))
	require.Equal(t, map[string]float64{"/app 7/app": 2000}, subjects("reset_timestamp_seconds"))
	require.Equal(t, map[string]float64{"/forbidden/app 7/acme": 3000, "/not_found/app 7/acme": 2000},
		subjects("held_until_timestamp_seconds"))
	require.Equal(t, 1.0, values(families["provisionkit_token_state"])["panics/fresh"])
	require.Empty(t, testutil.Leak(text, secret))
}

func TestAStatusThatHangsIsWaitedForASecondAndAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		back := make(chan struct{})
		c := tokenprom.NewCollector(map[string]tokenprovider.StatusReporter{
			"hangs": reporter(func() tokenprovider.Status {
				asked.Add(1)
				<-back
				return tokenprovider.Status{State: tokenprovider.StateFresh}
			}),
			"well": tokenprovider.NewCache(nil, nil),
		})
		gather := func() map[string]float64 {
			registry := prometheus.NewPedanticRegistry()
			require.NoError(t, registry.Register(c))
			families, err := registry.Gather()
			require.NoError(t, err)
			for _, f := range families {
				if f.GetName() == "provisionkit_token_state" {
					return values(f)
				}
			}
			return nil
		}
		for range 3 {
			began := time.Now()
			states := gather()
			require.Equal(t, time.Second, time.Since(began))
			require.Equal(t, 1.0, states["hangs/failing"])
			require.Equal(t, 1.0, states["well/empty"])
		}
		require.EqualValues(t, 1, asked.Load())
		close(back)
		synctest.Wait()
		require.Equal(t, 1.0, gather()["hangs/fresh"])
	})
}
