// Package pktline reads and writes git's packet lines (gitprotocol-common(5)):
// four hex digits with the length of the line, themselves included, and then
// the line; 0000 is a flush.
package pktline

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Max is the most bytes that one line's payload has.
const Max = 65520 - headerSize

const headerSize = 4

// ErrMalformed says that what was read isn't a packet line.
var ErrMalformed = errors.New("malformed packet line")

// Read returns the payload of the next line of in, and true in its place for a
// flush. An empty line and the other packets without payload (delimiter,
// response end) are [ErrMalformed]; the end of in is [io.EOF] before a line and
// [io.ErrUnexpectedEOF] in one.
func Read(in io.Reader) (payload []byte, flush bool, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, false, err
	}
	var size [headerSize / 2]byte
	if _, err := hex.Decode(size[:], header[:]); err != nil {
		return nil, false, ErrMalformed
	}
	n := int(size[0])<<8 | int(size[1])
	switch {
	case n == 0:
		return nil, true, nil
	case n <= headerSize || n > Max+headerSize:
		return nil, false, ErrMalformed
	}
	payload = make([]byte, n-headerSize)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, false, io.ErrUnexpectedEOF
	}
	return payload, false, nil
}

// Line returns payload, of at most [Max] bytes, as a line.
func Line(payload string) string { return fmt.Sprintf("%04x%s", len(payload)+headerSize, payload) }

// Flush ends a section of lines.
const Flush = "0000"
