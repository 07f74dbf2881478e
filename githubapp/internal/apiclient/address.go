package apiclient

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxRedirects bounds how often a lookup is sent on, as happens once for a
// repository that was renamed.
const maxRedirects = 5

// redirect lets net/http follow only what GitHub documents: a lookup that is
// sent on within the API. By itself it would take the credential along to
// subdomains and other ports.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > maxRedirects || !c.serves(next.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// serves reports whether u belongs to the API, so that a credential may be sent
// there.
func (c *Client) serves(u *url.URL) bool {
	base := c.config.BaseURL
	return u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) && u.User == nil &&
		strings.HasPrefix(u.EscapedPath(), base.EscapedPath()+"/")
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^,<]*\brel="next"`)

// NextPage returns the path of the page that follows page, from its Link
// header, and "" when it is the last. A link that leads away from the API is an
// [*Error].
func (c *Client) NextPage(page *Answer) (path string, err error) {
	match := nextLink.FindStringSubmatch(strings.Join(page.Header.Values("Link"), ", "))
	if match == nil {
		return "", nil
	}
	u, err := url.Parse(match[1])
	if err != nil || !c.serves(u) {
		return "", internal("the next page of GitHub's answer isn't on the host of Options.BaseURL, " +
			"where alone credentials are sent")
	}
	path = strings.TrimPrefix(u.EscapedPath(), c.config.BaseURL.EscapedPath())
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}
