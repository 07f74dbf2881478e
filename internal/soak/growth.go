package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

// size is what a process can lose track of.
type size struct {
	goroutines  int
	descriptors int // -1: not known on this machine
	heap        uint64
}

// measure returns the size with all workspaces idle and no connection kept. It
// waits for a while for what is still under way: until there is no more than
// at an earlier time, or with none, no less than a moment ago.
func (w *world) measure(patience time.Duration, before *size) size {
	w.idle.Lock()
	defer w.idle.Unlock()
	var last size
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		w.endpoints.CloseIdleConnections()
		w.forge.Client().CloseIdleConnections()
		s := sizeNow()
		quiet := before == nil && s.goroutines == last.goroutines || before != nil && !s.grew(*before)
		if quiet || time.Now().After(deadline) {
			return s
		}
		last = s
	}
}

// grew reports whether there are more goroutines or descriptors than before, by
// more than chance.
func (s size) grew(before size) bool {
	return s.goroutines > before.goroutines+sizeNoise || s.descriptors > before.descriptors+sizeNoise
}

// sizeNow returns the size, after what is garbage has gone.
func sizeNow() size {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{goroutines: runtime.NumGoroutine(), descriptors: descriptors(), heap: m.HeapAlloc}
}

func descriptors() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(open) - 1 // that of the folder
}

// leftGoroutines returns how many there are, and if they stay more than most
// for a while, where they are.
func leftGoroutines(most int) (n int, stacks string) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if n = runtime.NumGoroutine(); n <= most {
			return n, ""
		}
		if time.Now().After(deadline) {
			break
		}
	}
	var text strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
	return n, text.String()
}
