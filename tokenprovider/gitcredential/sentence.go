package gitcredential

import (
	"strings"
	"unicode"
)

const maxSentence = 500 // characters

// Sentence is err as one line of at most 500 characters for the person in front of git, who must be able to trust what
// the terminal shows: control, format and separator characters, which a server may have sent, become spaces. It is ""
// for nil.
func Sentence(err error) string {
	if err == nil {
		return ""
	}
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.TrimPrefix(err.Error(), "gitcredential: "), " "))
	runes := []rune(strings.Join(strings.Fields(line), " "))
	if len(runes) > maxSentence {
		runes = append(runes[:maxSentence-1], '…')
	}
	return string(runes)
}
