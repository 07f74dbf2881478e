package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxToken leaves room for a token, encoded, within a line of git's protocol.
const maxToken = 32 << 10

// GitAnswer is a credential in git's format. It names nothing but the credential: an attribute such as host, which a helper
// may also print, would change where git sends it.
//
// password_expiry_utc counts seconds, rounded down. Git before 2.40 ignores it; a later one takes anything that isn't a
// whole number for a token that never expires, or that expired long ago.
func GitAnswer(username, token string, expiresAt time.Time, authtype bool) (string, error) {
	switch {
	case token == "":
		return "", errors.New("the platform handed out an empty token")
	case len(token) > maxToken:
		return "", fmt.Errorf("the token is longer than %d bytes", maxToken)
	case !isVisible(token):
		return "", errors.New("the token holds a space or control character, which git's protocol can't carry")
	case !isVisible(username) || strings.Contains(username, ":"):
		return "", errors.New("the user name for the token holds a space, colon or control character")
	}
	var answer strings.Builder
	if authtype {
		// Git wants the capability first: it says that the lines after it are to be understood.
		answer.WriteString("capability[]=authtype\nauthtype=Basic\n")
		fmt.Fprintf(&answer, "credential=%s\n", base64.StdEncoding.EncodeToString([]byte(username+":"+token)))
		answer.WriteString("ephemeral=1\n")
	} else {
		fmt.Fprintf(&answer, "username=%s\npassword=%s\n", username, token)
	}
	if !expiresAt.IsZero() {
		fmt.Fprintf(&answer, "password_expiry_utc=%d\n", expiresAt.Unix())
	}
	return answer.String(), nil
}

// isVisible reports whether s is made of ASCII characters that leave ink.
func isVisible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}
