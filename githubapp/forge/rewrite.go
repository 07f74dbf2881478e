package forge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

// maxRewritten bounds a body that is rewritten, in bytes.
const maxRewritten = 8 << 20

// serverVersion is what /meta says that the server is. gh asks for it wherever
// it isn't github.com, whose API doesn't send one.
const serverVersion = "3.17.0"

// Rewrite implements [gateway.Forge]. Headers that lead on, an upload_url, LFS
// actions that lead back to GitHub, and the version in /meta change; nothing
// else of a body does.
func (g *github) Rewrite(resp *http.Response, op gateway.Operation, base *url.URL) error {
	makeAbsolute(resp)
	for _, name := range []string{"Location", "Link"} {
		for n, value := range resp.Header[name] {
			resp.Header[name][n] = g.rewriteAll(value, base)
		}
	}
	if resp.StatusCode/100 != 2 || !needsRewriting(op) {
		return nil
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return errors.New("forge: GitHub's answer is compressed, which wasn't asked for")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRewritten+1))
	resp.Body.Close()
	switch {
	case err != nil:
		return fmt.Errorf("forge: read GitHub's answer: %w", wire.Tellable(err))
	case len(body) > maxRewritten:
		return fmt.Errorf("forge: GitHub's answer is larger than %d bytes", maxRewritten)
	}
	if changed, ok := g.rewriteBody(body, op, base); ok {
		body = changed
		resp.Header.Del("Etag") // of another body
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// makeAbsolute gives a Location that is relative the host that it means, as the
// gateway's paths aren't GitHub's.
func makeAbsolute(resp *http.Response) {
	to, err := url.Parse(resp.Header.Get("Location"))
	if err == nil && *to != (url.URL{}) && !to.IsAbs() && resp.Request != nil {
		resp.Header.Set("Location", resp.Request.URL.ResolveReference(to).String())
	}
}

// needsRewriting reports whether there is something in the body of op's answer
// that leads past the gateway, or that gh misses.
func needsRewriting(op gateway.Operation) bool {
	switch op.Kind {
	case gateway.KindLFS:
		return strings.HasSuffix(op.Path, "/info/lfs/objects/batch")
	case gateway.KindAPI:
		return op.Path == "/meta" || strings.Contains(op.Path, "/releases")
	}
	return false
}

// rewriteBody returns body with what has to change, false when that is nothing.
// Numbers and what isn't known stay as they are.
func (g *github) rewriteBody(body []byte, op gateway.Operation, base *url.URL) ([]byte, bool) {
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var value any
	if in.Decode(&value) != nil {
		return nil, false
	}
	changed := false
	switch {
	case op.Kind == gateway.KindLFS:
		changed = g.rewriteActions(value, base)
	case op.Path == "/meta":
		if meta, ok := value.(map[string]any); ok && meta["installed_version"] == nil {
			meta["installed_version"], changed = serverVersion, true
		}
	default:
		changed = g.rewriteUploads(value, base)
	}
	if !changed {
		return nil, false
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// rewriteUploads changes the upload_url of a release, or of each in a list.
func (g *github) rewriteUploads(value any, base *url.URL) (changed bool) {
	switch v := value.(type) {
	case []any:
		for _, each := range v {
			changed = g.rewriteUploads(each, base) || changed
		}
	case map[string]any:
		if text, ok := v["upload_url"].(string); ok {
			if to, ok := g.rewriteURL(text, base); ok {
				v["upload_url"], changed = to, true
			}
		}
	}
	return changed
}

// rewriteActions changes the hrefs of an LFS batch's actions that lead back to
// GitHub, and takes an Authorization from them: the gateway adds one, to those
// who authenticate themselves, which git-lfs doesn't do for an object that is
// called authenticated. Actions that lead to storage, with signatures of their
// own, stay as they are.
func (g *github) rewriteActions(value any, base *url.URL) (changed bool) {
	batch, _ := value.(map[string]any)
	objects, _ := batch["objects"].([]any)
	for _, o := range objects {
		object, _ := o.(map[string]any)
		actions, _ := object["actions"].(map[string]any)
		links, _ := object["_links"].(map[string]any) // as the first servers called them
		for _, a := range slices.AppendSeq(slices.Collect(maps.Values(actions)), maps.Values(links)) {
			action, _ := a.(map[string]any)
			href, _ := action["href"].(string)
			to, ok := g.rewriteURL(href, base)
			if !ok {
				continue
			}
			action["href"], changed = to, true
			delete(object, "authenticated")
			header, _ := action["header"].(map[string]any)
			for name := range header {
				if strings.EqualFold(name, "Authorization") {
					delete(header, name)
				}
			}
		}
	}
	return changed
}

// rewriteAll changes each URL of a Location or Link header that leads to GitHub.
func (g *github) rewriteAll(value string, base *url.URL) string {
	if !strings.Contains(value, "<") {
		if to, ok := g.rewriteURL(value, base); ok {
			return to
		}
		return value
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(value, "<")
		target, after, closed := strings.Cut(rest, ">")
		if !found || !closed {
			out.WriteString(value)
			return out.String()
		}
		if to, ok := g.rewriteURL(target, base); ok {
			target = to
		}
		out.WriteString(before + "<" + target + ">")
		value = after
	}
}

// rewriteURL returns the address under base of what text leads to at GitHub;
// false for any other address, and for one that is relative.
func (g *github) rewriteURL(text string, base *url.URL) (string, bool) {
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		end := strings.IndexAny(rest+"/", "/?{#")
		text = scheme + "://" + withoutDefaultPort(strings.ToLower(scheme), rest[:end]) + rest[end:]
	}
	for _, at := range []struct {
		service *url.URL
		path    string
	}{{g.graphQL, graphQLPath}, {g.uploads, uploadsPath}, {g.api, apiPath}, {g.git, ""}} {
		prefix := at.service.String()
		if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
			continue
		}
		if rest := text[len(prefix):]; rest == "" || strings.ContainsRune("/?{#", rune(rest[0])) {
			return base.String() + at.path + rest, true
		}
	}
	return "", false
}

// withoutDefaultPort returns host without the port that scheme has anyway.
func withoutDefaultPort(scheme, host string) string {
	port := map[string]string{"https": ":443", "http": ":80"}[scheme]
	return strings.TrimSuffix(strings.TrimSuffix(host, port), ":")
}
