package workloadid_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/tokenprovider/workloadid"
	"github.com/stretchr/testify/require"
)

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// kubelet writes files as a kubelet does: each is a link into ..data, which is a
// link to a folder with a date, and another one from one moment to the next.
type kubelet struct {
	dir     string
	written int
}

func newKubelet(t testing.TB, files map[string]string) *kubelet {
	t.Helper()
	k := &kubelet{dir: t.TempDir()}
	k.write(t, files)
	for name := range files {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), k.path(name)))
	}
	return k
}

func (k *kubelet) path(name string) string { return filepath.Join(k.dir, name) }

func (k *kubelet) write(t testing.TB, files map[string]string) {
	t.Helper()
	k.written++
	folder := "..2026_11_30_" + strconv.Itoa(k.written)
	require.NoError(t, os.Mkdir(k.path(folder), 0o755))
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(k.dir, folder, name), []byte(content), 0o644))
	}
	before, _ := os.Readlink(k.path("..data"))
	require.NoError(t, os.Symlink(folder, k.path("..data_tmp")))
	require.NoError(t, os.Rename(k.path("..data_tmp"), k.path("..data")))
	if before != "" {
		require.NoError(t, os.RemoveAll(k.path(before)))
	}
}

// underLoad calls f on several goroutines, over and over, until change is done.
func underLoad(t *testing.T, f func() error, change func()) (calls int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var called atomic.Int64
	failures := make(chan error, 8)
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := f(); err != nil {
					failures <- err
					return
				}
				called.Add(1)
			}
		})
	}
	change()
	cancel()
	all.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	return called.Load()
}

func TestAKeysFileIsReplacedUnderLoad(t *testing.T) {
	issuer := issuertest.NewIssuer("kubernetes/serviceaccount", "ES256")
	keys := newKubelet(t, map[string]string{"keys.json": string(issuer.Keys())})
	opts := options(issuer)
	opts.HTTPClient, opts.KeysFile = nil, keys.path("keys.json")
	auth := newOIDC(t, opts)
	var current atomic.Value
	current.Store(issuer.Sign(claims(nil)))
	calls := underLoad(t, func() error {
		_, err := authenticate(t, auth, current.Load().(string))
		return err
	}, func() {
		for range 50 {
			issuer.Rotate("ES256")
			keys.write(t, map[string]string{"keys.json": string(issuer.Keys())})
			token := issuer.Sign(claims(nil))
			requireAdmitted(t, auth, token, "ws-1")
			current.Store(token)
		}
	})
	require.Positive(t, calls)
}

func TestAKeysFileThatIsSpoiltLaterChangesNothing(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	log := testutil.NewCapture(t)
	opts := options(issuer)
	opts.HTTPClient, opts.KeysFile, opts.Logger = nil, write(t, "keys.json", string(issuer.Keys())), log.Logger()
	auth := newOIDC(t, opts)
	for _, content := range []string{"", "{", `{"keys":[]}`} {
		require.NoError(t, os.WriteFile(opts.KeysFile, []byte(content), 0o600))
		requireAdmitted(t, auth, issuer.Sign(claims(nil)), "ws-1")
	}
	require.NoError(t, os.Remove(opts.KeysFile))
	requireAdmitted(t, auth, issuer.Sign(claims(nil)), "ws-1")
	require.Contains(t, log.String(), "file can't be read again")
}

func TestATokenReviewsFilesAreReplacedUnderLoad(t *testing.T) {
	cluster := newCluster(t)
	cluster.Allow("own-1", http.StatusCreated)
	files := newKubelet(t, map[string]string{"token": "own-1", "ca.crt": string(cluster.CA())})
	opts := reviewOptions(cluster)
	opts.CAFile, opts.TokenFile = files.path("ca.crt"), files.path("token")
	auth, err := workloadid.TokenReview(opts)
	require.NoError(t, err)
	var pods atomic.Int64
	calls := underLoad(t, func() error {
		_, err := authenticate(t, auth, cluster.Token("agents", "ws-1", audience, map[string]any{"n": pods.Add(1)}))
		return err
	}, func() {
		other := string(otherCA(t))
		for n := range 10 {
			before, own := "own-"+strconv.Itoa(n+1), "own-"+strconv.Itoa(n+2)
			cluster.Allow(own, http.StatusCreated)
			files.write(t, map[string]string{"token": own, "ca.crt": string(cluster.CA()) + other})
			requireAdmitted(t, auth, cluster.Token("agents", "ws-1", audience, map[string]any{"n": pods.Add(1)}), "ws-1")
			cluster.Allow(before, 0) // what was read before is refused from here on
			files.write(t, map[string]string{"token": own, "ca.crt": string(cluster.CA())})
		}
	})
	require.Positive(t, calls)
}

func TestFilesOfAReviewThatAreSpoiltLaterChangeNothing(t *testing.T) {
	cluster := newCluster(t)
	log := testutil.NewCapture(t, ownToken)
	opts := reviewOptions(cluster)
	opts.Logger = log.Logger()
	auth := newReview(t, opts)
	for n, spoil := range []func() error{
		func() error { return os.WriteFile(cluster.tokenFile, []byte("a b"), 0o600) },
		func() error { return os.Remove(cluster.tokenFile) },
		func() error { return os.WriteFile(cluster.caFile, []byte("x"), 0o600) },
		func() error { return os.Remove(cluster.caFile) },
	} {
		require.NoError(t, spoil())
		requireAdmitted(t, auth, cluster.Token("agents", "ws-1", audience, map[string]any{"n": n}), "ws-1")
	}
	for _, option := range []string{"TokenReviewOptions.TokenFile", "TokenReviewOptions.CAFile"} {
		require.Contains(t, log.String(), `"msg":"file can't be read again","option":"`+option+`"`)
	}
}

func TestKeysThatArentUnderstoodAreLeftOut(t *testing.T) {
	issuer := issuertest.NewIssuer(address, "ES256")
	set := string(issuer.Keys())
	set = `{"keys":[{"kty":"OKP","crv":"Ed448","x":"AA"},{"kty":"new"},{"kty":"oct","k":"AAAA"},7,` + set[len(`{"keys":[`):]
	opts := options(issuer)
	opts.HTTPClient, opts.KeysFile = nil, write(t, "keys.json", set)
	requireAdmitted(t, newOIDC(t, opts), issuer.Sign(claims(nil)), "ws-1")
	_, err := workloadid.OIDC(t.Context(), opts)
	require.NoError(t, err)
}
