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

// measure is the size with all workspaces idle and no connection kept. It waits for what is still under way, until size
// is no larger than atMost, if that is given, but not for long.
func (w *world) measure(atMost *size) size {
	w.idle.Lock()
	defer w.idle.Unlock()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		w.endpoints.CloseIdleConnections()
		w.forge.Client().CloseIdleConnections()
		s := sizeNow()
		if time.Now().After(deadline) || atMost != nil && s.goroutines <= atMost.goroutines && s.descriptors <= atMost.descriptors {
			return s
		}
		if atMost == nil && time.Now().After(deadline.Add(-7*time.Second)) {
			return s
		}
	}
}

// sizeNow is the size, after what is garbage has gone.
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

// leftGoroutines are those beyond most, after a while.
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
