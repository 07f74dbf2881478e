package foreign

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// logPatience bounds how long a record holds up whoever logs it.
const logPatience = time.Second

// Logger returns a logger that hands its records to l's handler and can't harm
// who logs: a handler that panics or ends its goroutine loses that record, one
// that hangs is waited for a second and gets no further record until it is back.
// With a nil l nothing is logged.
func Logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	switch h := l.Handler(); {
	case h == slog.DiscardHandler:
		return l
	default:
		if _, guarded := h.(*handler); guarded {
			return l
		}
		return slog.New(&handler{foreign: h, hanging: new(atomic.Int64)})
	}
}

// handler is a [slog.Handler] whose every call of another one is guarded.
type handler struct {
	foreign slog.Handler
	with    []func(slog.Handler) slog.Handler // attributes and groups to add
	hanging *atomic.Int64                     // calls that were left behind
}

// Enabled returns true: the handler inside is asked in Handle, where it can do no
// harm.
func (h *handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle returns the error of the handler inside, a [*Defect], or [ErrNoAnswer]
// for a record that it didn't take in time.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if h.hanging.Load() > 0 {
		return ErrNoAnswer
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), logPatience)
	defer cancel()
	var left atomic.Bool
	_, err := Within(limited, "the log handler", func(context.Context) (struct{}, error) {
		defer func() {
			if !left.CompareAndSwap(false, true) {
				h.hanging.Add(-1)
			}
		}()
		inside := h.foreign
		for _, with := range h.with {
			inside = with(inside)
		}
		if !inside.Enabled(ctx, r.Level) {
			return struct{}{}, nil
		}
		return struct{}{}, inside.Handle(ctx, r)
	})
	if err == ErrNoAnswer {
		h.hanging.Add(1)
		if !left.CompareAndSwap(false, true) { // it came back in this moment
			h.hanging.Add(-1)
		}
	}
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(inside slog.Handler) slog.Handler { return inside.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.and(func(inside slog.Handler) slog.Handler { return inside.WithGroup(name) })
}

func (h *handler) and(with func(slog.Handler) slog.Handler) slog.Handler {
	return &handler{h.foreign, append(h.with[:len(h.with):len(h.with)], with), h.hanging}
}
