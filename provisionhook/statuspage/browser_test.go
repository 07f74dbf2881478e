package statuspage_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/stretchr/testify/require"
)

// look opens url in a real browser, and returns the page's elements as they are
// then, how it looks, and what the browser said.
func look(t *testing.T, url string, width int, flags ...string) (dom string, screenshot image.Image, log string) {
	t.Helper()
	chromium := testutil.NeedTool(t, "chromium")
	home, err := os.MkdirTemp("", "browser-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) }) // its last processes may still write
	picture := filepath.Join(t.TempDir(), "page.png")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--enable-logging=stderr", "--no-proxy-server",
		"--user-data-dir=" + home, "--screenshot=" + picture, "--dump-dom",
		fmt.Sprintf("--window-size=%d,2400", width),
	}, append(flags, url)...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C.UTF-8"}
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s", &stderr)
	file, err := os.Open(picture)
	require.NoError(t, err, "%s", &stderr)
	defer file.Close()
	screenshot, err = png.Decode(file)
	require.NoError(t, err)
	return stdout.String(), screenshot, stderr.String()
}

// column returns the colours in a column of an image.
func column(picture image.Image, x int) map[color.RGBA]bool {
	colours := map[color.RGBA]bool{}
	for y := range picture.Bounds().Dy() {
		colours[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)] = true
	}
	return colours
}

func TestABrowserShowsTheStatusPage(t *testing.T) {
	// half a minute ago, so that no figure is about to change
	server := serve(t, statusOf(t, platform(time.Now().Add(-30*time.Second))))
	withPassword := strings.Replace(server.URL, "://", "://operator:"+adminSecret+"@", 1)
	for name, row := range map[string]struct {
		width int
		flags []string
		page  color.RGBA
	}{
		"light, on a desk": {1100, nil, color.RGBA{0xf5, 0xf6, 0xf8, 0xff}},
		"dark, on a phone": {390, []string{"--blink-settings=preferredColorScheme=0"}, color.RGBA{0x0e, 0x12, 0x17, 0xff}},
	} {
		t.Run(name, func(t *testing.T) {
			dom, picture, log := look(t, withPassword, row.width, row.flags...)
			text := html.UnescapeString(dom)
			for _, says := range []string{
				"<title>Degraded – token status</title>", "Some tokens fail, or can't be refreshed.",
				"artifact-store", ">Fresh<", ">Refreshing<", ">Degraded<", ">Failing<", ">Empty<",
				">Unknown<",
				"39 min left of 1 h", "too many requests for tokens; try again later", hostileShown, "שלום",
			} {
				require.Contains(t, text, says)
			}
			require.NotContains(t, dom, "<script", "a name is text")
			require.NotContains(t, log, ":CONSOLE:",
				"the browser finds fault with nothing, the page's own policy included")
			require.Empty(t, testutil.Leak(dom+log, tokenSecret))

			require.Equal(t, row.width, picture.Bounds().Dx())
			for _, x := range []int{0, 8, row.width - 9, row.width - 1} {
				require.Equal(t, map[color.RGBA]bool{row.page: true}, column(picture, x),
					"column %d is margin: nothing is wider than the window", x)
			}
			require.Greater(t, len(column(picture, row.width/2)), 20, "and between them is the page")
		})
	}
}

func TestABrowserRefusesWhatIsNotOfTheStatusPage(t *testing.T) {
	page := statusOf(t, platform(time.Now()))
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(bytes.Replace(answer.Body.Bytes(), []byte("<main>"), []byte(
			`<script>document.title = "taken over"</script><style>body { background: #ff0000 }</style><img src="/x.png"><main>`), 1))
	}))
	dom, picture, log := look(t,
		strings.Replace(server.URL, "://", "://operator:"+adminSecret+"@", 1), 600)
	for _, refused := range []string{
		"Executing inline script", "Applying inline style", "Loading the image",
	} {
		require.Regexp(t, refused+".* violates the following Content Security Policy", log)
	}
	require.Contains(t, dom, "<title>Degraded – token status</title>")
	require.Equal(t, color.RGBA{0xf5, 0xf6, 0xf8, 0xff}, color.RGBAModel.Convert(picture.At(1, 1000)))
}
