package doctor_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
	"github.com/stretchr/testify/require"
)

// guest is a workspace in which all is well, of a platform with a gateway: gh is
// the real one, and nothing of this repository is in it.
type guest struct {
	*patient
	forge   *workspacetest.Forge
	gateway *workspacetest.Gateway
}

func newGuest(t *testing.T, f *workspacetest.Forge, g *workspacetest.Gateway, opts gateway.MutatorOptions) *guest {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the helper by which git reads the bearer is a line of shell")
	}
	p := &guest{&patient{Git: g.Workspace(t, opts), bin: t.TempDir()}, f, g}
	here, err := os.Getwd()
	require.NoError(t, err)
	p.Env["GIT_CEILING_DIRECTORIES"] = filepath.Dir(here)
	p.Env["PATH"] = p.bin
	for _, name := range []string{"git", "gh", "cat"} { // git's helper of the mutator reads a file with the last
		require.NoError(t, os.Symlink(testutil.NeedTool(t, name), filepath.Join(p.bin, name)))
	}
	return p
}

// shim puts the command before the real gh.
func (p *guest) shim(t *testing.T) {
	p.Env["PROVISIONKIT_GH"] = testutil.NeedTool(t, "gh")
	link := filepath.Join(p.bin, "gh")
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(testutil.Command(t), link))
}

// doctor returns what a process of the command says: the proxy and the
// certificates of one are those of its environment.
func (p *guest) doctor(t *testing.T) diagnosis {
	t.Helper()
	return p.read(t, start(t, p.Env, "", "doctor", "--json"))
}

func TestBehindAGatewayEveryCheckIsGreen(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewUnwired(t, time.Hour)
	g := f.NewGateway(t)
	for name, c := range map[string]struct {
		opts gateway.MutatorOptions
		do   func(t *testing.T, p *guest)
	}{
		"by variables": {},
		"by a file":    {opts: gateway.MutatorOptions{ConfigFile: filepath.Join(t.TempDir(), "wiring", "gitconfig")}},
		"by the shim, with the bearer in a file": {
			opts: gateway.MutatorOptions{BearerFile: filepath.Join(t.TempDir(), "bearer")},
			do:   func(t *testing.T, p *guest) { p.shim(t); delete(p.Env, "GH_HOST") },
		},
	} {
		p := newGuest(t, f, g, c.opts)
		if c.do != nil {
			c.do(t, p)
		}
		d := p.doctor(t)
		require.True(t, d.OK, "%s: %+v", name, d)
		require.Len(t, d.with("ok"), len(d.Checks)-len(ofARepository), "%s: %+v", name, d)
		require.Equal(t, "gateway.example.com", d.message("hosts"))
		require.Contains(t, d.message("gateway"), "gateway.example.com answers, through the proxy")
		require.Equal(t, "the gateway takes the bearer", d.message("gateway-access"))
		require.Contains(t, d.message("gateway-git"), "takes the gateway for https://127.0.0.1:")

		p.Run(t, p.repository(t), "remote", "add", "origin", f.URL)
		d = p.doctor(t)
		require.Equal(t, "gateway.example.com lets this workspace in for acme/widgets", d.message("forge"), name)
		require.Empty(t, d.with("skipped"))
	}
}

func TestOfAWorkspaceThatPullsTooAllIsChecked(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewForge(t, time.Hour, nil)
	g := f.NewGateway(t)
	p := newGuest(t, f, g, gateway.MutatorOptions{})
	p.unwire()
	maps.Copy(p.Env, f.Env)
	g.Wire(t, p.Env, gateway.MutatorOptions{})
	p.Env["PROVISIONKIT_HOSTS"] = f.Host
	d := p.doctor(t)
	require.True(t, d.OK, "%+v", d)
	require.Equal(t, f.Host+", gateway.example.com", d.message("hosts"))
	require.Equal(t, "git gets the token for "+f.Host, d.message("git-credential"))
	require.Equal(t, "the gateway takes the bearer", d.message("gateway-access"))
}

