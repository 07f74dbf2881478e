package main

import (
	"errors"
	"testing"
	"time"

	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/stretchr/testify/require"
)

// at returns the time so many seconds after the start of a run.
func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// happens returns a fault that took place from one second to another.
func happens(f fault, began, ended float64) happening {
	f.lasts = at(ended).Sub(at(began))
	return happening{fault: f, began: at(began), ended: at(ended)}
}

// call returns an operation of a tenth of a second, with nothing held.
func call(began float64) operation {
	return operation{what: callingOwn, replicas: []int{0}, began: at(began), ended: at(began + 0.1)}
}

// holding returns o with a token of those times held.
func holding(o operation, minted, expires float64) operation {
	o.held = token{value: "t", minted: at(minted), expires: at(expires)}
	return o
}

// doing returns o as another action.
func doing(o operation, what action) operation {
	o.what = what
	return o
}

func TestAnOperationIsJudgedUnlessAFaultExplainsIt(t *testing.T) {
	outage := happens(fault{kind: down}, 100, 111)
	suspension := happens(fault{kind: suspended}, 100, 103)
	jump := happens(fault{kind: clock, amount: time.Minute}, 100, 100)
	restart := happens(fault{kind: endpoint}, 100, 102)
	stopped := happens(fault{kind: redisGone}, 100, 106)
	both := call(101)
	both.replicas = []int{0, 1}
	elsewhere := call(101)
	elsewhere.installation = 1

	hung := holding(call(101), 95, 115)
	hung.hung = true

	for name, c := range map[string]struct {
		happened happening
		o        operation
		judged   bool
	}{
		"long before a fault":                   {outage, call(99), true},
		"GitHub is down":                        {outage, call(105), false},
		"GitHub is down, a token is held":       {outage, holding(call(105), 95, 115), true},
		"the held token may die meanwhile":      {outage, holding(call(105), 95, 107), false},
		"GitHub is down at a start":             {outage, doing(call(105), starting), false},
		"GitHub is down at a release":           {outage, doing(call(105), releasing), true},
		"both caches back off":                  {outage, call(162), false},
		"both have recovered":                   {outage, call(164), true},
		"the platform's backs off at a start":   {outage, doing(call(140), starting), false},
		"it has recovered":                      {outage, doing(call(142), starting), true},
		"it has for git":                        {outage, doing(call(142), pushing), true},
		"the back-off ends, a token is held":    {outage, holding(call(130), 120, 140), true},
		"the installation is suspended":         {suspension, call(101), false},
		"another installation is":               {suspension, elsewhere, true},
		"suspended, a token is held":            {suspension, holding(call(101), 95, 115), false},
		"minted after the suspension":           {suspension, holding(call(110), 104, 124), true},
		"30 s twice after a suspension":         {suspension, call(170), false},
		"that is over":                          {suspension, call(172), true},
		"suspended at a release":                {suspension, doing(call(102), releasing), false},
		"a release after that":                  {suspension, doing(call(112), releasing), true},
		"the clock moved ahead":                 {jump, holding(call(105), 95, 115), false},
		"minted after the jump":                 {jump, holding(call(105), 101, 121), true},
		"no token of before the jump lives":     {jump, call(129), true},
		"the clock moved ahead at a release":    {jump, doing(call(105), releasing), true},
		"the clock was set back":                {happens(fault{kind: clock, amount: -time.Minute}, 100, 100), call(100), true},
		"the only replica is gone":              {restart, call(101), false},
		"the only replica is gone at git's":     {happens(fault{kind: endpoint, target: 1}, 100, 102), doing(call(101), pushing), true},
		"the only replica is gone, one is held": {restart, holding(call(101), 95, 115), true},
		"one replica of several is gone":        {restart, both, true},
		"its endpoint is gone at a start":       {restart, doing(call(101), starting), true},
		"the store is gone":                     {stopped, call(105), true},
		"the store is gone at a start":          {stopped, doing(call(105), starting), true},
		"the store is gone at a release":        {stopped, doing(call(105), releasing), false},
		"a release when it is back":             {stopped, doing(call(135), releasing), true},
		"mints are slow":                        {happens(fault{kind: slow}, 100, 106), call(105), true},
		"the key is replaced in time":           {happens(fault{kind: rotated, how: overlapping}, 100, 101), call(101), true},
		"the key file comes late":               {happens(fault{kind: rotated, how: late}, 100, 101), call(110), false},
		"a rate limit, and the wait told":       {happens(fault{kind: limited, amount: 2 * time.Second}, 100, 102), call(110), false},
		"the machine stands still":              {happens(fault{kind: stall}, 100, 103), call(101), false},
		"it hangs meanwhile, a token is held":   {happens(fault{kind: stall}, 100, 103), hung, false},
		"it stands still, a token is held":      {happens(fault{kind: stall}, 100, 103), holding(call(101), 95, 115), true},
	} {
		require.Equal(t, c.judged, excuse(c.o, []happening{c.happened}, testLife) == "", name)
	}
	require.Empty(t, excuse(call(50), nil, testLife), "nothing happened")
	require.NotEmpty(t, excuse(call(105), []happening{stopped, outage, restart}, testLife), "one of several")
}

