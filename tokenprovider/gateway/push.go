package gateway

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/pktline"
)

// The bounds of what a push asks for.
const (
	maxCommands     = 10_000
	maxCommandBytes = 4 << 20 // of all lines together
	maxRef          = 4096    // bytes of a name, which has to fit into a line with a reason
)

// push is what a client asks git-receive-pack to do (gitprotocol-pack(5)), read
// from the front of a request's body. What it read stands in front of the rest
// again: rest is the whole body.
type push struct {
	refs         []RefUpdate // none: git's probe, which sends no more than a flush
	capabilities []string
	rest         io.Reader
}

// readPush reads the commands of r, up to the flush behind them. The errors are
// [*Refusal]s.
func readPush(r *http.Request) (*push, error) {
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, &Refusal{"a compressed push is refused, since git sends none"}
	}
	var seen bytes.Buffer
	in := io.TeeReader(io.LimitReader(r.Body, maxCommandBytes), &seen)
	p := &push{}
	for {
		line, flush, err := pktline.Read(in)
		switch {
		case errors.Is(err, pktline.ErrMalformed):
			return nil, malformedPush("a packet line is malformed")
		case err != nil && seen.Len() >= maxCommandBytes:
			return nil, malformedPush(fmt.Sprintf("its commands are larger than %d bytes", maxCommandBytes))
		case err != nil:
			return nil, malformedPush("it ends before its commands do")
		case flush:
			return p, p.complete(r, &seen)
		}
		if err := p.add(string(line)); err != nil {
			return nil, err
		}
	}
}

// complete puts what was seen of r's body back in front of it. A push without
// commands is the probe, which has nothing behind its flush.
func (p *push) complete(r *http.Request, seen *bytes.Buffer) error {
	if len(p.refs) == 0 {
		if n, _ := io.CopyN(io.Discard, r.Body, 1); n > 0 {
			return malformedPush("it has a pack and no commands")
		}
		p.rest = seen
		return nil
	}
	p.rest = io.MultiReader(seen, r.Body)
	return nil
}

// add takes one line before the flush.
func (p *push) add(line string) error {
	command, capabilities, first := strings.Cut(line, "\x00")
	switch {
	case strings.HasPrefix(line, "push-cert"):
		return &Refusal{"a signed push (push-cert) is refused: its commands can't be judged"}
	case first && len(p.refs) > 0:
		return malformedPush("it has capabilities twice")
	case first:
		p.capabilities = strings.Fields(capabilities)
	}
	command = strings.TrimSuffix(command, "\n")
	if id, ok := strings.CutPrefix(command, "shallow "); ok && isObjectID(id) && !first {
		return nil
	}
	parts := strings.SplitN(command, " ", 3)
	if len(parts) != 3 || !isObjectID(parts[0]) || !isObjectID(parts[1]) || len(parts[0]) != len(parts[1]) {
		return malformedPush("a line of it is no command")
	}
	u := RefUpdate{Old: parts[0], New: parts[1], Name: parts[2]}
	switch {
	case !isRef(u.Name):
		return malformedPush("it has a ref whose name is malformed")
	case len(p.refs) == maxCommands:
		return &Refusal{fmt.Sprintf("a push of more than %d refs is refused", maxCommands)}
	case len(p.refs) == 0 && !first:
		return malformedPush("its first command has no capabilities")
	}
	p.refs = append(p.refs, u)
	return nil
}

func malformedPush(what string) error {
	return &Refusal{"the push is refused, since it isn't as git sends one: " + what}
}

func isObjectID(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && text == strings.ToLower(text) && (len(text) == 40 || len(text) == 64)
}

// isRef reports whether name can be a ref in full (git-check-ref-format(1)), as
// far as it matters: what a rule says of it has to hold for what the forge makes
// of it.
func isRef(name string) bool {
	if len(name) > maxRef || !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".") {
		return false
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("~^:?*[\\", r) {
			return false
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return !strings.Contains(name, "..") && !strings.Contains(name, "@{")
}

// report returns the answer that no ref was updated, for reason, as
// git-receive-pack gives it.
func (p *push) report(reason string) []byte {
	const most = 400 // bytes of a reason, which has to fit into a line
	reason = strings.ToValidUTF8(reason[:min(len(reason), most)], "")
	refused := make([]pktline.Rejected, len(p.refs))
	for n, u := range p.refs {
		refused[n] = pktline.Rejected{Ref: u.Name, Reason: reason}
	}
	return pktline.Report(p.capabilities, refused)
}
