package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// A function that mints tokens becomes a source of live ones: it is called when
// one is wanted, not at each use.
func ExampleNewCache() {
	minted := 0
	mint := func(ctx context.Context) (string, time.Time, error) {
		minted++
		return "s3cret", time.Now().Add(time.Hour), nil
	}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint),
		&tokenprovider.CacheOptions{Name: "my-forge"})

	for range 1000 {
		if _, _, err := tokens.Token(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("minted:", minted)
	fmt.Println("state:", tokens.Status().State)
	// Output:
	// minted: 1
	// state: fresh
}

// A caller that is about to start something long asks for a token that outlives
// it.
func ExampleWithMinTTL() {
	mint := func(ctx context.Context) (string, time.Time, error) {
		return "s3cret", time.Now().Add(time.Hour), nil
	}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), nil)
	ctx := tokenprovider.WithMinTTL(context.Background(), 20*time.Minute)
	_, expiresAt, err := tokens.Token(ctx)
	fmt.Println(time.Until(expiresAt) > 20*time.Minute, err)
	// Output: true <nil>
}

// One cache per tenant. A tenant that can't get a token costs the others
// nothing.
func ExampleNewKeyed() {
	tenants := tokenprovider.NewKeyed(func(tenant string) tokenprovider.TokenProvider {
		return tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
			if tenant == "suspended" {
				return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeForbidden,
					Err: errors.New("tenant is suspended")}
			}
			return "token-of-" + tenant, time.Now().Add(time.Hour), nil
		})
	}, nil)

	for _, tenant := range []string{"acme", "suspended"} {
		_, _, err := tenants.Get(tenant).Token(context.Background())
		fmt.Printf("%s: %q\n", tenant, tokenprovider.CodeOf(err))
	}
	// Output:
	// acme: ""
	// suspended: "forbidden"
}

// A developer without an App has a token in a variable, production has an App.
// An App that is configured and broken is an error: the personal token isn't a
// way around it.
func ExampleFallback() {
	broken := tokenprovider.Func(func(ctx context.Context) (string, time.Time, error) {
		return "", time.Time{}, &tokenprovider.Error{Code: tokenprovider.CodeUnauthenticated,
			Err: errors.New("the key was refused")}
	})
	personal := tokenprovider.Static("personal")

	missing := tokenprovider.File("/nonexistent/app-token")
	_, _, err := tokenprovider.Fallback(missing, personal).Token(context.Background())
	fmt.Println(err)
	_, _, err = tokenprovider.Fallback(broken, personal).Token(context.Background())
	fmt.Println(err)
	// Output:
	// <nil>
	// the key was refused
}

func ExampleStatic() {
	p := tokenprovider.Static("s3cret")
	_, expiresAt, err := p.Token(context.Background())
	fmt.Println(expiresAt.IsZero(), err)
	fmt.Println(p)
	// Output:
	// true <nil>
	// tokenprovider.Static([redacted])
}

func ExampleEnv() {
	p := tokenprovider.Env("NO_SUCH_TOKEN", "NO_SUCH_TOKEN_EITHER")
	_, _, err := p.Token(context.Background())
	fmt.Println(errors.Is(err, tokenprovider.ErrNotConfigured))
	// Output: true
}

func ExampleFile() {
	_, _, err := tokenprovider.File("/nonexistent/token").Token(context.Background())
	fmt.Println(errors.Is(err, tokenprovider.ErrNotConfigured))
	// Output: true
}

func ExampleCodeOf() {
	err := fmt.Errorf("workspace ws-1: %w",
		&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: time.Minute})
	switch code := tokenprovider.CodeOf(err); code {
	case tokenprovider.CodeRateLimited, tokenprovider.CodeUnavailable:
		fmt.Println("try again:", code.Message())
	default:
		fmt.Println("ask an operator:", code.Message())
	}
	// Output: try again: too many requests for tokens; try again later
}

// A forge has refused a token before its time: what holds it drops it, and the
// next call gets another one.
func ExampleInvalidate() {
	minted := 0
	mint := func(ctx context.Context) (string, time.Time, error) {
		minted++
		return fmt.Sprint("token-", minted), time.Now().Add(time.Hour), nil
	}
	opts := &tokenprovider.CacheOptions{Settle: -1}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), opts)

	token, _, _ := tokens.Token(context.Background())
	fmt.Println(tokenprovider.Invalidate(tokens, "another"),
		tokenprovider.Invalidate(tokens, token))
	token, _, _ = tokens.Token(context.Background())
	fmt.Println(token)
	// Output:
	// false true
	// token-2
}

func ExampleStatusOf() {
	mint := func(ctx context.Context) (string, time.Time, error) {
		return "", time.Time{}, errors.New("connection refused")
	}
	opts := &tokenprovider.CacheOptions{Name: "my-forge"}
	tokens := tokenprovider.NewCache(tokenprovider.Func(mint), opts)
	_, _, _ = tokens.Token(context.Background())

	status, ok := tokenprovider.StatusOf(tokens)
	fmt.Println(ok, status.Name, status.State, status.LastErrorCode, status.LastError)
	// Output: true my-forge failing unavailable connection refused
}
