//go:build unix

package repotest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/doctest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// documents returns those of the root module and of its examples, in which
// every block is followed.
func documents(t *testing.T) []string {
	var all []string
	for _, pattern := range []string{"README.md", "docs/*.md", "examples/*/README.md"} {
		found, err := fs.Glob(repository, pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, document := range found {
			_, err := fs.Stat(repository, path.Join(path.Dir(document), "go.mod"))
			if nested := err == nil && document != "README.md"; !nested { // else that module's test follows it
				all = append(all, document)
			}
		}
	}
	return all
}

// readers are where the documents are followed. One that isn't named here is
// followed in a clone of this repository.
var readers = map[string]func(*testing.T) doctest.Options{
	"README.md": func(t *testing.T) doctest.Options {
		opts := onAMachineOfItsOwn(t)
		opts.Env = append(opts.Env, published(t).Environ(t)...) // for go install
		opts.GoFiles = true                                     // consumer_test.go has them
		opts.Elsewhere = []string{
			"go get " + module,             // there too
			"go run ./examples/quickstart", // its own test
			"go test ./...",                // that is this
		}
		return opts
	},
	"docs/operators.md": func(t *testing.T) doctest.Options {
		testutil.NeedTool(t, "gh")
		return withAPlatform(t)
	},
	"docs/platform-engineers.md": func(t *testing.T) doctest.Options {
		opts := asADependent(t)
		opts.Instead = map[string]string{"127.0.0.1:8080": "127.0.0.1:" + doctest.FreePort(t)}
		return opts
	},
	"docs/plugin-authors.md":        asADependent,
	"examples/platform/README.md":   withAPlatform,
	"examples/plugin/README.md":     runsElsewhere("go run ./examples/plugin"),
	"examples/gateway/README.md":    runsElsewhere("go run ./examples/gateway"),
	"examples/quickstart/README.md": runsElsewhere("go run ./examples/quickstart"),
	"examples/workspace-image/README.md": func(t *testing.T) doctest.Options {
		opts := onAMachineOfItsOwn(t)
		opts.Instead = map[string]string{"/etc/platform/": opts.Instead["/etc/platform/"]}
		return opts
	},
}

func TestWhoFollowsADocumentSeesWhatItShows(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			var opts doctest.Options
			if reader := readers[document]; reader != nil {
				opts = reader(t)
			}
			opts.Root = root
			doctest.Follow(t, document, opts)
		})
	}
}

// runsElsewhere is for an example whose own test runs it as its document says,
// and compares.
func runsElsewhere(command string) func(*testing.T) doctest.Options {
	return func(*testing.T) doctest.Options { return doctest.Options{Elsewhere: []string{command}} }
}

// onAMachineOfItsOwn is a clone on the machine of a platform, with its folders,
// its GitHub App and its address.
func onAMachineOfItsOwn(t *testing.T) doctest.Options {
	t.Helper()
	github, err := githubapptest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(github.Close)
	app, err := github.SetUp("acme/widgets")
	require.NoError(t, err)

	machine := t.TempDir()
	bin, etc := filepath.Join(machine, "bin"), filepath.Join(machine, "etc")
	require.NoError(t, os.MkdirAll(etc, 0o700))
	for name, content := range map[string]string{
		"app.pem": string(app.PrivateKey()), "key": "0123456789abcdef0123456789abcdef", "admin": "an-administrators-token",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(etc, name), []byte(content), 0o600))
	}
	address := "127.0.0.1:" + doctest.FreePort(t)
	return doctest.Options{
		Env: []string{
			"PATH=" + bin + ":" + os.Getenv("PATH"), "GITHUB_API_URL=" + github.URL, "PLATFORM_ADDR=" + address,
		},
		Instead: map[string]string{
			"/usr/local/bin": bin, "/etc/platform/": etc + "/", "https://platform.example": "http://" + address,
			"12345": fmt.Sprint(app.AppID), "67890": fmt.Sprint(app.InstallationID), "127.0.0.1:8080": address,
		},
	}
}

// withAPlatform is a clone whose reader starts examples/platform.
func withAPlatform(t *testing.T) doctest.Options {
	t.Helper()
	address := "127.0.0.1:" + doctest.FreePort(t)
	return doctest.Options{
		Env:     []string{"PLATFORM_ADDR=" + address},
		Instead: map[string]string{"127.0.0.1:8080": address},
	}
}

// asADependent is somebody who depends on this module.
func asADependent(t *testing.T) doctest.Options {
	t.Helper()
	return doctest.Options{Proxy: published(t)}
}

// What needs another module is followed by a test of that module, which this
// can only look for.
func TestEachBlockThatNeedsAnotherModuleIsFollowedThere(t *testing.T) {
	expect := func(module, document string) {
		tests, err := fs.Glob(repository, path.Join(module, "*_test.go"))
		require.NoError(t, err)
		for _, test := range tests {
			if strings.Contains(read(t, test), `doctest.Follow(t, "`+document+`"`) {
				return
			}
		}
		require.Fail(t, "nobody follows a document", "no test in %s follows %s", module, document)
	}
	nested, err := fs.Glob(repository, "examples/*/go.mod")
	require.NoError(t, err)
	require.NotEmpty(t, nested)
	for _, gomod := range nested {
		expect(path.Dir(gomod), path.Join(path.Dir(gomod), "README.md"))
	}
	for _, document := range documents(t) {
		blocks, err := doctest.Blocks(read(t, document))
		require.NoError(t, err, document)
		for _, b := range blocks {
			if b.With != "" {
				_, err := fs.Stat(repository, b.With+"/go.mod")
				require.NoError(t, err, "%s:%d", document, b.Line)
				expect(b.With, document)
			}
		}
	}
}

func TestEachLinkOfADocumentLeadsSomewhere(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, document := range append(documents(t), "SECURITY.md", "CHANGELOG.md") {
		prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(read(t, document), "")
		for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(prose, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			to, anchor, _ := strings.Cut(link[1], "#")
			target := document
			if to != "" {
				target = path.Join(path.Dir(document), to)
			}
			_, err := fs.Stat(repository, target)
			require.NoError(t, err, "%s has a link to %s", document, link[1])
			if anchor == "" {
				continue
			}
			var anchors []string
			for _, h := range heading.FindAllStringSubmatch(read(t, target), -1) {
				anchors = append(anchors, regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), ""))
			}
			require.Contains(t, anchors, strings.ReplaceAll(anchor, "-", " "), "%s has a link to %s", document, link[1])
		}
	}
}

// The names of metrics in the guide are those of tokenprom.
func TestTheAlertsOfTheGuideAreAboutMetricsThatExist(t *testing.T) {
	collector := read(t, "tokenprovider/tokenprom/collector.go")
	guide := read(t, "docs/platform-engineers.md")
	metrics := regexp.MustCompile(`provisionkit_token_[a-z_]+`).FindAllString(guide, -1)
	require.NotEmpty(t, metrics)
	for _, m := range metrics {
		require.Contains(t, collector, `desc("`+strings.TrimPrefix(m, "provisionkit_token_")+`"`)
	}
}
