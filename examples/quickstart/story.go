package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// story tells what happens, with the seconds since its start. Tokens have
// numbers in it, in the order in which they come up; it knows them by their
// SHA-256 only, so it can't give one away.
type story struct {
	start time.Time

	mu       sync.Mutex // the endpoint tells its part from other goroutines
	out      io.Writer
	chapters int
	tokens   map[string]int
}

func newStory(out io.Writer, title string) *story {
	fmt.Fprintln(out, title)
	return &story{start: time.Now(), out: out, tokens: map[string]int{}}
}

func (s *story) chapter(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chapters++
	fmt.Fprintf(s.out, "\n%d. %s\n", s.chapters, fmt.Sprintf(format, args...))
}

func (s *story) tell(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := time.Since(s.start).Seconds()
	fmt.Fprintf(s.out, "%6.1f s  %-10s %s\n", seconds, who, fmt.Sprintf(format, args...))
}

// say prints a line without a time.
func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "   "+format+"\n", args...)
}

// quote shows what a program said, under the line that was told last.
func (s *story) quote(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		fmt.Fprintf(s.out, "%21s| %s\n", "", line)
	}
}

// token returns the name of a token in the story.
func (s *story) token(sha256 string) string {
	if sha256 == "" {
		return "no token"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.tokens[sha256]; !known {
		s.tokens[sha256] = len(s.tokens) + 1
	}
	return fmt.Sprintf("token %d", s.tokens[sha256])
}
