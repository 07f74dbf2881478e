package foreign

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// CallStore makes a call of a store, which is somebody's own code. It returns
// after patience or at the end of ctx even if the call doesn't, with
// [ErrNoAnswer]. A panic is logged, and its error has nothing of the panic's
// value, which may be what was to be stored.
func CallStore[T any](ctx context.Context, patience time.Duration, logger *slog.Logger,
	call func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, err := Within(limited, "the store", call)
	switch defect, ok := err.(*Defect); {
	case ok:
		if defect.Stack != nil {
			logger.Error("token store panicked",
				"cause", Cause(defect.Value), "stack", string(defect.Stack))
		}
		err = errors.New(defect.Error())
	case err != nil && limited.Err() != nil:
		err = ErrNoAnswer
	}
	return value, err
}
