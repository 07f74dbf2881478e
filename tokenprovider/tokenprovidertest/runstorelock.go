package tokenprovidertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// expectLock tries the lock of key and expects to get it or not.
func expectLock(ctx context.Context, s tokenprovider.Store, key string, ttl time.Duration,
	want bool) (unlock func(context.Context) error, err error) {
	unlock, ok, err := s.TryLock(ctx, key, ttl)
	switch {
	case err != nil:
		return nil, fmt.Errorf("TryLock failed: %w", err)
	case ok && !want:
		return nil, errors.New("TryLock took a lock that somebody has")
	case !ok && want:
		return nil, errors.New("TryLock didn't take a lock that nobody has")
	case ok && unlock == nil:
		return nil, errors.New("TryLock took the lock, and its unlock is nil")
	}
	return unlock, nil
}

func oneLock(ctx context.Context, s tokenprovider.Store, key string) error {
	unlock, err := expectLock(ctx, s, key, forever, true)
	if err != nil {
		return err
	}
	if _, err := expectLock(ctx, s, key, forever, false); err != nil {
		return err
	}
	other, err := expectLock(ctx, s, key+"x", forever, true)
	if err != nil {
		return fmt.Errorf("of another key: %w", err)
	}
	if err := errors.Join(unlock(ctx), other(ctx)); err != nil {
		return fmt.Errorf("unlock failed: %w", err)
	}
	unlock, err = expectLock(ctx, s, key, forever, true)
	if err != nil {
		return fmt.Errorf("after unlock: %w", err)
	}
	return unlock(ctx)
}

func lockEnds(ctx context.Context, s tokenprovider.Store, key string) error {
	if _, err := expectLock(ctx, s, key, moment, true); err != nil {
		return err
	}
	return eventually(func() error {
		unlock, err := expectLock(ctx, s, key, forever, true)
		if err != nil {
			return err
		}
		return unlock(ctx)
	})
}

func lateUnlock(ctx context.Context, s tokenprovider.Store, key string) error {
	late, err := expectLock(ctx, s, key, moment, true)
	if err != nil {
		return err
	}
	var unlock func(context.Context) error
	if err := eventually(func() (err error) {
		unlock, err = expectLock(ctx, s, key, forever, true)
		return err
	}); err != nil {
		return err
	}
	_ = late(ctx) // that it is too late may be an error
	if _, err := expectLock(ctx, s, key, forever, false); err != nil {
		return err
	}
	return unlock(ctx)
}
