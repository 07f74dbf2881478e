package provisionhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"testing"

	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/stretchr/testify/require"
)

const (
	tokenValue = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
	fileValue  = "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkq"
	baseValue  = "postgres://user:hunter2-hunter2@db.example/db"
)

// secretPlan returns a Plan whose values must not be seen.
func secretPlan(t *testing.T) *provisionhook.Plan {
	return plan(t, env{"DATABASE_URL": baseValue},
		sets("auth", "TOKEN", tokenValue),
		&filing{name: "files", files: map[string]string{"/etc/key.pem": fileValue}},
		sets("overrides", "TOKEN", tokenValue+"2", "DATABASE_URL", baseValue+"2"))
}

func TestAPlanPrintsItsKeysOnly(t *testing.T) {
	p := secretPlan(t)
	testutil.RequireRedactedDirectly(t, p, tokenValue, fileValue, baseValue)
	testutil.RequireRedactedDirectly(t, *p, tokenValue, fileValue, baseValue)

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.Equal(t, `provisionhook.Plan{Env: ["BY_FILES" "DATABASE_URL" "TOKEN"], Files: ["/etc/key.pem"], `+
			`Changes: [{Mutator:auth Key:TOKEN Kind:set Previous:} {Mutator:files Key:BY_FILES Kind:set Previous:} `+
			`{Mutator:overrides Key:DATABASE_URL Kind:override Previous:} {Mutator:overrides Key:TOKEN Kind:override Previous:auth}], `+
			`FileChanges: [{Mutator:files Key:/etc/key.pem Kind:set Previous:}]}`, fmt.Sprintf(verb, p))
	}
	encoded, err := json.Marshal(p)
	require.NoError(t, err)
	require.JSONEq(t, `{"env":["BY_FILES","DATABASE_URL","TOKEN"],"files":["/etc/key.pem"],"changes":[
		{"mutator":"auth","key":"TOKEN","kind":"set"},
		{"mutator":"files","key":"BY_FILES","kind":"set"},
		{"mutator":"overrides","key":"DATABASE_URL","kind":"override"},
		{"mutator":"overrides","key":"TOKEN","kind":"override","previous":"auth"}],
		"file_changes":[{"mutator":"files","key":"/etc/key.pem","kind":"set"}]}`, string(encoded))
}

func TestWhatIsLoggedIsTheKeysAndTheText(t *testing.T) {
	var text bytes.Buffer
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: noTime}))
	logger.Info("planned", "plan", plan(t, nil, sets("auth", "TOKEN", tokenValue)))
	require.Equal(t, `level=INFO msg=planned plan.env=[TOKEN] plan.files=[]`+
		` plan.changes="[{Mutator:auth Key:TOKEN Kind:set Previous:}]" plan.file_changes=[]`+"\n", text.String())

	panicked := &provisionhook.PanicError{Value: env{"TOKEN": tokenValue}}
	require.Equal(t, "panic: a value of type map[string]string",
		slog.AnyValue(panicked).Resolve().String())
	require.Equal(t, slog.KindString, slog.AnyValue(panicked).Resolve().Kind(),
		"a handler gets no struct to look into")
}

func TestNoChangeHoldsAValue(t *testing.T) {
	p := secretPlan(t)
	require.NotEmpty(t, p.Changes)
	testutil.RequireRedacted(t, p.Changes, tokenValue, fileValue, baseValue)
	testutil.RequireRedacted(t, p.FileChanges, tokenValue, fileValue, baseValue)
	for _, change := range append(p.Changes, p.FileChanges...) {
		testutil.RequireRedacted(t, change, tokenValue, fileValue, baseValue)
	}
}

