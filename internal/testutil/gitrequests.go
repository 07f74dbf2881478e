package testutil

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// GitRequest is one request of git to a credential helper, and what it must
// come to.
type GitRequest struct {
	Outcome string // "answer", "nothing" or "refuse"
	Name    string // what it is
	Input   string
}

// GitRequests reads the catalogue in the file at path: a request per line, as
// Outcome, Name and Input, the latter two as quoted Go strings. In Input,
// {{text*n}} stands for n times that text. Lines that are empty or begin with #
// don't count.
func GitRequests(t testing.TB, path string) []GitRequest {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var requests []GitRequest
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var r GitRequest
		if _, err := fmt.Sscanf(line, "%s %q %q", &r.Outcome, &r.Name, &r.Input); err != nil {
			t.Fatalf("%s: %q: %v", path, line, err)
		}
		r.Input = repeated.ReplaceAllStringFunc(r.Input, repeat)
		requests = append(requests, r)
	}
	if err := lines.Err(); err != nil || len(requests) == 0 {
		t.Fatalf("%s: %d requests, %v", path, len(requests), err)
	}
	return requests
}

var repeated = regexp.MustCompile(`(?s)\{\{(.*?)\*(\d+)\}\}`)

func repeat(match string) string {
	parts := repeated.FindStringSubmatch(match)
	count, _ := strconv.Atoi(parts[2])
	return strings.Repeat(parts[1], count)
}
