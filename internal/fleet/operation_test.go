package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// what an operation is.
type what int

const (
	pulling what = iota
	pullingOwn
	calling
	starting
	releasing
	operations
)

func (w what) String() string {
	return [...]string{"pull of a shared token", "pull of its own token", "call by the gateway", "start", "release"}[w]
}

func (k kind) operation() what { return [...]what{pulling, pullingOwn, calling}[k] }

// operation is something that a workspace, or the platform for it, asked for.
type operation struct {
	what
	workspace    string
	organisation int
	replica      int
	lived        time.Time // since when
	began, ended time.Time
	failed       string // why; "": it went well
}

func (f *fleet) operation(w *workspace, is what) operation {
	return operation{what: is, workspace: w.id, organisation: w.organisation, replica: w.random.IntN(replicas),
		lived: w.started, began: time.Now()}
}

func (o *operation) end(failed string) { o.ended, o.failed = time.Now(), failed }

// patience is how long a workspace's command goes on trying.
const patience = 20 * time.Second

// bound is how long it waits for one answer.
const bound = 10 * time.Second

// try asks a handler as a workspace's command does: again where there is no
// answer in time.
func try(request func(context.Context) *http.Request, handler http.Handler) (answer *httptest.ResponseRecorder) {
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(context.Background(), min(bound, patience-time.Since(began)))
		answer = httptest.NewRecorder()
		handler.ServeHTTP(answer, request(ctx))
		late := ctx.Err() != nil
		cancel()
		if !late || time.Since(began) >= patience {
			return answer
		}
	}
}

// pull asks for a token, as git's credential helper does.
func (f *fleet) pull(w *workspace, o *operation) {
	answer := try(func(ctx context.Context) *http.Request {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/workspaces/"+w.id+"/token?min_ttl=10m", nil)
		r.Header.Set("Authorization", "Bearer "+w.bearer)
		return r
	}, f.replica(o.replica).endpoints[w.kind])
	var got struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	switch {
	case answer.Code != http.StatusOK:
		o.end(fmt.Sprint("endpoint: ", answer.Code, " ", answer.Body))
	case json.Unmarshal(answer.Body.Bytes(), &got) != nil || !got.ExpiresAt.After(time.Now()):
		o.end("endpoint: the token is dead")
	default:
		if w.pulls++; w.pulls%20 == 0 {
			if status, err := f.spend(got.Token); status != http.StatusOK {
				o.end(fmt.Sprint("GitHub: ", status, " ", err))
			}
		}
		if w.kind == owning {
			w.token = got.Token
		}
	}
	o.ended = time.Now()
}

// call asks GitHub's API by way of the gateway.
func (f *fleet) call(w *workspace, o *operation) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := callOfAPI(ctx, w)
	answer := httptest.NewRecorder()
	f.replica(o.replica).gateway.ServeHTTP(answer, r)
	o.end("")
	if answer.Code != http.StatusOK {
		o.end(fmt.Sprint("gateway: ", answer.Code, " ", answer.Body))
	}
}

// callOfAPI returns a small call of GitHub's API, as a workspace makes it.
func callOfAPI(ctx context.Context, w *workspace) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v3/repos/"+repository(w.organisation), nil)
	r.Host = gatewayHost
	r.Header.Set("Authorization", "token "+w.bearer)
	r.Header.Set("User-Agent", userAgent)
	return r
}

// boot makes the workspace's environment, and takes its bearer from there.
func (f *fleet) boot(w *workspace, o *operation) {
	env := map[string]string{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := f.replica(o.replica).registries[w.kind].Run(ctx, w.id, env)
	o.end("")
	if err != nil {
		o.end("registry: " + err.Error())
		return
	}
	w.bearer, w.token = env[tokenhttp.EnvBearer], env["GH_TOKEN"]
	if w.kind == behind {
		w.bearer = env["GH_ENTERPRISE_TOKEN"]
	}
}

// end releases the workspace, and returns when it is to be released again.
func (f *fleet) end(w *workspace, o *operation) (again time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := f.replica(o.replica).registries[w.kind].Release(ctx, w.id)
	o.end("")
	if err == nil {
		return 0
	}
	o.end("registry: " + err.Error())
	if uncertain, ok := errors.AsType[*githubapp.ReleaseUncertainError](err); ok {
		return time.Until(uncertain.Until)
	}
	return 30 * time.Second
}

// stale has the bearer of a workspace that is gone tried at each replica. None
// may take it.
func (f *fleet) stale(w *workspace) {
	for n := range replicas {
		r := httptest.NewRequest(http.MethodGet, "/workspaces/"+w.id+"/token", nil)
		handler := f.replica(n).endpoints[w.kind]
		if w.kind == behind {
			r, handler = callOfAPI(context.Background(), w), f.replica(n).gateway
		}
		r.Header.Set("Authorization", "Bearer "+w.bearer)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		f.judge.refusal(answer.Code == http.StatusForbidden)
	}
}

// spend uses a token at GitHub.
func (f *fleet) spend(token string) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.github.URL+"/installation/repositories?per_page=1", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "token "+token)
	r.Header.Set("User-Agent", userAgent)
	answer, err := f.github.Client().Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// userAgent is that of the workspaces' own requests.
const userAgent = "workspace"

// admit refuses workspaces that are gone.
func (f *platform) admit(_ context.Context, p tokenhttp.Principal) error {
	if w, ok := f.records.find(p.WorkspaceID); ok && !p.IssuedAt.Before(w.started.Truncate(time.Second)) {
		return nil
	}
	return tokenhttp.ErrForbidden
}

// unknown is the policy's answer about a workspace that is none.
var unknown = &tokenprovider.Error{Code: tokenprovider.CodeForbidden}
