package githubapp_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/molecule-ai/provisionkit/githubapp"
	"github.com/molecule-ai/provisionkit/githubapp/githubapptest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// BenchmarkColdStart mints for 1,000 installations, 16 at a time, over loopback
// HTTP; beside it, in the same run, bare requests to the same routes with one
// JWT.
func BenchmarkColdStart(b *testing.B) {
	const installations, parallel = 1000, 16
	g := newGitHub(b, nil)
	for n := range installations {
		g.AddInstallation(githubapptest.Installation{ID: int64(1000 + n), AppID: appID, Account: fmt.Sprint("org", n)})
	}
	g.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = parallel
	each := func(f func(id int64)) time.Duration {
		start := time.Now()
		var workers sync.WaitGroup
		for w := range parallel {
			workers.Go(func() {
				for n := w; n < installations; n += parallel {
					f(int64(1000 + n))
				}
			})
		}
		workers.Wait()
		return time.Since(start)
	}
	var minted, bare time.Duration
	b.ReportAllocs()
	for b.Loop() {
		signatures := g.Signatures()
		app := g.app(b, func(o *githubapp.Options) { o.Logger = nil })
		minted += each(func(id int64) {
			if _, _, err := app.Installation(id).Token(b.Context()); err != nil {
				b.Error(err)
			}
		})
		if made := g.Signatures() - signatures; made > 1 {
			b.Errorf("%d signatures", made)
		}
		b.StopTimer()
		jwt, _, err := app.JWT(b.Context())
		require.NoError(b, err)
		bare += each(func(id int64) {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, fmt.Sprintf("%s/app/installations/%d/access_tokens", g.URL, id), nil)
			req.Header.Set("Authorization", "Bearer "+jwt)
			req.Header.Set("User-Agent", "bare")
			resp, err := g.Client().Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
		g.ForgetRequests()
		b.StartTimer()
	}
	b.ReportMetric(float64(minted)/float64(bare), "x-bare-requests")
	b.ReportMetric(installations*float64(b.N)/minted.Seconds(), "mints/s")
}

func BenchmarkInstallationToken(b *testing.B) {
	g := newGitHub(b, nil)
	i := g.app(b).Installation(installationID)
	g.mint(b, i)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = i.Token(b.Context())
	}
}

func TestACachedReadAllocatesNothing(t *testing.T) {
	g := newGitHub(t, nil)
	i := g.app(t).Installation(installationID)
	g.mint(t, i)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = i.Token(t.Context()) }))
}

// canned answers each mint from memory, so that only the client's side counts.
// Each installation has a token of its own.
func canned(r *http.Request) (*http.Response, error) {
	id := strings.Split(r.URL.Path, "/")[3]
	body := fmt.Sprintf(`{"token":"ghs_%036s","expires_at":"%s","permissions":{"contents":"write","metadata":"read","issues":"read"},`+
		`"repository_selection":"all"}`, id, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
}

// cachedInstallation returns the memory that each of n installations takes with
// its token, less the token's 40 characters.
func cachedInstallation(t testing.TB, n int) int {
	app, err := githubapp.New(githubapp.Options{
		AppID: 1, PrivateKey: testutil.RSAKeyPEM(t, 0), HTTPClient: &http.Client{Transport: roundTripper(canned)},
	})
	require.NoError(t, err)
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	kept := make([]*githubapp.Installation, 0, n)
	before := heap()
	for id := range n {
		i := app.Installation(int64(1 + id))
		_, _, err := i.Token(t.Context())
		require.NoError(t, err)
		kept = append(kept, i)
	}
	each := (heap()-before)/n - 40
	runtime.KeepAlive(kept)
	return each
}

const mostMemory = 500 // of a cached installation beyond its token

func BenchmarkCachedInstallationMemory(b *testing.B) {
	var most int
	for b.Loop() {
		most = max(most, cachedInstallation(b, 20_000))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(most), "B/installation")
	if most > mostMemory {
		b.Errorf("%d B each, more than %d", most, mostMemory)
	}
}

func TestACachedInstallationTakesLittleMemory(t *testing.T) {
	each := cachedInstallation(t, 5_000)
	t.Logf("%d B", each)
	require.LessOrEqual(t, each, mostMemory)
}

// goroutinesInBubble counts those of the bubble alone: what other tests leave
// behind ends when it likes.
func goroutinesInBubble() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble ")
}

func TestNothingRunsForIdleInstallations(t *testing.T) {
	requests := 0
	inBubble(t, func(r *http.Request) (*http.Response, error) { requests++; return canned(r) }, func(t *testing.T, app *githubapp.App) {
		var kept []*githubapp.Installation
		synctest.Wait() // for what made the app
		before := goroutinesInBubble()
		for id := range 100 {
			i := app.Installation(int64(1 + id))
			_, _, err := i.Token(t.Context())
			require.NoError(t, err)
			kept = append(kept, i)
		}
		synctest.Wait()
		require.Equal(t, before, goroutinesInBubble())
		time.Sleep(48 * time.Hour) // a timer would ask for a new token
		require.Equal(t, 100, requests)
		runtime.KeepAlive(kept)
	})
}
