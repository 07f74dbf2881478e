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

// GitAnswer returns the credential made of username and token as git reads it from
// a helper, in whole lines: with authtype, which is for a caller that offers the
// capability of that name, as the value of an Authorization header that no other
// helper may keep. It names nothing but the credential: an attribute such as host,
// which a helper may also print, would change where git sends it. A user name or
// token that the format can't carry is an error, which doesn't repeat it.
//
// password_expiry_utc counts seconds, rounded down, and is left out for the zero
// time. Git before 2.40 ignores it; a later one takes anything that isn't a whole
// number for a token that never expires, or that expired long ago.
func GitAnswer(username, token string, expiresAt time.Time, authtype bool) (string, error) {
	switch {
	case token == "":
		return "", errors.New("the platform handed out an empty token")
	case len(token) > maxToken:
		return "", fmt.Errorf("the token is longer than %d bytes", maxToken)
	case !IsToken(token):
		return "", errors.New("the token holds a space or control character, which git's protocol can't carry")
	case !IsToken(username) || strings.Contains(username, ":"):
		return "", errors.New("the user name for the token is empty or holds a space, colon or control character")
	}
	var answer strings.Builder
	if authtype {
		// Git wants the capability first: it says that the lines after it are to be
		// understood.
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
