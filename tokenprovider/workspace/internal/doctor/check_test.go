package doctor

import (
	"context"
	"runtime"
	"testing"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/process"
	"github.com/stretchr/testify/require"
)

// Else a check would wait for ever.
func TestEveryCheckWaitsOnlyForChecksAboveIt(t *testing.T) {
	t.Parallel()
	above := map[string]bool{}
	all := &process.Process{Env: func(string) string { return "set" }}
	for _, k := range checks(all) {
		require.False(t, above[k.name], "%s is there twice", k.name)
		for _, name := range k.needs {
			require.True(t, above[name], "%s waits for %s, which isn't above it", k.name, name)
		}
		above[k.name] = true
	}
}

func TestACheckThatPanicsIsAFindingAmongOthers(t *testing.T) {
	t.Parallel()
	panics := func(context.Context, *diagnosis) finding { panic("ghs_secret") }
	for says, run := range map[string]func(context.Context, *diagnosis) finding{
		"this says nothing of the workspace":             panics,
		"check x panicked: a value of type string":       panics,
		"check x ended its goroutine (runtime.Goexit)":   exits,
		"check x panicked: runtime error: invalid memor": dereferences,
	} {
		found := check{name: "x", run: run}.within(t.Context(), nil)
		require.Equal(t, statusError, found.status)
		require.Contains(t, found.message, says)
		require.NotContains(t, found.message, "ghs_secret")
	}
}

func exits(context.Context, *diagnosis) finding {
	runtime.Goexit()
	return ok("")
}

func dereferences(_ context.Context, d *diagnosis) finding { return ok("%s", d.gitPath) }

func TestSettingsOfTheImageThatWereOverwrittenAreNamed(t *testing.T) {
	t.Parallel()
	own := map[string]string{
		"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "x",
		"GIT_CONFIG_KEY_1": "core.pager", "GIT_CONFIG_VALUE_1": "",
	}
	const image = "PATH=/bin\x00GIT_CONFIG_COUNT=2\x00GIT_CONFIG_KEY_0=safe.directory\x00GIT_CONFIG_VALUE_0=*\x00" +
		"GIT_CONFIG_KEY_1=core.pager\x00GIT_CONFIG_VALUE_1=\x00GIT_CONFIG_KEY_2=left.out\x00GIT_CONFIG_VALUE_2=\x00"
	require.Equal(t, []string{"safe.directory"}, lostSettings(image, own))
	const secret = "GIT_CONFIG_COUNT=1\x00GIT_CONFIG_KEY_0=http.https://x:hunter2@github.com/.proxy\x00GIT_CONFIG_VALUE_0=x"
	require.Equal(t, []string{"http.https://[redacted]@github.com/.proxy"}, lostSettings(secret, own))
	for _, first := range []string{"", "GIT_CONFIG_COUNT=7\x00", "GIT_CONFIG_COUNT=x\x00GIT_CONFIG_KEY_0=a.b\x00"} {
		require.Empty(t, lostSettings(first, own))
	}
}

func TestWhatIsShownOfAURLHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for raw, shown := range map[string]string{
		"":                                   "",
		"github.com":                         "github.com",
		"https://github.com/acme":            "https://github.com/acme",
		"https://hunter2@github.com/":        "https://[redacted]@github.com/",
		"https://x:hunter2@github.com":       "https://[redacted]@github.com",
		"https://x:hun/ter2@github.com/acme": "https://[redacted]@github.com/acme",
		"https://github.com/?key=hunter2":    "https://github.com/",
	} {
		require.Equal(t, shown, redactURL(raw))
		require.Equal(t, "http."+shown+".extraheader", setting{key: "http." + raw + ".extraheader"}.shownKey())
	}
}

func TestAReportHoldsNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	var r report
	require.Equal(t, "a [31m b", r.add("url", ok("%s", "a\x1b[31m\nb")).Message)
}
