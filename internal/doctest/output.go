package doctest

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	number = regexp.MustCompile(`[0-9]+(?:\\\.[0-9]+)?`) // in a pattern, where a dot is escaped
	spaces = regexp.MustCompile(` +`)
)

// pattern matches what a text block shows: each line as it is but for ... and, with anyNumbers, for numbers.
func pattern(text string, anyNumbers bool) string {
	var p strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "..." {
			p.WriteString(`(?:.*\n)*?`)
			continue
		}
		quoted := regexp.QuoteMeta(line)
		if anyNumbers { // a longer number has fewer spaces before it
			quoted = spaces.ReplaceAllString(number.ReplaceAllString(quoted, `[0-9]+(?:\.[0-9]+)?`), ` +`)
			quoted = ` *` + strings.TrimPrefix(quoted, ` +`)
		}
		p.WriteString(strings.ReplaceAll(quoted, `\.\.\.`, `.*`) + ` *\n`)
	}
	return p.String()
}

// compare is an error unless printed is what text shows.
func compare(text string, anyNumbers bool, printed string) error {
	if !regexp.MustCompile(`^` + pattern(text, anyNumbers) + `$`).MatchString(printed) {
		return fmt.Errorf("the document shows\n%s\nand there was\n%s", text, printed)
	}
	return nil
}

// appeared reports whether text is in what was printed so far.
func appeared(text string, anyNumbers bool, printed string) bool {
	return regexp.MustCompile(`(?m)^` + pattern(text, anyNumbers)).MatchString(printed)
}