// TestNoErrorShowsAValue makes every error that this package can make about a
// variable that holds a secret.
func TestNoErrorShowsAValue(t *testing.T) {
	secrets := []string{tokenValue, fileValue, baseValue}
	base := env{"DATABASE_URL": baseValue}
	for name, m := range map[string]provisionhook.EnvMutator{
		"= in the name":              sets("m", "TOKEN="+tokenValue, ""),
		"an empty name":              sets("m", "", tokenValue),
		"NUL in the value":           sets("m", "TOKEN", tokenValue+"\x00"),
		"a protected name":           sets("m", "PATH", tokenValue),
		"a name that isn't portable": sets("m", "a b", tokenValue),
		"too large":                  sets("m", "TOKEN", tokenValue+fmt.Sprintf("%200s", "")),
		"a panic with the map":       does("m", func(e env) { e["TOKEN"] = tokenValue; panic(e) }),
		"a panic with a struct": does("m",
			func(env) { panic(struct{ Token string }{tokenValue}) }),
		"a panic with bytes":    does("m", func(env) { panic([]byte(tokenValue)) }),
		"a panic with a string": does("m", func(env) { panic("no token: " + tokenValue) }),
		"a panic with an error": does("m",
			func(env) { panic(errors.New("no token: " + tokenValue)) }),
		"a panic of the runtime": does("m",
			func(e env) { var none []string; _ = none[len(e[tokenValue])] }),
		"a panic of a check":            sets("m", "PANIC", tokenValue),
		"a failing mutator":             fails("m", errors.New("the key file is missing")),
		"a file at a path that is none": &filing{name: "m", files: map[string]string{"x": fileValue}},
		"a file that Run can't put":     &filing{name: "m", files: map[string]string{"/x": fileValue}},
	} {
		t.Run(name, func(t *testing.T) {
			reg := provisionhook.NewRegistry(provisionhook.Protect("PATH"), provisionhook.PortableNames(),
				provisionhook.MaxSize(100, 200),
				func(c provisionhook.Change, e map[string]string) error {
					if c.Key == "PANIC" {
						panic(e)
					}
					return nil
				})
			reg.Register(m)
			err := reg.Run(t.Context(), "ws", base)
			require.Error(t, err)
			if panicked, ok := errors.AsType[*provisionhook.PanicError](err); ok {
				testutil.RequireRedacted(t, err, secrets...)
				cause := errors.Unwrap(err)
				testutil.RequireRedacted(t, cause, secrets...)
				testutil.RequireRedacted(t, fmt.Errorf("it: %w", cause), secrets...)
				testutil.RequireRedacted(t, errors.Join(cause, cause), secrets...)
				testutil.RequireRedactedDirectly(t, panicked, secrets...)
				testutil.RequireRedactedDirectly(t, *panicked, secrets...)
				require.Empty(t, testutil.Leak(string(panicked.Stack), secrets...))
				for cause := err; cause != nil; cause = errors.Unwrap(cause) {
					require.Empty(t, testutil.Leak(cause.Error(), secrets...))
				}
				return // what errors.As finds has a plain Value
			}
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				testutil.RequireRedacted(t, cause, secrets...)
			}
		})
	}
}

func TestAPanicIsLoggedAndEncodedAsItsText(t *testing.T) {
	err := registry(does("m", func(env) { panic(tokenValue) })).Run(t.Context(), "ws", env{})
	cause := errors.Unwrap(err)
	require.EqualError(t, cause, "panic: a value of type string")
	require.Equal(t, cause.Error(), slog.AnyValue(cause).Resolve().String())
	encoded, err := json.Marshal(cause)
	require.NoError(t, err)
	require.JSONEq(t, strconv.Quote(cause.Error()), string(encoded))
}

func TestNoDescriptionShowsAValue(t *testing.T) {
	for _, d := range registry(&auth{"m", tokenValue},
		provisionhook.FailOpen(&auth{"m", tokenValue}, nil), opaque{&auth{"m", tokenValue}}).Describe() {
		testutil.RequireRedacted(t, d, tokenValue)
	}
}

func TestThisPackagePrintsNothing(t *testing.T) {
	output := testutil.CaptureProcess(t, tokenValue, fileValue, baseValue)
	reg := provisionhook.NewRegistry(provisionhook.Protect("PATH"))
	reg.Register(&auth{"m", tokenValue},
		&filing{name: "f", files: map[string]string{"/etc/f": fileValue}},
		provisionhook.FailOpen(does("panics", func(e env) { panic(e) }), nil),
		provisionhook.FailOpen(fails("fails", errBoom), nil))
	_, err := reg.Plan(t.Context(), "ws", env{"DATABASE_URL": baseValue})
	require.NoError(t, err)
	require.Error(t, reg.Run(t.Context(), "ws", env{"DATABASE_URL": baseValue}))
	require.NoError(t, reg.Release(context.Background(), "ws"))
	require.Empty(t, output.String())

	slog.Info("a platform logs", "plan", secretPlan(t), "err", err, "mutators", reg.Describe())
	require.Contains(t, output.String(), "DATABASE_URL")
}
