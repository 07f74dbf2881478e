package tokenprovidertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

func absent(ctx context.Context, s keyed) error { return s.holds(ctx, nil) }

func keepsValue(ctx context.Context, s keyed) error {
	every := make([]byte, 16<<10) // longer than any token, with each byte that there is
	for i := range every {
		every[i] = byte(i)
	}
	var held []byte
	for _, value := range [][]byte{[]byte("first"), every, {0}, []byte(" \x00\xff\r\n"), []byte("last")} {
		if err := s.swap(ctx, held, value, forever, true); err != nil {
			return err
		}
		if err := s.holds(ctx, value); err != nil {
			return err
		}
		held = value
	}
	return s.swap(ctx, held, nil, 0, true)
}

func keepsKeysApart(ctx context.Context, s keyed) error {
	prefix := s.key
	endings := []string{"", " ", "x", "X", "/", "/lock", "{x}", "}{", "%", "_", "%2F", "'; --",
		`"`, `\`, "\n", "*", "?", "é", "e\u0301", "日本語", "🔑", strings.Repeat("long", 60)}
	for n, ending := range endings {
		s.key = prefix + ending
		if err := s.swap(ctx, nil, []byte{byte(n)}, forever, true); err != nil {
			return fmt.Errorf("under a key that ends in %q: %w", ending, err)
		}
	}
	for n, ending := range endings {
		s.key = prefix + ending
		if err := inOrder(
			func() error { return s.holds(ctx, []byte{byte(n)}) },
			func() error { return s.swap(ctx, []byte{byte(n)}, nil, 0, true) },
		); err != nil {
			return fmt.Errorf("under a key that ends in %q: %w", ending, err)
		}
	}
	return nil
}

func swapsFromNothing(ctx context.Context, s keyed) error {
	one, two := []byte("one"), []byte("two")
	return inOrder(
		func() error { return s.swap(ctx, one, two, forever, false) },
		func() error { return s.holds(ctx, nil) },
		func() error { return s.swap(ctx, nil, one, forever, true) },
		func() error { return s.swap(ctx, nil, two, forever, false) },
		func() error { return s.holds(ctx, one) },
		func() error { return s.swap(ctx, one, nil, 0, true) },
	)
}

func refusesAnotherOld(ctx context.Context, s keyed) error {
	held := []byte("Value")
	if err := s.swap(ctx, nil, held, forever, true); err != nil {
		return err
	}
	for _, old := range []string{"", "value", "VALUE", "Value ", " Value", "Value\x00", "Valu", "Valve"} {
		if err := inOrder(
			func() error { return s.swap(ctx, []byte(old), []byte("another"), forever, false) },
			func() error { return s.holds(ctx, held) },
		); err != nil {
			return fmt.Errorf("from %q where %q is: %w", old, held, err)
		}
	}
	return s.swap(ctx, held, nil, 0, true)
}

func removes(ctx context.Context, s keyed) error {
	mine, another := []byte("mine"), []byte("another's")
	return inOrder(
		func() error { return s.swap(ctx, nil, mine, forever, true) },
		func() error { return s.swap(ctx, mine, nil, 0, true) },
		func() error { return s.holds(ctx, nil) },
		func() error { return s.swap(ctx, nil, another, forever, true) },
		// As one does whose lock is over.
		func() error { return s.swap(ctx, mine, nil, 0, false) },
		func() error { return s.holds(ctx, another) },
		func() error { return s.swap(ctx, another, nil, forever, true) },
		func() error { return s.holds(ctx, nil) },
	)
}

func treatsEmptyAsNil(ctx context.Context, s keyed) error {
	value := []byte("value")
	return inOrder(
		func() error { return s.swap(ctx, nil, []byte{}, forever, true) },
		func() error { return s.holds(ctx, nil) },
		func() error { return s.swap(ctx, []byte{}, value, forever, true) },
		func() error { return s.holds(ctx, value) },
		func() error { return s.swap(ctx, []byte{}, []byte("another"), forever, false) },
		func() error { return s.swap(ctx, value, []byte{}, forever, true) },
		func() error { return s.holds(ctx, nil) },
	)
}

func repeats(ctx context.Context, s keyed) error {
	one, two, three := []byte("one"), []byte("two"), []byte("three")
	return inOrder(
		func() error { return s.swap(ctx, nil, one, forever, true) },
		func() error { return s.swap(ctx, nil, one, forever, true) },
		func() error { return s.swap(ctx, one, two, forever, true) },
		func() error { return s.swap(ctx, one, two, forever, true) },
		func() error { return s.holds(ctx, two) },
		// The other contender, who wanted something else in place of one.
		func() error { return s.swap(ctx, one, three, forever, false) },
		func() error { return s.swap(ctx, two, three, forever, true) },
		// Too late: it has been replaced by now.
		func() error { return s.swap(ctx, one, two, forever, false) },
		func() error { return s.holds(ctx, three) },
		func() error { return s.swap(ctx, three, nil, 0, true) },
		func() error { return s.swap(ctx, three, nil, 0, true) },
		func() error { return s.holds(ctx, nil) },
	)
}

func sharesNoBytes(ctx context.Context, s keyed) error {
	one, two := []byte("one"), []byte("two")
	given, old := bytes.Clone(one), bytes.Clone(one)
	var loaded []byte
	return inOrder(
		func() error { return s.swap(ctx, nil, given, forever, true) },
		func() error { clear(given); return s.holds(ctx, one) },
		func() (err error) { loaded, err = s.Load(ctx, s.key); return err },
		func() error { clear(loaded); return s.holds(ctx, one) },
		func() error { return s.swap(ctx, old, two, forever, true) },
		func() error {
			if !bytes.Equal(old, one) || !bytes.Equal(two, []byte("two")) {
				return errors.New("Swap changed what it was given")
			}
			return s.swap(ctx, two, nil, 0, true)
		},
	)
}
