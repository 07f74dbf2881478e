package githubapptest

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/pktline"
)

// push is what a client asks git-receive-pack to do; see gitprotocol-pack(5).
type push struct {
	updates      []refUpdate
	capabilities []string
	pack         io.Reader // what follows; empty when refs are deleted only
}

// refUpdate moves a ref to the commit new.
type refUpdate struct{ new, ref string }

// deletes reports whether the ref goes.
func (u refUpdate) deletes() bool { return strings.Trim(u.new, "0") == "" }

var errMalformedPush = errors.New("the request isn't a push as gitprotocol-pack describes it")

// readPush reads the body of a request up to its pack.
func readPush(r *http.Request) (*push, error) {
	body := io.Reader(r.Body)
	if encoding := r.Header.Get("Content-Encoding"); encoding == "gzip" || encoding == "x-gzip" {
		decoded, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = decoded
	}
	p := &push{}
	in := bufio.NewReader(body)
	p.pack = in
	for first := true; ; first = false {
		payload, flush, err := pktline.Read(in)
		if err != nil {
			return nil, errMalformedPush
		}
		if flush {
			return p, nil
		}
		line := string(payload)
		if command, capabilities, ok := strings.Cut(line, "\x00"); first && ok {
			line, p.capabilities = command, strings.Fields(capabilities)
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "shallow ") {
			continue
		}
		parts := strings.SplitN(line, " ", 3)
		if len(parts) != 3 || !isObjectID(parts[0]) || !isObjectID(parts[1]) {
			return nil, errMalformedPush
		}
		p.updates = append(p.updates, refUpdate{parts[1], parts[2]})
	}
}

func isObjectID(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && (len(text) == 40 || len(text) == 64)
}

// refuse answers that no ref was updated: for the reasons given by ref, or
// because another ref was refused.
func (p *push) refuse(w http.ResponseWriter, reasons map[string]string) {
	refused := make([]pktline.Rejected, len(p.updates))
	for n, u := range p.updates {
		refused[n] = pktline.Rejected{Ref: u.ref, Reason: cmp.Or(reasons[u.ref], "pre-receive hook declined")}
	}
	w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	_, _ = w.Write(pktline.Report(p.capabilities, refused))
}
