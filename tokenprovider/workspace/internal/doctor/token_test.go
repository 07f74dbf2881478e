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
		p.Env["PROVISIONKIT_BEARER"], err = bearer.SignedString([]byte("0123456789abcdef0123456789abcdef"))
		require.NoError(t, err)
	}
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
		says: "has rights 0644, so that others can read or replace",
	},
	{
		name: "a bearer file that a group may write", do: bearerFile(0o660), check: "bearer",
		says: "has rights 0660",
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

func TestDoctorTellsWhatIsWrongWithTheBearerAndTheToken(t *testing.T) { diagnose(t, tokenBreakages) }