func TestAJudgedOperationThatFailsIsALoss(t *testing.T) {
	failed := call(50)
	failed.err = errors.New("401")
	failed.said = refused
	require.Equal(t, "a token could be had", failed.verdict(""))
	require.Empty(t, failed.verdict(explained), "a fault explains it")
	require.Empty(t, call(50).verdict(""), "it succeeded")
}

func TestAFailureThatIsNotClearCountsWhateverExplainsIt(t *testing.T) {
	for said, clear := range map[string]bool{
		string(tokenprovider.CodeUnavailable):     true,
		string(tokenprovider.CodeRateLimited):     true,
		string(tokenprovider.CodeForbidden):       true,
		string(tokenprovider.CodeUnauthenticated): true,
		toldByHelper: true, refused: true, forbidden: true,

		string(tokenprovider.CodeInternal):       false,
		string(tokenprovider.CodeInvalidRequest): false,
		string(tokenprovider.CodeNotConfigured):  false,
		string(tokenprovider.CodeNotFound):       false,
		"":                                       false, "API 500": false,
	} {
		o := operation{what: calling, err: errors.New("no"), said: said}
		require.Equal(t, clear, o.verdict(explained) == "", said)
		require.Empty(t, o.verdict(busy), "a machine that is busy may let it hang")
	}
}

func TestAReleasedTokenThatWorksIsALoss(t *testing.T) {
	o := doing(call(50), releasing)
	o.err, o.outlived = errors.New("it works"), true
	for _, f := range []fault{
		{kind: down}, {kind: suspended}, {kind: clock, amount: time.Minute}, {kind: endpoint},
	} {
		require.Empty(t, excuse(o, []happening{happens(f, 49, 52)}, testLife), f)
	}
	require.NotEmpty(t, o.verdict(""))
	forgot := happens(fault{kind: redisGone, how: killed}, 46, 48)
	require.NotEmpty(t, excuse(o, []happening{forgot}, testLife), "the store forgot it")
	require.Empty(t, o.verdict(explained))

	away := []happening{happens(fault{kind: redisGone, how: stopped}, 46, 48)}
	require.Empty(t, excuse(o, away, testLife), "a store that is back forgot nothing")
	o.early = true
	require.NotEmpty(t, excuse(o, away, testLife), "a nil may come some seconds early")
	require.Empty(t, excuse(o, nil, testLife))
}

func TestATokenThatCameTooLateIsNotHeld(t *testing.T) {
	o := call(50)
	o.ended, o.held = at(53.5), token{minted: at(53), expires: at(80)}
	jump := happens(fault{kind: clock, amount: time.Hour}, 49.8, 49.9)
	busy := happens(fault{kind: stall, lasts: time.Second}, 49.5, 50.5)
	require.NotEmpty(t, excuse(o, []happening{jump, busy}, testLife))
	o.held.minted = at(49.95)
	require.Empty(t, excuse(o, []happening{jump, busy}, testLife))
}

func TestATokenIsOfNoHelpToARelease(t *testing.T) {
	o := doing(call(50), releasing)
	o.err, o.held = errors.New("the store can't be reached"), token{minted: at(49), expires: at(80)}
	require.NotEmpty(t, excuse(o, []happening{happens(fault{kind: redisGone, how: restarted}, 48, 52)}, testLife))
}

func TestAReplicaWithoutAStoreMayGoByALifeBefore(t *testing.T) {
	o := call(50)
	o.held = token{minted: at(48.5), expires: at(68)}
	away := []happening{happens(fault{kind: redisGone, how: stopped}, 47, 49)}
	require.Empty(t, excuse(o, away, testLife))
	o.restarted = true
	require.NotEmpty(t, excuse(o, away, testLife))
	require.Empty(t, excuse(o, nil, testLife))
}

