package githubapptest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// paginate returns the page of items that the request asks for. It sets the
// Link header when there is more than that page.
func paginate[T any](w http.ResponseWriter, r *http.Request, items []T) []T {
	query := r.URL.Query()
	perPage := min(positive(query.Get("per_page"), 30), 100)
	last := max(1, (len(items)+perPage-1)/perPage)
	page := positive(query.Get("page"), 1)

	var links []string
	link := func(to int, rel string) {
		query.Set("page", strconv.Itoa(to))
		target := apiURL(r) + (&url.URL{Path: r.URL.Path}).EscapedPath() + "?" + query.Encode()
		links = append(links, "<"+target+`>; rel="`+rel+`"`)
	}
	if page > 1 {
		link(min(page-1, last), "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	if links != nil {
		w.Header().Add("Link", strings.Join(links, ", ")) // beside what is announced
	}
	if page > last {
		return nil
	}
	return items[(page-1)*perPage : min(page*perPage, len(items))]
}

func positive(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return otherwise
	}
	return n
}
