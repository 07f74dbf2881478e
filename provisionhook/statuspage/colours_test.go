package statuspage_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheColoursOfTheStatusPageCanBeRead holds both colour schemes to WCAG 2,
// level AA: 4.5 to 1 for text, 3 to 1 for what a shape shows.
func TestTheColoursOfTheStatusPageCanBeRead(t *testing.T) {
	css, err := os.ReadFile("page.css")
	require.NoError(t, err)
	light, dark, _ := strings.Cut(string(css), "prefers-color-scheme: dark")
	colour := regexp.MustCompile(`--([a-z-]+): #([0-9a-f]+);`)
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, match := range colour.FindAllStringSubmatch(text, -1) {
			colours[match[1]] = luminance(t, match[2])
		}
		contrast := func(a, b string) float64 {
			require.Contains(t, colours, a, scheme)
			require.Contains(t, colours, b, scheme)
			return (max(colours[a], colours[b]) + 0.05) / (min(colours[a], colours[b]) + 0.05)
		}
		for _, pair := range []string{
			"text page", "text card", "soft page", "soft card", "link page", "degraded card",
		} {
			front, back, _ := strings.Cut(pair, " ")
			require.GreaterOrEqual(t, contrast(front, back), 4.5, "%s: %s", scheme, pair)
		}
		for _, state := range []string{"fresh", "refreshing", "degraded", "failing", "idle"} {
			for _, front := range []string{state, "text", "soft"} {
				require.GreaterOrEqual(t, contrast(front, state+"-bg"), 4.5, "%s: %s on %s", scheme,
					front, state)
			}
			require.GreaterOrEqual(t, contrast(state, "track"), 3.0, "%s: the bar of %s", scheme, state)
		}
	}
}

// luminance returns that of a colour as WCAG 2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%c%c%c%c%c", hex[0], hex[0], hex[1], hex[1], hex[2], hex[2])
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		require.NoError(t, err)
		sum += weight * linear(float64(n)/255)
	}
	return sum
}

func linear(c float64) float64 {
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
