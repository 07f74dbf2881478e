package tokenprovidertest

import (
	"context"
	"fmt"
	"time"
)

func valueEnds(ctx context.Context, s keyed) error {
	one, two, three := []byte("one"), []byte("two"), []byte("three")
	return inOrder(
		func() error { return s.swap(ctx, nil, one, forever, true) },
		func() error { return s.swap(ctx, one, two, moment, true) },
		func() error { return s.holds(ctx, two) },
		func() error { return eventually(func() error { return s.holds(ctx, nil) }) },
		// What is gone is no value for a Swap either.
		func() error { return s.swap(ctx, two, three, forever, false) },
		func() error { return s.swap(ctx, nil, three, moment, true) },
		func() error {
			return eventually(func() error { return s.swap(ctx, nil, one, forever, true) })
		},
		func() error { return s.swap(ctx, one, nil, 0, true) },
	)
}

func valueStays(ctx context.Context, s keyed) error {
	one, two, three := []byte("one"), []byte("two"), []byte("three")
	return inOrder(
		func() error { return s.swap(ctx, nil, one, moment, true) },
		func() error { return s.swap(ctx, one, two, 0, true) },
		func() error { return s.swap(ctx, one, three, 1, false) }, // which changes nothing
		func() error { time.Sleep(moment + moment/2); return s.holds(ctx, two) },
		func() error { return s.swap(ctx, two, three, moment, true) },
		func() error { return s.swap(ctx, three, one, -1, true) },
		func() error { time.Sleep(moment + moment/2); return s.holds(ctx, one) },
		func() error { return s.swap(ctx, one, nil, 0, true) },
	)
}

func valueEndsAtOnce(ctx context.Context, s keyed) error {
	return inOrder(
		func() error { return s.swap(ctx, nil, []byte("value"), 1, true) },
		func() error { return eventually(func() error { return s.holds(ctx, nil) }) },
	)
}

func storeContext(ctx context.Context, s keyed) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	value := []byte("value")
	for name, call := range map[string]func() error{
		"Load": func() error { _, err := s.Load(over, s.key); return err },
		"Swap": func() error { _, err := s.Swap(over, s.key, nil, value, forever); return err },
	} {
		if err := within(name+" with a context that is over", func() error {
			if call() == nil {
				return fmt.Errorf("%s with a context that is over succeeded", name)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return s.holds(ctx, nil)
}
