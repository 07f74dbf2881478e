package githubapp_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

func TestFindInstallation(t *testing.T) {
	g := newGitHub(t, nil)
	g.AddInstallation(githubapptest.Installation{ID: 43, AppID: appID, Account: "someone", AccountType: "User", Repositories: []string{"someone/thing"}})
	require.NoError(t, g.RenameRepository("someone/thing", "someone/renamed"))
	g.Suspend(43, true)
	app := g.app(t)
	g.AddInstallation(githubapptest.Installation{ID: 44, AppID: appID, Account: "corp", AccountType: "Enterprise"})
	for target, id := range map[string]int64{
		"enterprises/corp": 44, "acme": 42, "ACME": 42, "acme/widgets": 42, "someone": 43, "someone/renamed": 43, "someone/thing": 43,
	} {
		t.Run(target, func(t *testing.T) {
			info, err := app.FindInstallation(t.Context(), target)
			require.NoError(t, err)
			require.Equal(t, id, info.ID)
		})
	}
	info, err := app.FindInstallation(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, &githubapp.InstallationInfo{
		ID: 42, Account: "acme", AccountType: "Organization", RepositorySelection: "selected",
		Permissions: map[string]string{"contents": "write", "issues": "read", "metadata": "read"},
	}, info)
	info, err = app.FindInstallation(t.Context(), "someone")
	require.NoError(t, err)
	require.Equal(t, "User", info.AccountType)
	require.WithinDuration(t, time.Now(), info.SuspendedAt, time.Minute)
}

func TestWhatIsNotInstalledIsNotFoundAndSaysWhatToDo(t *testing.T) {
	for target, says := range map[string]string{
		"nobody": "nobody", "acme/none": "acme/none", "nobody/none": "nobody", "enterprises/none": "enterprises/none",
	} {
		_, err := newGitHub(t, nil).app(t).FindInstallation(t.Context(), target)
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, "isn't installed on "+says+",")
		require.ErrorContains(t, err, "install it")
		answer, ok := errors.AsType[*githubapp.APIError](err)
		require.True(t, ok)
		require.Equal(t, http.MethodGet, answer.Method)
	}
}

func TestAnAccountWithoutTheAppIsKnownForItsRepositories(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	for n := range 100 {
		_, err := app.FindInstallation(t.Context(), fmt.Sprint("nobody/r", n))
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
		require.ErrorContains(t, err, "isn't installed on nobody,")
	}
	require.Len(t, g.Requests(), 2, "of the repository and of its account")

	for range 2 { // an account that has it knows nothing of its other repositories
		_, err := app.FindInstallation(t.Context(), "acme/none")
		require.Equal(t, tokenprovider.CodeNotFound, tokenprovider.CodeOf(err))
	}
	_, err := app.FindInstallation(t.Context(), "acme/widgets")
	require.NoError(t, err)
	require.Len(t, g.Requests(), 5)
}

func TestATargetThatIsNoNameIsRefusedBeforeARequest(t *testing.T) {
	g := newGitHub(t, nil)
	app := g.app(t)
	for _, target := range []string{"", "/", "acme/", "/widgets", "acme/widgets/x", "..", "acme/..", "enterprises/a/b", "a b", "acme?x", "acme/%2e%2e", "acme\n", "https://github.com/acme"} {
		_, err := app.FindInstallation(t.Context(), target)
		require.Equal(t, tokenprovider.CodeInvalidRequest, tokenprovider.CodeOf(err), "%q", target)
	}
	require.Empty(t, g.Requests())
}

func TestInstallationsAreListedPageByPage(t *testing.T) {
	g := newGitHub(t, nil)
	for n := range 250 {
		g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
	}
	for _, suffix := range []string{"", "/api/v3"} {
		g.ForgetRequests()
		app := g.app(t, func(o *githubapp.Options) { o.BaseURL += suffix })
		ids := map[int64]bool{}
		for info, err := range app.Installations(t.Context()) {
			require.NoError(t, err)
			ids[info.ID] = true
		}
		require.Len(t, ids, 251)
		require.Len(t, g.Requests(), 3)
	}
	g.ForgetRequests()
	for range g.app(t).Installations(t.Context()) {
		break
	}
	require.Len(t, g.Requests(), 1, "a page is asked for when it is wanted")
}

func TestAListThatLeadsAwayOrGoesInACircleIsAnError(t *testing.T) {
	var stray int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stray++ }))
	defer other.Close()
	g := newGitHub(t, nil)
	for name, c := range map[string]struct {
		link string
		says string
	}{
		"another host": {other.URL + "/app/installations?page=2", "circle"}, // it is asked for at the base
		"a user":       {"http://user@" + g.URL[len("http://"):] + "/app/installations?page=2", "isn't on the host"},
		"a circle":     {g.URL + "/app/installations?page=2", "circle"},
	} {
		t.Run(name, func(t *testing.T) {
			defer g.Fail(githubapptest.Rule{Fault: githubapptest.SetHeader("Link", "<"+c.link+`>; rel="next"`)})()
			var last error
			for _, err := range g.app(t).Installations(t.Context()) {
				last = err
			}
			require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(last))
			require.ErrorContains(t, last, c.says)
		})
	}
	require.Zero(t, stray)
}

func TestALookupIsNotSentOnToAnotherHost(t *testing.T) {
	var stray int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stray++ }))
	defer other.Close()
	g := newGitHub(t, nil)
	for name, target := range map[string]string{"another port": other.URL + "/users/acme/installation", "itself": ""} {
		stop := g.Fail(githubapptest.Rule{Fault: githubapptest.Redirect(301, target)})
		_, err := g.app(t).FindInstallation(t.Context(), "acme")
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), name)
		stop()
	}
	require.Zero(t, stray)
}

func TestAnswersThatAreNoInstallationAreInternalErrors(t *testing.T) {
	g := newGitHub(t, nil)
	for _, body := range []string{"", "null", "{}", "[]", `{"id":"x"}`, `{"id":-1}`, `{"id":1,"suspended_at":"yesterday"}`, "<html>"} {
		stop := g.Fail(githubapptest.Rule{Fault: githubapptest.Body(200, "application/json", body)})
		_, err := g.app(t).FindInstallation(t.Context(), "acme")
		require.Equal(t, tokenprovider.CodeInternal, tokenprovider.CodeOf(err), body)
		stop()
	}
	stop := g.Fail(githubapptest.Rule{Fault: githubapptest.Body(200, "application/json", `[{"id":9,"account":null,"target_type":"Enterprise"},{"id":8,"account":{"slug":"corp","name":"Corp"},"target_type":"Enterprise"}]`)})
	defer stop()
	var accounts []string
	for info, err := range g.app(t).Installations(t.Context()) {
		require.NoError(t, err)
		accounts = append(accounts, info.AccountType+" "+info.Account)
	}
	require.Equal(t, []string{"Enterprise ", "Enterprise corp"}, accounts)
}

// endless is a body that has no end, and counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) { e.read += int64(len(p)); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestALookupIsReadUpToItsBound(t *testing.T) {
	body := new(endless)
	app := newGitHub(t, nil).app(t, func(o *githubapp.Options) {
		o.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
		})}
	})
	_, err := app.FindInstallation(t.Context(), "acme")
	require.ErrorContains(t, err, "larger than")
	require.LessOrEqual(t, body.read, int64(1<<20+512))
}
