package gitcredential

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine    = 65535   // bytes of a line with its end: git-credential(1)
	maxRequest = 1 << 20 // bytes of all lines
	maxPath    = 1024
)

// ReadRequest reads one request in the format of git-credential(1): lines of
// key=value up to an empty line or the end of input, each ended by LF or CRLF.
// It reads at most 1 MiB, and may read beyond the empty line.
//
// It is strict, since a request that two programs read differently can send a
// token to the wrong host. A protocol and a host are required. It returns an
// error for a repeated key; a line that is cut short, longer than 65,535 bytes
// or without "="; a CR or NUL inside a line; a control character in the
// protocol, host, path or user name; a path with dot segments, escapes, a query
// and the like; and for a url attribute, which git never sends to a helper.
// Unknown keys are ignored, as git-credential(1) demands.
//
// The error names the line or key and what is wrong with it, and never a value.
func ReadRequest(r io.Reader) (Request, error) {
	var p parser
	lines := bufio.NewReaderSize(r, maxLine)
	read := 0
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		read += len(line)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxLine:
			return refuse("line %d of the request is longer than %d bytes", n, maxLine)
		case read > maxRequest:
			return refuse("the request is larger than %d bytes", maxRequest)
		case errors.Is(err, io.EOF) && len(line) > 0:
			return refuse("line %d of the request has no end: it may have been cut short", n)
		case errors.Is(err, io.EOF):
			return p.request()
		case err != nil:
			return refuse("read the request: %w", err)
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		if text == "" {
			return p.request()
		}
		if err := p.line(text); err != nil {
			return refuse("line %d of the request %w", n, err)
		}
	}
}

func refuse(format string, args ...any) (Request, error) {
	return Request{}, fmt.Errorf("gitcredential: "+format, args...)
}

// parser collects a request line by line.
type parser struct {
	req                  Request
	authtype, credential string
	seen                 map[string]bool
}

// line takes one line of key=value.
func (p *parser) line(text string) error {
	if strings.ContainsAny(text, "\r\x00") {
		return errors.New("holds a CR or NUL")
	}
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("isn't key=value")
	}
	switch key {
	case "protocol":
		return p.name(&p.req.Protocol, key, value)
	case "host":
		return p.name(&p.req.Host, key, value)
	case "path":
		return p.path(value)
	case "username":
		return p.name(&p.req.Username, key, value)
	case "password":
		return p.once(&p.req.Password, key, value)
	case "authtype":
		return p.once(&p.authtype, key, value)
	case "credential":
		return p.once(&p.credential, key, value)
	case "capability[]":
		p.req.Capabilities = extend(p.req.Capabilities, value)
	case "wwwauth[]":
		p.req.WWWAuth = extend(p.req.WWWAuth, value)
	case "url":
		return errors.New("has a url, which git never sends to a helper; send protocol and host")
	}
	return nil
}

// once sets an attribute that a request may have one of.
func (p *parser) once(attribute *string, key, value string) error {
	if p.seen[key] {
		return fmt.Errorf("repeats %s", key)
	}
	if p.seen == nil {
		p.seen = make(map[string]bool)
	}
	p.seen[key] = true
	*attribute = value
	return nil
}

// name sets an attribute that people read, and that a request may have one of.
func (p *parser) name(attribute *string, key, value string) error {
	if !isPrintable(value) {
		return fmt.Errorf("has a %s with a control character", key)
	}
	return p.once(attribute, key, value)
}

func (p *parser) path(value string) error {
	if !isPlainPath(value) {
		return errors.New("has a path that isn't plain")
	}
	return p.once(&p.req.Path, "path", value)
}

// extend returns list with value behind it; an empty value empties the list.
func extend(list []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(list, value)
}

// request returns what was collected, once it is whole.
func (p *parser) request() (Request, error) {
	if p.req.Protocol == "" || p.req.Host == "" {
		return refuse("the request names no protocol or no host")
	}
	if p.req.Password == "" {
		p.req.Password = password(p.authtype, p.credential)
	}
	return p.req, nil
}

// password returns the token in a credential that git gives back in the form in
// which it got it: the value of the Authorization header. It is "" where the
// credential holds none that this package could have given.
func password(authtype, credential string) string {
	switch lowerASCII(authtype) {
	case "basic":
		pair, err := base64.StdEncoding.DecodeString(credential)
		if err != nil {
			return ""
		}
		_, password, _ := strings.Cut(string(pair), ":")
		return password
	case "bearer":
		return credential
	}
	return ""
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// isPlainPath reports whether everybody reads path alike. Git sends it decoded,
// so that a "%" left in it was encoded twice, and with the query still on it.
// No path at all is plain.
func isPlainPath(path string) bool {
	if path == "" {
		return true
	}
	if len(path) > maxPath || !isPrintable(path) ||
		strings.ContainsAny(path, `%?#\;`) || strings.HasPrefix(path, "-") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
