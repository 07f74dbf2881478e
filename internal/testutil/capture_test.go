package testutil_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// recorder is a testing.TB that notes a failure and keeps the clean-up for the
// test to run.
type recorder struct {
	testing.TB
	failed  bool
	cleanup []func()
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Cleanup(f func())      { r.cleanup = append(r.cleanup, f) }

func (r *recorder) end() {
	for i := len(r.cleanup) - 1; i >= 0; i-- {
		r.cleanup[i]()
	}
}

const secret = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"

func TestLeakFindsASecretInEveryForm(t *testing.T) {
	for name, text := range map[string]string{
		"in clear":       "token=" + secret,
		"its beginning":  "token=" + secret[:18] + "...",
		"its end":        "..." + secret[len(secret)-17:],
		"in base64":      base64.StdEncoding.EncodeToString([]byte(secret)),
		"as Basic":       base64.StdEncoding.EncodeToString([]byte("x-access-token:" + secret)),
		"in hexadecimal": fmt.Sprintf("%x", secret),
	} {
		require.NotEmpty(t, testutil.Leak(text, "another secret", secret), name)
	}
	require.Empty(t, testutil.Leak("nothing to see: "+secret[:8], "", secret))
	require.NotEmpty(t, testutil.Leak("the short one is hunter2", "hunter2"))
}

func TestLeakFindsEverySixteenCharactersOfASecretAndNoFewer(t *testing.T) {
	repeated := strings.Repeat("abcdefgh", 5) + secret
	for _, secret := range []string{secret, repeated} {
		for at := range len(secret) - 15 {
			part := secret[at : at+16]
			for _, text := range []string{part, "." + part + ".", ".abcdefgh." + part} {
				leak := testutil.Leak(text, "another secret, and a long one", secret)
				require.Contains(t, leak, "secret 2 of 2, in clear, at byte ", text)
			}
			require.Empty(t, testutil.Leak("."+part[:15]+".", secret))
		}
	}
}

func TestACaptureFailsItsTestWhenASecretIsPrinted(t *testing.T) {
	clean := &recorder{}
	fmt.Fprintln(testutil.NewCapture(clean, secret), "all is well")
	clean.end()
	require.False(t, clean.failed)

	leaky := &recorder{}
	c := testutil.NewCapture(leaky)
	c.Logger().Debug("minted", "token", secret)
	c.Secret(secret) // known only after it was printed
	leaky.end()
	require.True(t, leaky.failed)
}

func TestCaptureProcessSeesStandardOutputAndError(t *testing.T) {
	r := &recorder{}
	c := testutil.CaptureProcess(r, secret)
	fmt.Println("out")
	fmt.Fprintln(os.Stderr, "err")
	r.end()
	require.Contains(t, c.String(), "out\n")
	require.Contains(t, c.String(), "err\n")
	require.False(t, r.failed)
}

func TestRequireRedactedFindsAPlainField(t *testing.T) {
	r := &recorder{}
	testutil.RequireRedacted(r, struct{ token string }{secret}, secret)
	require.True(t, r.failed)

	r = &recorder{}
	testutil.RequireRedacted(r, struct{ token *string }{new(strings.Clone(secret))}, secret)
	require.False(t, r.failed)
}
