package graphql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Location is a place in a query. Both count from 1, columns in characters.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type tokenKind string

const (
	tokenEnd        tokenKind = "EOF"
	tokenName       tokenKind = "IDENTIFIER"
	tokenInt        tokenKind = "INT"
	tokenFloat      tokenKind = "FLOAT"
	tokenString     tokenKind = "STRING"
	tokenPunctuator tokenKind = "PUNCTUATOR"
	tokenUnknown    tokenKind = "UNKNOWN_CHAR"
)

type token struct {
	kind tokenKind
	text string // a string's is its value
	at   Location
}

var (
	ignored    = regexp.MustCompile(`^(?:[\t\n\r ,\x{FEFF}]|#[^\n\r]*)+`)
	nameText   = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*`)
	numberText = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`)
	punctuator = regexp.MustCompile(`^(?:\.\.\.|[!$&():=@\[\]{|}])`)
	plainText  = regexp.MustCompile(`^"((?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"`)
	blockText  = regexp.MustCompile(`^"""((?:"{0,2}(?:[^"\\]|\\"""|\\))*)"""`)
)

// lexer splits a text into tokens.
type lexer struct {
	rest string
	at   Location
}

// next returns the next token. It panics with an *Error on what is none.
func (l *lexer) next() token {
	l.skip(len(ignored.FindString(l.rest)))
	t := token{kind: tokenEnd, at: l.at}
	if l.rest == "" {
		return t
	}
	switch c := l.rest[0]; {
	case c == '"':
		return l.nextString()
	case c == '-' || (c >= '0' && c <= '9'):
		return l.nextNumber()
	}
	if t.text = nameText.FindString(l.rest); t.text != "" {
		t.kind = tokenName
	} else if t.text = punctuator.FindString(l.rest); t.text != "" {
		t.kind = tokenPunctuator
	} else {
		panic(l.unknown())
	}
	l.skip(len(t.text))
	return t
}

func (l *lexer) nextNumber() token {
	t := token{kind: tokenInt, at: l.at}
	match := numberText.FindStringSubmatch(l.rest)
	if match == nil {
		panic(l.unknown())
	}
	if t.text = match[0]; match[1]+match[2] != "" {
		t.kind = tokenFloat
	}
	l.skip(len(t.text))
	if l.rest != "" && (l.rest[0] == '.' || nameText.MatchString(l.rest) || (l.rest[0] >= '0' && l.rest[0] <= '9')) {
		panic(l.unknown())
	}
	return t
}

func (l *lexer) nextString() token {
	t := token{kind: tokenString, at: l.at}
	if match := blockText.FindStringSubmatch(l.rest); match != nil {
		t.text = unindent(strings.ReplaceAll(match[1], `\"""`, `"""`))
		l.skip(len(match[0]))
		return t
	}
	match := plainText.FindStringSubmatch(l.rest)
	if match == nil {
		panic(l.unknown())
	}
	// Go writes these escapes as GraphQL does, but for \/ and halves of
	// surrogate pairs.
	value, err := strconv.Unquote(`"` + strings.ReplaceAll(joinSurrogates(match[1]), `\/`, `/`) + `"`)
	if err != nil {
		panic(l.unknown())
	}
	t.text = value
	l.skip(len(match[0]))
	return t
}

// skip moves on by n bytes.
func (l *lexer) skip(n int) {
	for _, c := range l.rest[:n] {
		if l.at.Column++; c == '\n' {
			l.at = Location{l.at.Line + 1, 1}
		}
	}
	l.rest = l.rest[n:]
}

func (l *lexer) unknown() *Error {
	c, _ := utf8.DecodeRuneInString(l.rest)
	return syntaxError(token{tokenUnknown, string(c), l.at}, "")
}

// syntaxError says what stands where something else was expected; "" when
// nothing in particular was.
func syntaxError(t token, expected string) *Error {
	message := "Unexpected end of document"
	if t.kind != tokenEnd {
		message = fmt.Sprintf("Parse error on %q (%s) at [%d, %d]", t.text, t.kind, t.at.Line,
			t.at.Column)
		if expected != "" {
			message = fmt.Sprintf("Expected %s, actual: %s (%q) at [%d, %d]", expected, t.kind,
				t.text, t.at.Line, t.at.Column)
		}
	}
	return &Error{Message: message, Locations: []Location{t.at}}
}
