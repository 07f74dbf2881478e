package gitcredential_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostileRequest is a line of testdata/requests.txt.
type hostileRequest struct {
	outcome, name, input string
}

// hostileRequests reads the catalogue, which the tests of the built command read too.
func hostileRequests(t testing.TB) []hostileRequest {
	t.Helper()
	file, err := os.Open("testdata/requests.txt")
	require.NoError(t, err)
	defer file.Close()
	var requests []hostileRequest
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			var r hostileRequest
			_, err := fmt.Sscanf(line, "%s %q %q", &r.outcome, &r.name, &r.input)
			require.NoError(t, err, line)
			requests = append(requests, r)
		}
	}
	require.NotEmpty(t, requests)
	return requests
}
