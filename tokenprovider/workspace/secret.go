package workspace

import "crypto/subtle"

// secret is a token or bearer in memory. The pointer keeps fmt and log/slog from showing it, however deep it is nested.
type secret struct{ value *string }

func newSecret(value string) secret { return secret{value: &value} }

// reveal is the value; "" for the zero secret.
func (s secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// is reports whether value is the secret, in constant time. Nothing is the empty secret.
func (s secret) is(value string) bool {
	held := s.reveal()
	return held != "" && subtle.ConstantTimeCompare([]byte(held), []byte(value)) == 1
}

func (s secret) String() string   { return "[redacted]" }
func (s secret) GoString() string { return s.String() }
