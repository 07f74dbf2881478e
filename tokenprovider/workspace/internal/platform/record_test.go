package platform

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/testutil"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/stretchr/testify/require"
)

const token = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func held(life, age time.Duration) record {
	return record{token: secret.New(token), fetchedAt: noon.Add(-age), expiresAt: noon.Add(life - age)}
}

// written returns r as it is on disk, to compare it with another one.
func written(t *testing.T, r record) string {
	t.Helper()
	content, err := r.encode("key")
	require.NoError(t, err)
	return string(content)
}

func TestARecordServesWhoeverItsTokenLivesLongEnoughFor(t *testing.T) {
	backingOff := held(time.Hour, 59*time.Minute)
	backingOff.retryAt = noon.Add(time.Second)
	backedOff := backingOff
	backedOff.retryAt = noon
	setBack := backingOff
	setBack.failedAt, setBack.retryAt = noon.Add(time.Hour), noon.Add(time.Hour+time.Minute)
	dead := held(time.Hour, time.Hour)
	dead.retryAt = noon.Add(time.Minute)
	for name, c := range map[string]struct {
		record record
		minTTL time.Duration
		want   bool
	}{
		"nothing kept":               {record{}, 0, false},
		"no wish, a nanosecond left": {held(time.Hour, time.Hour-1), 0, true},
		"no wish, nothing left":      {held(time.Hour, time.Hour), 0, false},
		"exactly the wish": {
			held(time.Hour, 50*time.Minute), 10 * time.Minute, true,
		},
		"a nanosecond less than the wish": {
			held(time.Hour, 50*time.Minute+1), 10 * time.Minute, false,
		},
		"came with a bit more than the wish": {
			held(11*time.Minute, time.Minute), 10 * time.Minute, true,
		},
		"and has less left than the wish": {
			held(11*time.Minute, time.Minute+1), 10 * time.Minute, false,
		},
		"a short life, half of it left": {
			held(4*time.Second, 2*time.Second), 10 * time.Minute, true,
		},
		"a short life, less than half of it left": {
			held(4*time.Second, 2*time.Second+1), 10 * time.Minute, false,
		},
		"too little left while a failure is fresh": {backingOff, 10 * time.Minute, true},
		"too little left when it no longer is":     {backedOff, 10 * time.Minute, false},
		"too little left, a failure to come":       {setBack, 10 * time.Minute, false},
		"nothing left while a failure is fresh":    {dead, 10 * time.Minute, false},
		"no expiry": {
			record{token: secret.New(token), fetchedAt: noon}, 0, false,
		},
	} {
		require.Equal(t, c.want, c.record.serves(c.minTTL, noon), name)
	}
}

func TestARenewalIsHeldOffForItsPauseAndNotUntilAClockCatchesUp(t *testing.T) {
	for after, want := range map[time.Duration]bool{-1: false, 0: false, 1: true, renewPause: true, renewPause + 1: false, time.Hour: false} {
		require.Equal(t, want, record{renewAt: noon.Add(after)}.renewalHeldOff(noon),
			"renewal after %s", after)
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	r := held(time.Hour, time.Minute).withFailure(&tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: 40 * time.Second}, noon)
	r.rejected, r.renewAt = []string{"digest", "another"}, noon.Add(time.Minute)
	content, err := r.encode("key")
	require.NoError(t, err)
	read, ok := decodeRecord(content, "key")
	require.True(t, ok)
	require.Equal(t, written(t, r), written(t, read))
	_, ok = decodeRecord(content, "another key")
	require.False(t, ok)
}

func TestTheNextTryWaitsForTheBackOffOrAsThePlatformSays(t *testing.T) {
	hint := func(after time.Duration) error {
		return &tokenprovider.Error{Code: tokenprovider.CodeRateLimited, RetryAfter: after}
	}
	for name, c := range map[string]struct {
		err        error
		left, wait time.Duration
	}{
		"no hint":                 {errors.New("down"), time.Hour, 15 * time.Second},
		"a token that is to die":  {errors.New("down"), 20 * time.Second, 5 * time.Second},
		"a dead token":            {errors.New("down"), -time.Hour, 0},
		"a short hint":            {hint(time.Second), time.Hour, 15 * time.Second},
		"a hint beyond the token": {hint(40 * time.Second), 20 * time.Second, 40 * time.Second},
		"a long hint":             {hint(40 * time.Second), time.Hour, 40 * time.Second},
		"a hint that is no use":   {hint(time.Hour), time.Hour, time.Minute},
	} {
		r := record{expiresAt: noon.Add(c.left)}.withFailure(c.err, noon)
		require.Equal(t, noon.Add(c.wait), r.retryAt, name)
	}
}

func TestAFailureIsKeptAsOneLineWithItsCode(t *testing.T) {
	r := record{}.withFailure(&tokenprovider.Error{Code: tokenprovider.CodeForbidden, Err: errors.New("no\r\n\x1b[31m")}, noon)
	require.EqualError(t, r.failure(), "no [31m")
	require.Equal(t, tokenprovider.CodeForbidden, tokenprovider.CodeOf(r.failure()))
}