func TestAReleaseIsUncertainOnlyAfterTheStoreForgot(t *testing.T) {
	o := doing(call(100), releasing)
	o.err, o.uncertain = errors.New("uncertain"), true
	away := []happening{happens(fault{kind: redisGone, how: stopped}, 1, 2)}
	o.started = at(20)
	require.Empty(t, excuse(o, away, testLife))
	o.started = at(1.5)
	require.NotEmpty(t, excuse(o, away, testLife), "it started without a store")
	require.NotEmpty(t, excuse(o, []happening{happens(fault{kind: redisGone, how: killed}, 1, 2)}, testLife))
}

func TestAStoreThatForgotLeavesGitNoToken(t *testing.T) {
	forgot := happens(fault{kind: redisGone, how: killed}, 98, 99)
	away := happens(fault{kind: down}, 100, 105)
	git, program := doing(call(101), pushing), call(101)
	for _, o := range []*operation{&git, &program} {
		o.held = token{minted: at(90), expires: at(130)}
		require.Empty(t, excuse(*o, []happening{away}, testLife), "the platform, or the program, has it")
	}
	require.Equal(t, explained, excuse(git, []happening{forgot, away}, testLife))
	require.Empty(t, excuse(program, []happening{forgot, away}, testLife))
	git.held.minted = at(99.5)
	require.Empty(t, excuse(git, []happening{forgot, away}, testLife))
}

func TestGitWaitsForItsReplica(t *testing.T) {
	git := doing(call(101), pushing)
	require.Empty(t, excuse(git, []happening{happens(fault{kind: endpoint}, 100, 102)}, testLife))
}

func TestAWayThatIsCutExcusesUntilItIsThereAgain(t *testing.T) {
	transfer := happens(fault{kind: cut}, 100, 102)
	restart := happens(fault{kind: endpoint, target: 0}, 100, 103)
	suspension := happens(fault{kind: suspended}, 100, 103)
	for name, c := range map[string]struct {
		happened happening
		o        operation
		judged   bool
	}{
		"git's transfer":                 {transfer, doing(call(101), fetching), false},
		"the same through a gateway":     {transfer, doing(call(101), fetchingBehind), false},
		"the API's isn't":                {transfer, call(101), true},
		"nor that through a gateway":     {transfer, doing(call(101), callingBehind), true},
		"a moment later":                 {transfer, doing(call(103.9), fetchingBehind), false},
		"all is there again":             {transfer, doing(call(104.1), fetchingBehind), true},
		"the gateway's replica is gone":  {restart, doing(call(101), pushingBehind), false},
		"for the API, too":               {restart, doing(call(101), callingBehind), false},
		"the replica is there again":     {restart, doing(call(105.1), pushingBehind), true},
		"the gateway holds a live token": {happens(fault{kind: down}, 100, 111), doing(call(105), pushingBehind), true},
		"that is suspended":              {suspension, doing(call(101), pushingBehind), false},
		"minted after the suspension":    {suspension, holding(doing(call(110), pushingBehind), 104, 124), true},
	} {
		o := c.o
		if o.held.value == "" {
			o = holding(o, 95, 115) // which helps nobody whose way is cut
		}
		require.Equal(t, c.judged, excuse(o, []happening{c.happened}, testLife) == "", name)
	}
	elsewhere := doing(call(101), pushingBehind)
	elsewhere.replicas = []int{1}
	require.Empty(t, excuse(holding(elsewhere, 95, 115), []happening{restart}, testLife))
}

func TestWhatLastsIsNotOver(t *testing.T) {
	var hs history
	end := hs.begin(fault{kind: down, lasts: time.Hour}, time.Now().Add(-time.Minute))
	require.WithinDuration(t, time.Now(), hs.all()[0].ended, time.Second)
	require.InDelta(t, time.Minute, hs.all()[0].lasts, float64(time.Second))
	require.Equal(t, end(), hs.all()[0])
}

func TestABeatThatComesLateIsAStall(t *testing.T) {
	var hs history
	began := time.Now()
	hs.beats(began)
	hs.beats(began)
	require.Empty(t, hs.all())
	hs.beat = began.Add(-2 * tooLate)
	require.Len(t, hs.all(), 1, "while it lasts")
	hs.beats(began)
	require.Len(t, hs.all(), 1, "afterwards")
	require.Equal(t, stall, hs.all()[0].kind)
}
