package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// journal takes all that anybody prints or logs, and looks for secrets in it as
// it comes. The last lines are kept, to tell what happened around a loss. It is
// safe for concurrent use.
type journal struct {
	mu       sync.Mutex
	copy     io.Writer // nil: none is wanted
	pieces   map[piece]struct{}
	lines    int
	leaks    []string
	last     []string // a ring
	next     int
	counters map[string]int // by the message of a log line
}

// piece is some of a secret, long enough to be one by itself.
type piece [16]byte

const keptLines = 2000

func newJournal(copyTo io.Writer) *journal {
	return &journal{
		copy: copyTo, pieces: map[piece]struct{}{}, last: make([]string, keptLines), counters: map[string]int{},
	}
}

// secret notes values that nobody may print from now on, in clear or as Basic
// authentication.
func (j *journal) secret(values ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, v := range values {
		if len(v) < 48 {
			j.note(v, 0)
			continue
		}
		j.note(v, len(v)/2)
		j.note(v, len(v)-len(piece{}))
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + v))
		j.note(basic, len(basic)/2)
	}
}

func (j *journal) note(v string, at int) {
	if len(v)-at >= len(piece{}) {
		j.pieces[piece([]byte(v[at:at+len(piece{})]))] = struct{}{}
	}
}

// Write implements [io.Writer] with whole lines.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range bytes.Lines(p) {
		j.take(line)
	}
	if j.copy != nil {
		return j.copy.Write(p)
	}
	return len(p), nil
}

// shapes are how secrets begin that nobody told the journal of.
var shapes = [][]byte{[]byte("ghs_"), []byte("eyJhbGci"), []byte("PRIVATE KEY")}

func (j *journal) take(line []byte) {
	j.lines++
	for _, shape := range shapes {
		if bytes.Contains(line, shape) {
			j.leak("something that begins as a secret does: " + string(shape))
		}
	}
	for at := range max(0, len(line)-len(piece{})+1) {
		if _, is := j.pieces[piece(line[at:at+len(piece{})])]; is {
			j.leak("a piece of a secret")
			break
		}
	}
	if _, rest, ok := bytes.Cut(line, []byte(`"msg":"`)); ok {
		message, _, _ := bytes.Cut(rest, []byte(`"`))
		j.counters[string(message)]++
	}
	j.last[j.next%keptLines] = string(line)
	j.next++
}

func (j *journal) leak(what string) {
	if len(j.leaks) < 10 {
		j.leaks = append(j.leaks, fmt.Sprintf("line %d holds %s", j.lines, what))
	}
}

// logger logs everything into j.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Printf implements the logging of the client of Redis.
func (j *journal) Printf(_ context.Context, format string, args ...any) {
	fmt.Fprintf(j, "redis: "+format+"\n", args...)
}

// about returns the last lines that hold any of these texts, at most that many,
// the oldest first.
func (j *journal) about(most int, names ...string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for n := j.next - 1; n >= max(0, j.next-keptLines) && len(found) < most; n-- {
		line := j.last[n%keptLines]
		for _, name := range names {
			if strings.Contains(line, name) {
				found = append([]string{strings.TrimSpace(line)}, found...)
				break
			}
		}
	}
	return found
}

// counted returns how many lines had that message.
func (j *journal) counted(message string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counters[message]
}

// read returns how many lines there were, and which of them held a secret.
func (j *journal) read() (lines int, leaks []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines, j.leaks
}
