package statuspage_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/provisionhook/statuspage"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// reporter is a mutator that has tokens, for all or for each, and says how it
// is doing. It must never be asked for one.
type reporter struct {
	name   string
	status func() tokenprovider.Status
}

func (r reporter) Name() string                                             { return r.name }
func (reporter) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (r reporter) Status() tokenprovider.Status                             { return r.status() }

type sharedReporter struct{ reporter }

func (sharedReporter) Token(context.Context) (string, time.Time, error) {
	panic("a token was minted")
}

type workspaceReporter struct{ reporter }

func (workspaceReporter) WorkspaceToken(context.Context, string) (string, time.Time, error) {
	panic("a token was minted")
}

// usageReporter is a reporter that knows what its forge lets it do.
type usageReporter struct {
	sharedReporter
	usage func() tokenprovider.Usage
}

func (r usageReporter) Usage() tokenprovider.Usage { return r.usage() }

// silent has tokens and doesn't say how it is doing.
type silent struct{ name string }

func (s silent) Name() string                                             { return s.name }
func (silent) MutateEnv(context.Context, string, map[string]string) error { return nil }
func (silent) Token(context.Context) (string, time.Time, error) {
	panic("a token was minted")
}

func reports(name string, s tokenprovider.Status) provisionhook.EnvMutator {
	return sharedReporter{reporter{name, func() tokenprovider.Status { return s }}}
}

func inState(s tokenprovider.State) provisionhook.EnvMutator {
	return reports("secret-name",
		tokenprovider.Status{
			Name: "secret-name", State: s, LastError: "secret-error", TokenSHA256: "secret-digest",
		})
}

func TestHealthFailsWhenEachProviderDoes(t *testing.T) {
	forEach := func(s tokenprovider.State) provisionhook.EnvMutator {
		return workspaceReporter{
			reporter{"secret-name", func() tokenprovider.Status { return tokenprovider.Status{State: s} }},
		}
	}
	many := func(s tokenprovider.State, failing, of int) provisionhook.EnvMutator {
		return workspaceReporter{
			reporter{"secret-name", func() tokenprovider.Status { return tokenprovider.Status{State: s, Failing: failing, Of: of} }},
		}
	}
	noProvider := provisionhook.Func("secret-name",
		func(context.Context, string, map[string]string) error { return nil })
	panics := sharedReporter{
		reporter{"secret-name", func() tokenprovider.Status { panic("secret-error") }},
	}
	const (
		empty      = tokenprovider.StateEmpty
		fresh      = tokenprovider.StateFresh
		refreshing = tokenprovider.StateRefreshing
		degraded   = tokenprovider.StateDegraded
		failing    = tokenprovider.StateFailing
	)
	type mutators = []provisionhook.EnvMutator
	for name, row := range map[string]struct {
		mutators mutators
		status   int
		state    string
	}{
		"nothing registered":     {nil, 503, "not_configured"},
		"no provider among them": {mutators{noProvider}, 503, "not_configured"},
		"empty":                  {mutators{inState(empty)}, 200, "empty"},
		"fresh":                  {mutators{inState(fresh)}, 200, "fresh"},
		"refreshing":             {mutators{inState(refreshing)}, 200, "refreshing"},
		"degraded":               {mutators{inState(degraded)}, 200, "degraded"},
		"failing":                {mutators{inState(failing)}, 503, "failing"},
		"one of them failing":    {mutators{inState(fresh), inState(failing), inState(degraded)}, 200, "degraded"},
		"all of them failing":    {mutators{inState(failing), forEach(failing), many(failing, 3, 3)}, 503, "failing"},
		"failing beside empty":   {mutators{inState(failing), inState(empty)}, 200, "degraded"},
		"failing, others unsaid": {mutators{inState(failing), silent{"secret-name"}}, 200, "degraded"},
		"of many, none":          {mutators{many(fresh, 0, 100)}, 200, "fresh"},
		"of many, one":           {mutators{many(failing, 1, 100)}, 200, "degraded"},
		"of many, all":           {mutators{many(failing, 100, 100)}, 503, "failing"},
		"of many, no number":     {mutators{many(failing, 0, 100)}, 200, "degraded"},
		"of many, all by number": {mutators{many(fresh, 100, 100)}, 503, "failing"},
		"of none, failing":       {mutators{many(failing, 0, 0)}, 503, "failing"},
		"of less than none":      {mutators{many(fresh, 0, -1)}, 200, "fresh"},
		"of many, more than all": {mutators{many(fresh, 101, 100)}, 503, "failing"},
		"fresh beside empty":     {mutators{inState(fresh), inState(empty)}, 200, "fresh"},
		"degraded beside refreshing": {
			mutators{inState(refreshing), inState(degraded), inState(fresh)}, 200, "degraded",
		},
		"beside what provides nothing": {mutators{noProvider, inState(fresh), noProvider}, 200, "fresh"},
		"for each workspace, fresh":    {mutators{forEach(fresh)}, 200, "fresh"},
		"for each workspace, failing":  {mutators{inState(fresh), forEach(failing)}, 200, "degraded"},
		"below wrappers": {
			mutators{provisionhook.FailOpen(provisionhook.Timeout(inState(failing), time.Second), nil)},
			503, "failing",
		},
		"for each workspace, below wrappers": {
			mutators{provisionhook.Timeout(forEach(failing), time.Second)}, 503, "failing",
		},
		"not reporting":              {mutators{silent{"secret-name"}}, 200, "unknown"},
		"not reporting beside empty": {mutators{silent{"secret-name"}, inState(empty)}, 200, "empty"},
		"a state that isn't one":     {mutators{inState("on fire")}, 503, "failing"},
		"no state":                   {mutators{inState("")}, 503, "failing"},
		"a panic":                    {mutators{panics}, 503, "failing"},
	} {
		registry := provisionhook.NewRegistry()
		registry.Register(row.mutators...)
		w := record(statuspage.Health(registry), newRequest("GET", "/healthz", ""))
		require.Equal(t, row.status, w.Code, name)
		require.Equal(t, `{"state":"`+row.state+`"}`, w.Body.String(), name)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	}
	require.Equal(t, 503, record(statuspage.Health(nil), newRequest("GET", "/", "")).Code,
		"a nil registry has no provider")
}

