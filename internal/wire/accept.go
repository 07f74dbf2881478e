package wire

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The media types of this module's answers.
const (
	JSON = "application/json"
	Git  = "application/x-git-credential" // the lines that a credential helper prints
	HTML = "text/html; charset=utf-8"
)

// preference is what the Accept headers of a request say of a media type (RFC
// 9110, section 12.5.1).
type preference struct {
	quality float64 // 0: not wanted
	named   int     // 3: by its name, 2: as one of its kind, 1: as anything; 0: not mentioned
}

// preferenceFor returns what r says of mediaType. Without an Accept header
// everything is welcome; a malformed element doesn't count. Commas in quoted
// strings aren't looked for: no type of ours has a parameter that needs one.
func preferenceFor(r *http.Request, mediaType string) preference {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		return preference{quality: 1}
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	kind, _, _ := strings.Cut(mediaType, "/")
	var best preference
	for element := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, err := mime.ParseMediaType(element)
		if err != nil {
			continue
		}
		p := preference{quality: 1}
		switch name {
		case mediaType:
			p.named = 3
		case kind + "/*":
			p.named = 2
		case "*/*":
			p.named = 1
		default:
			continue
		}
		if q, ok := params["q"]; ok {
			p.quality, err = strconv.ParseFloat(q, 64)
			if err != nil || !(p.quality >= 0 && p.quality <= 1) { // NaN is neither
				continue
			}
		}
		if p.named > best.named || p.named == best.named && p.quality > best.quality {
			best = p
		}
	}
	return best
}

// Prefers reports whether r asks for mediaType rather than for other: at a higher
// quality, or at the same one by naming it more exactly.
func Prefers(r *http.Request, mediaType, other string) bool {
	p, q := preferenceFor(r, mediaType), preferenceFor(r, other)
	return p.quality > q.quality || p.quality == q.quality && p.quality > 0 && p.named > q.named
}

// Accepts reports whether r takes mediaType at all.
func Accepts(r *http.Request, mediaType string) bool { return preferenceFor(r, mediaType).quality > 0 }
