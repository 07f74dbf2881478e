package gitcredential_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// FuzzRun feeds a helper that serves github.com. Whatever it is fed, what git
// would read is empty or one valid answer, and that only when a program which
// reads the request line by line, and takes whichever host it likes best, finds
// no other host in it.
func FuzzRun(f *testing.F) {
	for _, r := range testutil.GitRequests(f, "testdata/requests.txt") {
		if len(r.Input) < 4<<10 { // large ones would slow the fuzzer down for nothing
			f.Add("get", []byte(r.Input))
		}
	}
	f.Add("get", []byte("capability[]=authtype\n"+githubRequest))
	f.Add("erase", []byte("protocol=https\nhost=github.com\npassword=p\n"))
	f.Add("capability", []byte(nil))
	f.Add("get ", []byte(githubRequest))

	const plain = "username=x-access-token\npassword=" + token + "\n"
	ephemeral := "capability[]=authtype\nauthtype=Basic\ncredential=" + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token)) + "\nephemeral=1\n"
	f.Fuzz(func(t *testing.T, operation string, input []byte) {
		provider := &source{token: token}
		var stdout, stderr bytes.Buffer
		err := helperOf(provider).Run(context.Background(), operation, bytes.NewReader(input),
			&stdout, &stderr)

		require.Empty(t, testutil.Leak(stderr.String(), token))
		require.Equal(t, err != nil, stderr.Len() > 0, "an error is told")
		require.LessOrEqual(t, strings.Count(stderr.String(), "\n"), 1)
		switch {
		case operation == "capability":
			require.Equal(t, "version 0\ncapability authtype\n", stdout.String())
		case stdout.Len() > 0:
			require.Equal(t, "get", operation)
			require.NoError(t, err)
			require.Contains(t, []string{plain, ephemeral}, stdout.String())
			requireAsksForGitHubOnly(t, input)
		default:
			require.Len(t, provider.invalidated, int(provider.calls),
				"no token is fetched that isn't handed out, but for a report")
		}
		for _, refused := range provider.invalidated {
			require.Equal(t, "erase", operation)
			require.NotEmpty(t, refused)
			requireAsksForGitHubOnly(t, input)
		}
	})
}

// requireAsksForGitHubOnly reads the request as carelessly as a program can:
// CR, LF and NUL all end a line, and each line counts.
func requireAsksForGitHubOnly(t *testing.T, input []byte) {
	t.Helper()
	head, _, _ := bytes.Cut(bytes.ReplaceAll(append(input, "\n\n"...), []byte("\r\n"), []byte("\n")),
		[]byte("\n\n"))
	found := map[string]int{}
	for line := range strings.FieldsFuncSeq(string(head), func(r rune) bool { return strings.ContainsRune("\r\n\x00", r) }) {
		key, value, _ := strings.Cut(line, "=")
		switch found[key]++; key {
		case "host":
			require.Equal(t, "github.com", strings.TrimSuffix(strings.ToLower(value), ":443"))
		case "protocol":
			require.Equal(t, "https", strings.ToLower(value))
		}
	}
	require.Equal(t, []int{1, 1}, []int{found["protocol"], found["host"]})
}
