package githubapp

import (
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
)

func FuzzParseMinted(f *testing.F) {
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"token":""}`, `{"token":"ghs_x"}`, `{"token":5,"expires_at":"2026-11-23T19:00:00Z"}`,
		`{"token":"ghs_x\n","expires_at":"2026-11-23T19:00:00Z"}`, `{"token":"ghs_x","expires_at":"0001-01-01T00:00:00Z"}`,
		`{"token":"ghs_x","expires_at":"2026-11-23T19:00:00Z","permissions":{"contents":"write"},"repository_selection":"selected","repositories":[{"id":1,"name":"widgets"}]}`,
	} {
		f.Add([]byte(body))
	}
	asked := Scope{Repositories: []string{"widgets"}, Permissions: map[string]string{"contents": "read"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, expiresAt, err := parseMinted(body)
		if err != nil {
			if m.Token != "" || !expiresAt.IsZero() {
				t.Error("an error comes with a token")
			}
			return
		}
		if m.Token == "" || expiresAt.Equal(time.Time{}) || checkToken(m.Token) != nil {
			t.Errorf("a token that can't be used is accepted: %q until %s", m.Token, expiresAt)
		}
		if err := m.verify(asked); err != nil {
			if len(m.Token) > 40 && testutil.Leak(err.Error(), m.Token) != "" {
				t.Errorf("an error shows the token: %v", err)
			}
			return
		}
		if m.Permissions["contents"] == "write" || m.Permissions["contents"] == "admin" || m.RepositorySelection == "all" {
			t.Error("a wider grant is accepted")
		}
		_ = m.grant(asked).scope()
	})
}
