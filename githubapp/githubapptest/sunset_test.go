package githubapptest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

func TestTheEndOfAnAPIVersionIsAnnouncedAndThenComes(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.SunsetAPIVersion("2022-11-28", f.Now().Add(time.Hour))
	resp := f.do("GET", "/app", f.bearer(), "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Regexp(t, `^@[0-9]{10}$`, resp.Header.Get("Deprecation"))
	end, err := http.ParseTime(resp.Header.Get("Sunset"))
	require.NoError(t, err)
	require.WithinDuration(t, f.Now().Add(time.Hour), end, time.Minute)
	require.Contains(t, resp.Header.Get("Link"), `rel="deprecation"`)
	require.Empty(t, f.do("GET", "/app", f.bearer(), "", "X-GitHub-Api-Version", "2026-03-10").Header.Get("Sunset"))

	f.SetClockOffset(time.Hour)
	for _, version := range []string{"2022-11-28", ""} {
		resp := f.do("GET", "/app", f.bearer(), "", "X-GitHub-Api-Version", version)
		require.Equal(t, http.StatusGone, resp.StatusCode)
		require.Equal(t, "This API version is no longer supported. Please use a newer version.", resp.message())
	}
	require.Equal(t, http.StatusOK, f.do("GET", "/app", f.bearer(), "", "X-GitHub-Api-Version", "2026-03-10").StatusCode)
	require.PanicsWithValue(t, "githubapptest: SunsetAPIVersion: GitHub has no API version 1", func() { f.SunsetAPIVersion("1", time.Now()) })
}

func TestTooManyMintsInAMinuteAreRefusedForAMinute(t *testing.T) {
	testutil.RSAKey(t, 0) // real time to make
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, &githubapptest.Options{InMemory: true, MintsPerMinute: 3})
		for range 2 {
			for range 3 {
				f.mint("")
			}
			for _, left := range []string{"60", "30"} {
				resp := f.do("POST", mintPath, f.bearer(), "")
				require.Equal(t, http.StatusForbidden, resp.StatusCode)
				require.Contains(t, resp.message(), "secondary rate limit")
				require.Equal(t, left, resp.Header.Get("Retry-After"))
				require.Equal(t, http.StatusOK, f.do("GET", "/app", f.bearer(), "").StatusCode, "it is about mints alone")
				time.Sleep(30 * time.Second)
			}
		}
		for range 10 {
			f.mint("")
			time.Sleep(20 * time.Second)
		}
	})
}