func TestARefusedTokenIsForgottenButNotItsDigest(t *testing.T) {
	r := held(time.Hour, 0)
	r.renewAt = noon
	digest := tokenprovider.TokenSHA256(token)
	rejected := r.withRejected()
	require.Equal(t, written(t, record{rejected: []string{digest}, renewAt: noon}),
		written(t, rejected))
	again := rejected.withToken(token, noon.Add(time.Hour), noon)
	require.Equal(t, written(t, rejected), written(t, again), "the same token again isn't kept")
	other := rejected.withToken("other", noon.Add(time.Hour), noon)
	require.Equal(t, "other", other.token.Reveal())
	require.Equal(t, noon, other.renewAt)
	require.Equal(t, []string{tokenprovider.TokenSHA256("other"), digest},
		other.withRejected().rejected, "another replica may have the first one still")
	for n := range 20 {
		rejected = rejected.withToken(fmt.Sprint(n), noon.Add(time.Hour), noon).withRejected()
	}
	require.Len(t, rejected.rejected, wire.MaxRejected)
	require.Equal(t, tokenprovider.TokenSHA256("19"), rejected.rejected[0])
	require.Empty(t, rejected.withToken("other", time.Time{}, noon).token.Reveal(),
		"nor one without an expiry")
}

func TestATokenThatIsHandedOutAgainStaysAsOldAsItIs(t *testing.T) {
	r := held(time.Hour, 50*time.Minute)
	again := r.withFailure(errors.New("down"), noon).withToken(token, r.expiresAt, noon)
	require.Equal(t, written(t, r), written(t, again))
	require.Equal(t, noon, r.withToken("other", r.expiresAt, noon).fetchedAt)
}

func TestABearerIsRenewedPastHalfOfItsLife(t *testing.T) {
	c := Credential{IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	require.False(t, c.needsRenewal(noon.Add(30*time.Minute)))
	require.True(t, c.needsRenewal(noon.Add(30*time.Minute+1)))
	require.True(t, c.needsRenewal(noon.Add(2*time.Hour)))
	require.False(t, Credential{ExpiresAt: noon}.needsRenewal(noon.Add(time.Hour)), "no iat")
	require.False(t, Credential{IssuedAt: noon}.needsRenewal(noon.Add(time.Hour)), "no exp")
}

func TestOnlyANewerBearerOfTheSameWorkspaceSucceedsAnother(t *testing.T) {
	old := Credential{Subject: "sub:ws-1", IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	for name, c := range map[string]struct {
		next Credential
		want bool
	}{
		"newer": {
			Credential{
				Subject: "sub:ws-1", IssuedAt: noon.Add(1), ExpiresAt: noon.Add(2 * time.Hour),
			},
			true,
		},
		"newer, until the same time": {
			Credential{Subject: "sub:ws-1", IssuedAt: noon.Add(1), ExpiresAt: noon.Add(time.Hour)},
			true,
		},
		"newer, but ends earlier": {
			Credential{
				Subject: "sub:ws-1", IssuedAt: noon.Add(1), ExpiresAt: noon.Add(time.Minute),
			},
			false,
		},
		"as old": {
			Credential{Subject: "sub:ws-1", IssuedAt: noon, ExpiresAt: noon.Add(2 * time.Hour)},
			false,
		},
		"of another workspace": {
			Credential{
				Subject: "sub:ws-2", IssuedAt: noon.Add(1), ExpiresAt: noon.Add(2 * time.Hour),
			},
			false,
		},
		"no JWT": {parseCredential("opaque"), false},
	} {
		require.Equal(t, c.want, c.next.succeeds(old), name)
	}
}

func TestSubjectsOfBearersDoNotCollide(t *testing.T) {
	require.NotEqual(t, parseCredential("a").Subject, parseCredential("b").Subject)
	require.Contains(t, parseCredential("a.b.c").Subject, "sha256:")
	require.Contains(t, parseCredential("").Subject, "sha256:")
}

func TestNothingPrintsATokenOrBearer(t *testing.T) {
	testutil.RequireRedacted(t, secret.New(token), token)
	testutil.RequireRedacted(t, secret.Of[string]{}, token)
	testutil.RequireRedacted(t, held(time.Hour, 0), token)
	testutil.RequireRedacted(t, parseCredential(token), token)
	testutil.RequireRedacted(t, config.Endpoint{Bearer: secret.New(token)}, token)
	testutil.RequireRedacted(t, &Bearer{inline: secret.New(token), refused: secret.New(token)},
		token)
	source, err := Open(t.Context(), func(name string) string {
		return map[string]string{"PROVISIONKIT_URL": "https://platform.example", "PROVISIONKIT_BEARER": token, "TMPDIR": t.TempDir()}[name]
	})
	require.NoError(t, err)
	defer source.Close()
	testutil.RequireRedacted(t, source, token)
}
