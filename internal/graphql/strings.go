package graphql

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

var (
	lineEnd        = regexp.MustCompile(`\r\n|\n|\r`)
	surrogatePairs = regexp.MustCompile(`\\\\|\\u([dD][89aAbB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})`)
)

// joinSurrogates puts the character itself in the place of two escapes that
// only together are one.
func joinSurrogates(escaped string) string {
	return surrogatePairs.ReplaceAllStringFunc(escaped, func(found string) string {
		match := surrogatePairs.FindStringSubmatch(found)
		high, err := strconv.ParseUint(match[1], 16, 16)
		low, err2 := strconv.ParseUint(match[2], 16, 16)
		if err != nil || err2 != nil {
			return found // an escaped backslash, which may stand before a u
		}
		return string(utf16.DecodeRune(rune(high), rune(low)))
	})
}

// unindent returns the value of a block string: without the indentation that
// its lines have in common, the first not counted, and without empty lines at
// both ends.
func unindent(raw string) string {
	lines := lineEnd.Split(raw, -1)
	common := -1
	for _, line := range lines[1:] {
		if indent := len(line) - len(strings.TrimLeft(line, " \t")); indent < len(line) && (common < 0 || indent < common) {
			common = indent
		}
	}
	for n := range lines[1:] {
		lines[n+1] = lines[n+1][min(max(common, 0), len(lines[n+1])):]
	}
	for len(lines) > 0 && strings.Trim(lines[0], " \t") == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.Trim(lines[len(lines)-1], " \t") == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}