// gatewayBreakages have a check that they break, and another that has to do with
// the same.
var gatewayBreakages = []struct {
	name  string
	do    func(t *testing.T, p *guest)
	check string
	says  string
	warns bool
	more  []string // other checks that see it, too
}{
	{
		name: "plain http", check: "gateway", says: "PROVISIONKIT_GATEWAY is http to another machine", more: []string{"gateway-git", "gateway-gh"},
		do: gatewayAt("http://gateway.example.com"),
	},
	{
		name: "a name that leads nowhere", check: "gateway", says: "doesn't let this workspace through to other.example.com (403)",
		more: []string{"gateway-git", "gateway-gh"}, do: gatewayAt("https://other.example.com"),
	},
	{
		name: "an unknown authority", check: "gateway", says: "is signed by an authority that this machine doesn't know",
		do: func(t *testing.T, p *guest) { p.Env["SSL_CERT_FILE"] = os.DevNull },
	},
	{
		name: "another server", check: "gateway", says: "no gateway but something else answered (200, text/html)",
		more: []string{"gateway-git", "gateway-gh"},
		do: func(t *testing.T, p *guest) {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
			}))
			t.Cleanup(server.Close)
			gatewayAt(server.URL)(t, p) // with the same certificate as all of httptest
		},
	},

	{
		name: "no settings of git's", check: "gateway-git", says: "let the platform write its variables",
		do: func(t *testing.T, p *guest) { p.unwire() },
	},
	{
		name: "a longer insteadOf", check: "gateway-git", says: "git goes past the gateway for https://127.0.0.1:",
		do: func(t *testing.T, p *guest) {
			p.config(t, "url.https://mirror.example/.insteadOf", p.forge.GitHub.URL+"/own")
			p.config(t, "url.https://x:hunter2@mirror.example/.insteadOf", p.forge.GitHub.URL+"/owner")
		},
		more: []string{"rewrites"},
	},
	{
		name: "pushes to elsewhere", check: "gateway-git", says: "pushes to https://127.0.0.1:",
		do: func(t *testing.T, p *guest) {
			p.config(t, "url.https://mirror.example/.pushInsteadOf", p.forge.GitHub.URL+"/")
		},
	},
	{
		name: "no bearer of git's", check: "gateway-git", says: "neither http.https://gateway.example.com/.extraHeader nor a helper",
		do: func(t *testing.T, p *guest) {
			for name, value := range p.Env {
				if strings.HasPrefix(value, "Authorization") {
					p.Env[name] = "X-Trace: on"
				}
			}
		},
	},

	{
		name: "a bearer of another platform", check: "gateway-access", says: "refuses the bearer (401)",
		do: func(_ *testing.T, p *guest) {
			bearer := p.Env["GH_ENTERPRISE_TOKEN"]
			for name, value := range p.Env {
				p.Env[name] = strings.ReplaceAll(value, bearer, "hunter2")
			}
		},
	},
	{
		name: "a released workspace", check: "gateway-access", says: "doesn't let this workspace in (403)",
		do: func(t *testing.T, p *guest) {
			*p = *newGuest(t, p.forge, p.forge.NewGateway(t), gateway.MutatorOptions{})
			p.gateway.Release()
		},
	},

	{
		name: "no host for gh", check: "gateway-gh", says: "have the platform set GH_HOST to gateway.example.com",
		do: func(t *testing.T, p *guest) { delete(p.Env, "GH_HOST") },
	},
	{
		name: "another host for gh", check: "gateway-gh", says: "gh goes to github.com and not to the gateway",
		do: func(t *testing.T, p *guest) { p.Env["GH_HOST"] = "github.com" },
	},
	{
		name: "a token that was filtered by its name", check: "gateway-gh", says: "GH_ENTERPRISE_TOKEN isn't set",
		do: func(t *testing.T, p *guest) { delete(p.Env, "GH_ENTERPRISE_TOKEN") },
	},
	{
		name: "another token of gh's", check: "gateway-gh", says: "isn't the workspace's bearer",
		do: func(t *testing.T, p *guest) { p.Env["GH_ENTERPRISE_TOKEN"] = "gho_hunter2" },
	},
	{
		name: "another login of gh's", check: "gateway-gh", says: "isn't the workspace's bearer: run gh auth logout",
		do: func(t *testing.T, p *guest) {
			delete(p.Env, "GH_ENTERPRISE_TOKEN")
			home(".config/gh/hosts.yml", "gateway.example.com:\n    oauth_token: gho_hunter2\n")(t, p.patient)
		},
	},
	{
		name: "a file without the shim", check: "gateway-gh", says: "which git-credential-provisionkit install makes",
		do: func(t *testing.T, p *guest) {
			bearer := filepath.Join(t.TempDir(), "bearer")
			*p = *newGuest(t, p.forge, p.gateway, gateway.MutatorOptions{BearerFile: bearer})
		},
	},
	{
		name: "an expired file", check: "bearer", says: "it says that it expired", warns: true, more: []string{"gateway-access"},
		do: func(t *testing.T, p *guest) {
			bearer := filepath.Join(t.TempDir(), "bearer")
			*p = *newGuest(t, p.forge, p.gateway, gateway.MutatorOptions{BearerFile: bearer})
			p.shim(t)
			const expired = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3cy0xIiwiZXhwIjoxfQ.c2ln"
			require.NoError(t, os.WriteFile(bearer, []byte(expired), 0o600))
		},
	},
	{
		name: "a token of the forge's", check: "environment", says: "in GH_TOKEN is a token of the forge",
		do: func(t *testing.T, p *guest) { injected("GH_TOKEN")(t, p.patient) },
	},
	{
		name: "a second Authorization", check: "headers", says: "sends an Authorization to gateway.example.com",
		do: func(t *testing.T, p *guest) { p.config(t, "http.extraHeader", "Authorization: hunter2") },
	},
	{
		name: "a repository that the policy refuses", check: "forge", says: "refuses acme/gadgets to this workspace (403)",
		do: func(t *testing.T, p *guest) {
			p.Run(t, p.repository(t), "remote", "add", "origin", p.forge.GitHub.URL+"/acme/gadgets")
		},
	},
	{
		name: "a certificate that git doesn't know", check: "forge", says: "git doesn't trust the certificate of gateway.example.com",
		do: func(t *testing.T, p *guest) {
			p.Run(t, p.repository(t), "remote", "add", "origin", p.forge.URL)
			p.Env["GIT_SSL_CAINFO"] = os.DevNull
		},
	},
}

