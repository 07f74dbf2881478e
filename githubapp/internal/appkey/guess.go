package appkey

import (
	"regexp"
	"strings"
)

// looks are things that get into the place of a private key, each with a
// pattern of text that is likely to be one.
var looks = []struct {
	pattern *regexp.Regexp
	says    string
}{
	{regexp.MustCompile(`(?i)-----BEGIN`), "holds no whole PEM block: it begins, but the line that ends it is missing"},
	{regexp.MustCompile(`(?i)-----END`), "holds no whole PEM block: the line that begins it is missing"},
	{regexp.MustCompile(`^(ssh-|ecdsa-sha2-)\S+ `), "holds an SSH public key"},
	{regexp.MustCompile(`^PuTTY-User-Key-File`), "holds a key of PuTTY's"},
	{regexp.MustCompile(`^SHA256:`), "holds the fingerprint of a key"},
	{regexp.MustCompile(`^(gh[a-z]_|github_pat_)`), "holds a token"},
	{regexp.MustCompile(`^Iv[0-9]`), "holds a client ID"},
	{regexp.MustCompile(`^[0-9]{1,20}$`), "holds a number"},
	{regexp.MustCompile(`^[0-9a-fA-F]{40}$`), "holds what looks like a client secret"},
	{regexp.MustCompile(`^\$[({]|^\{\{`), "holds a placeholder that nothing has replaced"},
	{regexp.MustCompile(`^[{[]`), "holds JSON"},
	{regexp.MustCompile(`^(~|\.{0,2}/|[A-Za-z]:\\)\S*$|\.(pem|key)$`), "holds what looks like a path; " +
		"the key's file is for GITHUB_APP_PRIVATE_KEY_FILE or Options.KeyFile"},
	{regexp.MustCompile(`(?i)^<(!doctype|html)`), "holds a page of HTML"},
}

// guess returns what text, which has no key, looks like.
func guess(text string) string {
	if strings.TrimSpace(text) == "" {
		return "is empty"
	}
	for _, l := range looks {
		if l.pattern.MatchString(text) {
			return l.says
		}
	}
	return "holds no PEM, nor base64 of it"
}
