package apiclient

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// maxRedirects bounds how often a lookup is sent on, as happens once for a
// repository that was renamed.
const maxRedirects = 5

// redirect lets net/http follow only what GitHub documents: a lookup that is
// sent on within the API. By itself it would take the credential along to
// subdomains and other ports. What leads to GitHub's own name is followed at the
// configured address, where that is a gateway's.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	path, ok := c.below(next.URL)
	if !ok || via[0].Method != http.MethodGet || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	to, err := url.Parse(c.config.BaseURL.String() + path)
	if err != nil {
		return http.ErrUseLastResponse
	}
	if to.String() == via[len(via)-1].URL.String() && !c.serves(next.URL) {
		return http.ErrUseLastResponse // it asks for another host, and nothing else
	}
	next.URL, next.Host = to, ""
	next.Header.Set("Authorization", via[0].Header.Get("Authorization")) // gone where the host was another
	return nil
}

// serves reports whether u belongs to the API, so that a credential may be sent
// there.
func (c *Client) serves(u *url.URL) bool {
	base := c.config.BaseURL
	return u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) && u.User == nil &&
		strings.HasPrefix(u.EscapedPath(), base.EscapedPath()+"/")
}

// enterprisePath is where the API is on a GitHub Enterprise Server.
const enterprisePath = "/api/v3"

// below returns the path and the query that u has below the base URL. A u of
// another host has none where the base is GitHub's own; else the base may be a
// gateway's, whose answers have GitHub's own name in their links, and path and
// query are meant at the base.
func (c *Client) below(u *url.URL) (string, bool) {
	rest := u.EscapedPath()
	switch base := c.config.BaseURL; {
	case u.User != nil, u.Host == "":
		return "", false
	case c.serves(u), base.Path != "" && strings.HasPrefix(rest, base.EscapedPath()+"/"):
		rest = strings.TrimPrefix(rest, base.EscapedPath())
	default:
		rest = strings.TrimPrefix(rest, enterprisePath)
	}
	if !c.serves(u) && isGitHubs(c.config.BaseURL.Hostname()) ||
		!strings.HasPrefix(rest, "/") || path.Clean(u.Path) != u.Path {
		return "", false
	}
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	return rest, true
}

// isGitHubs reports whether host is that of an API that GitHub runs itself.
func isGitHubs(host string) bool {
	host = strings.ToLower(host)
	return host == "api.github.com" || strings.HasPrefix(host, "api.") && strings.HasSuffix(host, ".ghe.com")
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,<]*\brel="next"`)

// NextPage returns the path of the page that follows page, from its Link
// header, and "" when it is the last. A link that leads away from an API that
// GitHub runs itself is an [*Error].
func (c *Client) NextPage(page *Answer) (path string, err error) {
	match := nextLink.FindStringSubmatch(strings.Join(page.Header.Values("Link"), ", "))
	if match == nil {
		return "", nil
	}
	u, err := url.Parse(match[1])
	if err == nil {
		if path, ok := c.below(u); ok {
			return path, nil
		}
	}
	return "", internal("the next page of GitHub's answer isn't on the host of Options.BaseURL, " +
		"where alone credentials are sent")
}