func TestHealthFollowsTheProviderAndNeverMints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mints int
		var err error
		cache := tokenprovider.NewCache(tokenprovider.Func(func(context.Context) (string, time.Time, error) {
			mints++
			return "a-token", time.Now().Add(time.Hour), err
		}), nil)
		registry := provisionhook.NewRegistry()
		health := statuspage.Health(registry)
		state := func() string { return record(health, newRequest("GET", "/", "")).Body.String() }
		require.Equal(t, `{"state":"not_configured"}`, state())

		registry.Register(plugin{cache}) // later than the handler
		require.Equal(t, `{"state":"empty"}`, state())
		require.Zero(t, mints)

		ask := func() { _, _, _ = cache.Token(t.Context()); synctest.Wait() }
		ask()
		require.Equal(t, `{"state":"fresh"}`, state())
		time.Sleep(50 * time.Minute)
		require.Equal(t, `{"state":"refreshing"}`, state())
		err = errors.New("down")
		ask()
		require.Equal(t, `{"state":"degraded"}`, state())
		time.Sleep(11 * time.Minute)
		require.Equal(t, `{"state":"failing"}`, state())
		time.Sleep(24 * time.Hour)
		require.Equal(t, `{"state":"failing"}`, state(), "it stays until someone asks for a token")
		require.Equal(t, 2, mints, "and looking at it mints nothing")
		err = nil
		ask()
		require.Equal(t, `{"state":"fresh"}`, state())
	})
}

func TestHealthAndStatusAnswerGETAndHEADOnly(t *testing.T) {
	registry := provisionhook.NewRegistry()
	registry.Register(inState(tokenprovider.StateFresh))
	status, err := statuspage.New(registry, adminToken(t, adminSecret))
	require.NoError(t, err)
	for name, server := range map[string]func(method string) answer{
		"health": func(method string) answer {
			return ask(t, serve(t, statuspage.Health(registry)), method, "/any/path", "")
		},
		"status": func(method string) answer { return ask(t, serve(t, status), method, "/any/path", adminSecret) },
	} {
		require.Equal(t, 200, server("GET").status, name)
		head := server("HEAD")
		require.Equal(t, 200, head.status, name)
		require.Empty(t, head.body, name)
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
			got := server(method)
			require.Equal(t, 405, got.status, "%s %s", method, name)
			require.Equal(t, "GET, HEAD", got.header.Get("Allow"), "%s %s", method, name)
		}
	}
}
