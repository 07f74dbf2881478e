package tokenprovider_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

var codes = []tokenprovider.Code{
	tokenprovider.CodeNotConfigured, tokenprovider.CodeUnauthenticated,
	tokenprovider.CodeForbidden, tokenprovider.CodeNotFound,
	tokenprovider.CodeInvalidRequest, tokenprovider.CodeRateLimited,
	tokenprovider.CodeUnavailable, tokenprovider.CodeInternal,
}

func TestCodeOf(t *testing.T) {
	forbidden := coded(tokenprovider.CodeForbidden, "suspended")
	var nilError *tokenprovider.Error
	for name, c := range map[string]struct {
		err  error
		want tokenprovider.Code
	}{
		"nil":                             {nil, ""},
		"the sentinel":                    {tokenprovider.ErrNotConfigured, tokenprovider.CodeNotConfigured},
		"the sentinel, wrapped":           {fmt.Errorf("plugin: %w", tokenprovider.ErrNotConfigured), tokenprovider.CodeNotConfigured},
		"an error with a code":            {forbidden, tokenprovider.CodeForbidden},
		"the same, wrapped":               {fmt.Errorf("mint: %w", forbidden), tokenprovider.CodeForbidden},
		"the same, joined":                {errors.Join(errors.New("a"), forbidden), tokenprovider.CodeForbidden},
		"the outermost of two":            {&tokenprovider.Error{Code: tokenprovider.CodeInternal, Err: forbidden}, tokenprovider.CodeInternal},
		"one without a code around one":   {&tokenprovider.Error{Err: forbidden}, tokenprovider.CodeForbidden},
		"a broken one around the missing": {&tokenprovider.Error{Code: tokenprovider.CodeUnavailable, Err: tokenprovider.ErrNotConfigured}, tokenprovider.CodeUnavailable},
		"the zero Error":                  {&tokenprovider.Error{}, tokenprovider.CodeUnavailable},
		"a nil *Error":                    {nilError, tokenprovider.CodeUnavailable},
		"a cancelled context":             {context.Canceled, tokenprovider.CodeUnavailable},
		"a deadline":                      {fmt.Errorf("dial: %w", context.DeadlineExceeded), tokenprovider.CodeUnavailable},
		"any other":                       {errors.New("boom"), tokenprovider.CodeUnavailable},
	} {
		require.Equal(t, c.want, tokenprovider.CodeOf(c.err), name)
	}
}

func TestErrorMatchesErrNotConfiguredByItsCode(t *testing.T) {
	for _, code := range codes {
		err := fmt.Errorf("plugin: %w", &tokenprovider.Error{Code: code})
		require.Equal(t, code == tokenprovider.CodeNotConfigured,
			errors.Is(err, tokenprovider.ErrNotConfigured), code)
	}
}

func TestOnlyRateLimitsAndOutagesAreRetryable(t *testing.T) {
	for _, code := range codes {
		want := code == tokenprovider.CodeRateLimited || code == tokenprovider.CodeUnavailable
		require.Equal(t, want, (&tokenprovider.Error{Code: code}).Retryable(), code)
	}
}

func TestEveryCodeHasASentenceOfItsOwn(t *testing.T) {
	seen := map[string]tokenprovider.Code{}
	for _, code := range codes {
		message := code.Message()
		require.NotEmpty(t, message)
		require.NotContains(t, seen, message)
		seen[message] = code
		require.True(t, code.Known(), code)
	}
	require.False(t, tokenprovider.Code("").Known())
	require.False(t, tokenprovider.Code("of a later version").Known())
	require.Empty(t, tokenprovider.Code("").Message())
	require.Equal(t, tokenprovider.CodeInternal.Message(),
		tokenprovider.Code("of a later version").Message())
}

func TestTheTextOfAnErrorIsItsCauseAndTheWait(t *testing.T) {
	var none *tokenprovider.Error
	require.Equal(t, "<nil>", none.Error())
	require.NoError(t, none.Unwrap())
	require.Zero(t, tokenprovider.RetryAfter(none))
	require.Equal(t, tokenprovider.CodeForbidden.Message(),
		(&tokenprovider.Error{Code: tokenprovider.CodeForbidden}).Error())
	require.Equal(t, "POST /x: 429 slow down (retry after 1m30s)",
		(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 90 * time.Second,
			Err: errors.New("POST /x: 429 slow down")}).Error())
}
