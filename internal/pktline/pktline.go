// Package pktline reads and writes git's packet lines (gitprotocol-common(5)):
// four hex digits with the length of the line, themselves included, and then
// the line; 0000 is a flush. With them it tells git why a push was refused.
package pktline

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
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

// maxReport is how much of a report goes into one line of a side band.
const maxReport = 65_000

// Rejected is a ref that git-receive-pack didn't update, and why.
type Rejected struct{ Ref, Reason string }

// Report returns git-receive-pack's answer that it updated none of refs
// (gitprotocol-pack(5)), in the form that the client's capabilities ask for; nil
// where they ask for none.
func Report(capabilities []string, refs []Rejected) []byte {
	has := func(capability string) bool { return slices.Contains(capabilities, capability) }
	if !has("report-status") && !has("report-status-v2") {
		return nil
	}
	var report bytes.Buffer
	report.WriteString(Line("unpack ok\n"))
	for _, r := range refs {
		report.WriteString(Line("ng " + r.Ref + " " + r.Reason + "\n"))
	}
	report.WriteString(Flush)
	if !has("side-band-64k") {
		return report.Bytes()
	}
	var answer bytes.Buffer
	for part := range slices.Chunk(report.Bytes(), maxReport) {
		answer.WriteString(Line("\x01" + string(part)))
	}
	answer.WriteString(Flush)
	return answer.Bytes()
}