// gatewayAt has the platform say that the gateway is there.
func gatewayAt(url string) func(*testing.T, *guest) {
	return func(_ *testing.T, p *guest) { p.Env["PROVISIONKIT_GATEWAY"] = url }
}

func TestDoctorTellsWhatIsWrongWithTheWayToTheGateway(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewUnwired(t, time.Hour)
	g := f.NewGateway(t)
	broken := []string{}
	for _, b := range gatewayBreakages {
		p := newGuest(t, f, g, gateway.MutatorOptions{})
		b.do(t, p)
		d := p.doctor(t)
		require.Contains(t, d.message(b.check), b.says, "%s: %+v", b.name, d)
		found := append([]string{b.check}, b.more...)
		require.ElementsMatch(t, found, slices.Concat(d.with("error"), d.with("warning")), "%s: %+v", b.name, d)
		require.Equal(t, b.warns, slices.Contains(d.with("warning"), b.check), b.name)
		broken = append(broken, b.check)
	}
	for _, check := range []string{"gateway", "gateway-git", "gateway-access", "gateway-gh"} {
		require.Contains(t, broken, check)
	}
}

// TestAtAPortOfItsOwnTheGatewayIsForGitAlone has the gateway where a proxy
// doesn't have to lead.
func TestAtAPortOfItsOwnTheGatewayIsForGitAlone(t *testing.T) {
	t.Parallel()
	f := workspacetest.NewUnwired(t, time.Hour)
	p := newGuest(t, f, f.NewGateway(t), gateway.MutatorOptions{})
	for name, value := range p.Env {
		p.Env[name] = strings.ReplaceAll(value, "gateway.example.com", "gateway.example.com:8443")
	}
	d := p.doctor(t)
	require.Equal(t, []string{"gateway-gh"}, d.with("warning"), "%+v", d)
	require.Contains(t, d.message("gateway-gh"), "have the gateway at port 443")
}
