package wire

import (
	"strings"
	"unicode"
)

// IsToken reports whether s is one word of visible ASCII: what a bearer, a token
// and a user name have to be so that no header, line or URL around them can be
// broken out of.
func IsToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// OneLine returns text from outside as one line of at most limit characters.
// Control, format and separator characters, which a terminal or a log viewer
// might obey, become spaces; several spaces become one.
func OneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > limit {
		runes = append(runes[:limit-1], '…')
	}
	return string(runes)
}
