package doctor_test

import (
	"io"
	"log"
	"os"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/workspacetest"
	"github.com/stretchr/testify/require"
)

var quiet = log.New(io.Discard, "", 0)

// aged makes the bearer one of that age, with that life left.
func aged(age, left time.Duration) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		claims := jwt.MapClaims{}
		bearer, _, err := jwt.NewParser().ParseUnverified(p.Env["PROVISIONKIT_BEARER"], claims)
		require.NoError(t, err)
		claims["iat"], claims["exp"] = time.Now().Add(-age).Unix(), time.Now().Add(left).Unix()
		p.Env["PROVISIONKIT_BEARER"], err = bearer.SignedString([]byte(workspacetest.PlatformKey))
		require.NoError(t, err)
	}
}

func signed(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	bearer, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(workspacetest.PlatformKey))
	require.NoError(t, err)
	return bearer
}

func bearerFile(mode os.FileMode) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) { workspacetest.WithFile(t, p.Env, mode) }
}

func set(name, value string) func(*testing.T, *patient) {
	return func(_ *testing.T, p *patient) { p.Env[name] = value }
}

var tokenBreakages = []breakage{
	{
		name: "no bearer", do: set("PROVISIONKIT_BEARER", ""), check: "bearer",
		says: "neither PROVISIONKIT_BEARER_FILE nor PROVISIONKIT_BEARER is set",
	},
	{
		name: "a bearer file that isn't there",
		do:   set("PROVISIONKIT_BEARER_FILE", "/nowhere/bearer"), check: "bearer",
		says: "there is no bearer in /nowhere/bearer",
	},
	{
		name: "a relative path of the bearer", do: set("PROVISIONKIT_BEARER_FILE", "bearer"),
		check: "bearer", says: "must be an absolute path",
	},
	{
		name:  "a folder for a bearer",
		do:    func(t *testing.T, p *patient) { p.Env["PROVISIONKIT_BEARER_FILE"] = t.TempDir() },
		check: "bearer",
		says:  "must be a regular file",
	},
	{
		name: "an empty bearer file", check: "bearer", says: "there is no bearer in ",
		do: func(t *testing.T, p *patient) {
			require.NoError(t, os.Truncate(workspacetest.WithFile(t, p.Env, 0o600), 0))
		},
	},
	{
		name: "a bearer of two words", do: set("PROVISIONKIT_BEARER", "hunter2 hunter2"),
		check: "bearer", says: "has white space, control characters",
	},
	{
		name: "a bearer file for everybody", do: bearerFile(0o644), check: "bearer",
		status: "warning", says: "has rights 0644, so that everybody can read the bearer",
	},
	{
		name: "a bearer file that a group may write", do: bearerFile(0o660), check: "bearer",
		says: "has rights 0660, so that others can replace",
	},
	{
		name: "a bearer that got lost beside the URL", check: "bearer",
		do:   set("PROVISIONKIT_BEARER", ""),
		says: "since PROVISIONKIT_URL is set, what started this program may filter variables by name",
	},
	{
		name: "a cache for a time that is none", do: set("PROVISIONKIT_CACHE_FOR", "often"),
		check: "hosts", says: "PROVISIONKIT_CACHE_FOR must be a duration",
	},
	{
		name: "a bearer file that a group may read", do: bearerFile(0o640), check: "bearer",
		status: "warning", says: "its group can read the bearer",
	},
	{
		name: "a bearer file for its owner", do: bearerFile(0o400), check: "bearer", status: "ok",
		says: "valid until 2",
	},
	{
		name: "a bearer that has expired", do: aged(9*time.Hour, -time.Hour), check: "access",
		besides: "bearer",
		says:    "the bearer expired at 2",
	},
	{
		name: "a URL for a host", do: set("PROVISIONKIT_HOSTS", "https://github.com"),
		check: "hosts", says: "PROVISIONKIT_HOSTS: ",
	},
	{
		name: "a policy that isn't one", do: set("PROVISIONKIT_ON_FAILURE", "panic"),
		check: "hosts", says: "must be fallthrough or quit",
	},
	{
		name: "tokens that are about to die",
		do:   serves(&workspacetest.Mint{Life: 30 * time.Second}, nil), check: "token",
		says: "too little for any work: the platform has to hand out tokens with ten minutes left",
	},
	{
		name: "tokens that die soon", do: serves(&workspacetest.Mint{Life: 5 * time.Minute}, nil),
		check: "token", status: "warning", says: "too little for long work",
	},
}

// A cluster projects a token of its own into a file for everybody.
func TestDoctorTellsWhatTheBearerIsAndWhenItExpires(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	file := bearerFile(0o644)
	for _, c := range []struct {
		claims       jwt.MapClaims
		status, says string
	}{
		{jwt.MapClaims{"iss": "https://cluster.example", "aud": []string{"vault"}, "exp": 4102444800}, "ok",
			"a token of https://cluster.example for vault, valid until 2100-01-01T00:00:00Z"},
		{jwt.MapClaims{"iss": "https://cluster.example"}, "warning", "everybody can read the bearer"},
		{jwt.MapClaims{"exp": 4102444800}, "warning", "everybody can read the bearer"},
	} {
		c.claims["sub"] = "ws-1"
		p.Env["PROVISIONKIT_BEARER"], p.Env["PROVISIONKIT_BEARER_FILE"] = signed(t, c.claims), ""
		file(t, p)
		d := p.of(t)
		require.Contains(t, d.with(c.status), "bearer", "%+v", d)
		require.Contains(t, d.message("bearer"), c.says)
		if c.claims["iss"] != nil {
			require.Contains(t, d.message("access"), "the platform refuses the bearer (401), a token of https://cluster.example for ")
		}
	}
	p.Env["PROVISIONKIT_BEARER_FILE"] = ""
	p.Env["PROVISIONKIT_BEARER"] = signed(t, jwt.MapClaims{"sub": "ws-1"})
	require.Equal(t, "doesn't expire; ends with the workspace", p.of(t).message("bearer"))
	p.Env["PROVISIONKIT_BEARER"] = "opaque"
	require.Equal(t, "it is there, and doesn't say when it expires", p.of(t).message("bearer"))
}

func TestDoctorTellsWhatIsWrongWithTheBearerAndTheToken(t *testing.T) { diagnose(t, tokenBreakages) }
