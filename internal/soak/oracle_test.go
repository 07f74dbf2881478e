package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testRules = rules{
	life: 20 * time.Second, settle: 500 * time.Millisecond, mintTimeout: 5 * time.Second,
	pace: 2 * time.Second, gitPace: 4 * time.Second, grace: time.Second,
}

// at is so many seconds after the start of a run.
func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func happens(k kind, how string, began, ended float64) happening {
	h := happening{fault: fault{kind: k, how: how, amount: time.Second}, began: at(began)}
	if ended > 0 {
		h.ended = at(ended)
	}
	return h
}

func TestWhatFailsIsExcusedOnlyWhenNoTokenCouldBeHad(t *testing.T) {
	outage := happens(down, byPage, 100, 112)
	troubled := func(k kind, from, until float64) trouble {
		return trouble{why: []kind{k}, from: at(from), until: at(until)}
	}
	call := func(began float64, held float64, own trouble) attempt {
		return attempt{replicas: []int{0}, began: at(began), ended: at(began + 0.1), held: at(held), own: own}
	}
	empty := func(a attempt) attempt {
		a.held = time.Time{}
		return a
	}
	platform := func(a attempt, t trouble) attempt {
		a.platform = []trouble{t}
		return a
	}
	both := func(a attempt) attempt {
		a.replicas = []int{0, 1}
		return a
	}
	refused := func(a attempt, when float64) attempt {
		a.refused = []time.Time{at(when)}
		return a
	}
	git := func(began float64, platform ...trouble) attempt {
		return attempt{git: true, replicas: []int{0}, began: at(began), ended: at(began + 0.3), platform: platform}
	}
	start := func(began float64, platform ...trouble) attempt {
		return attempt{fresh: true, replicas: []int{0}, began: at(began), ended: at(began + 0.1), platform: platform}
	}
	late := testRules
	late.standstill = true

	for name, c := range map[string]struct {
		rules      *rules
		happenings []happening
		attempt    attempt
		why        []kind
	}{
		"nothing happened":                     {attempt: call(50, 40, trouble{})},
		"GitHub is down, and no try failed":    {happenings: []happening{outage}, attempt: call(110, 104, trouble{})},
		"the handed token lives":               {happenings: []happening{outage}, attempt: call(110, 113, troubled(down, 101, 118))},
		"the handed token may be dead":         {happenings: []happening{outage}, attempt: call(110, 111, troubled(down, 101, 118)), why: []kind{down}},
		"none was handed yet":                  {happenings: []happening{outage}, attempt: empty(call(101, 0, troubled(down, 100.5, 118))), why: []kind{down}},
		"one replaced in time would live":      {happenings: []happening{outage}, attempt: call(102.5, 101, troubled(down, 100.5, 118))},
		"it wouldn't, after a quarter of life": {happenings: []happening{outage}, attempt: call(103, 101, troubled(down, 100.5, 118)), why: []kind{down}},
		"another fault came just before": {
			happenings: []happening{happens(slow, "", 94, 98), outage}, attempt: call(102, 101, troubled(down, 100.5, 118)), why: []kind{down},
		},
		"the last of a token was handed out": {happenings: []happening{outage}, attempt: platform(call(110, 110.8, trouble{}), troubled(down, 101, 118)), why: []kind{down}},
		"more than that was":                 {happenings: []happening{outage}, attempt: platform(call(110, 112.2, trouble{}), troubled(down, 101, 118))},
		"the back-off is over":               {happenings: []happening{outage}, attempt: call(118.1, 111, troubled(down, 101, 118))},

		"git, with half of a life":             {happenings: []happening{outage}, attempt: git(105.5, troubled(down, 100.1, 118))},
		"git, without":                         {happenings: []happening{outage}, attempt: git(106, troubled(down, 100.1, 118)), why: []kind{down}},
		"git, another replica's trouble":       {happenings: []happening{outage}, attempt: git(106)},
		"git, the platform may have one again": {happenings: []happening{outage}, attempt: git(119, troubled(down, 100.1, 118))},

		"a start needs a mint":    {happenings: []happening{outage}, attempt: start(100.2, troubled(down, 100.1, 118)), why: []kind{down}},
		"a start after all of it": {happenings: []happening{outage}, attempt: start(119, troubled(down, 100.1, 118))},

		"the store is stopped":            {happenings: []happening{happens(redisGone, killed, 100, 106)}, attempt: call(104, 90, trouble{})},
		"mints are slow":                  {happenings: []happening{happens(slow, "", 100, 106)}, attempt: call(104, 90, trouble{})},
		"the key is replaced":             {happenings: []happening{happens(rotated, atOnce, 100, 100.1)}, attempt: call(100.1, 90, trouble{})},
		"the clock is set back":           {happenings: []happening{{fault: fault{kind: clock, amount: -time.Minute}, began: at(100), ended: at(100)}}, attempt: call(100, 90, trouble{})},
		"the clock jumps":                 {happenings: []happening{happens(clock, "", 100, 100)}, attempt: call(102, 110, trouble{}), why: []kind{clock}},
		"the clock has jumped":            {happenings: []happening{happens(clock, "", 100, 100)}, attempt: call(104, 110, trouble{})},
		"the jump killed what was handed": {happenings: []happening{happens(clock, "", 99, 99), outage}, attempt: call(104, 115, troubled(down, 100.5, 118)), why: []kind{down}},
		"git's first after the jump":      {happenings: []happening{happens(clock, "", 100, 100)}, attempt: git(102), why: []kind{clock}},
		"git's first much later":          {happenings: []happening{happens(clock, "", 100, 100)}, attempt: git(118), why: []kind{clock}},
		"git's second":                    {happenings: []happening{happens(clock, "", 100, 100)}, attempt: refused(git(104), 102)},
		"git's second, after two jumps":   {happenings: []happening{happens(clock, "", 90, 90), happens(clock, "", 100, 100)}, attempt: refused(git(104), 92), why: []kind{clock}},
		"after the life of a token":       {happenings: []happening{happens(clock, "", 100, 100)}, attempt: git(121)},
		"a call, by the other replica":    {happenings: []happening{happens(clock, "", 100, 100)}, attempt: both(call(110, 120, trouble{})), why: []kind{clock}},
		"a call, by both":                 {happenings: []happening{happens(clock, "", 100, 100)}, attempt: refused(both(call(110, 120, trouble{})), 108)},

		"suspended":                      {happenings: []happening{happens(suspended, "", 100, 103)}, attempt: call(101, 115, trouble{}), why: []kind{suspended}},
		"another one is":                 {happenings: []happening{{fault: fault{kind: suspended, target: 1}, began: at(100), ended: at(103)}}, attempt: call(101, 115, trouble{})},
		"no longer":                      {happenings: []happening{happens(suspended, "", 100, 103)}, attempt: call(105, 115, trouble{})},
		"no longer, but it backs off":    {happenings: []happening{happens(suspended, "", 100, 103)}, attempt: call(125, 115, troubled(suspended, 101, 132)), why: []kind{suspended}},
		"git can't reach its endpoint":   {happenings: []happening{happens(endpoint, "", 100, 108)}, attempt: git(107), why: []kind{endpoint}},
		"git needn't reach it yet":       {happenings: []happening{happens(endpoint, "", 100, 108)}, attempt: git(103)},
		"git can reach it again":         {happenings: []happening{happens(endpoint, "", 100, 108)}, attempt: git(110)},
		"a call needn't reach it either": {happenings: []happening{happens(endpoint, "", 100, 108)}, attempt: call(107, 106, trouble{})},
		"it had to and couldn't":         {happenings: []happening{happens(endpoint, "", 100, 108)}, attempt: call(107, 106, troubled(endpoint, 104, 109)), why: []kind{endpoint}},
		"the machine stands still":       {rules: &late, attempt: call(50, 70, trouble{}), why: []kind{standstill}},
	} {
		r := testRules
		if c.rules != nil {
			r = *c.rules
		}
		require.Equal(t, c.why, r.judge(c.happenings, c.attempt), name)
	}
}

func TestABackoffIsAsTheDocumentationSays(t *testing.T) {
	for _, c := range []struct {
		tries     int
		permanent bool
		told      time.Duration
		want      time.Duration
	}{
		{1, false, 0, time.Second},
		{2, false, 0, 2 * time.Second},
		{5, false, 0, 16 * time.Second},
		{7, false, 0, time.Minute},
		{100, false, 0, time.Minute},
		{1, false, 3 * time.Second, 3 * time.Second},
		{4, false, 3 * time.Second, 8 * time.Second},
		{1, true, 0, 30 * time.Second},
		{9, true, 0, time.Minute},
	} {
		require.Equal(t, c.want, backoff(c.tries, c.permanent, c.told), "%+v", c)
	}
}

func TestTheLedgerKnowsWhoseTriesFailedAndUntilWhenNobodyNeedTryAgain(t *testing.T) {
	l := newLedger()
	mine, other, elsewhere := owner{0, 1, "ws-1"}, owner{0, 1, "ws-2"}, owner{1, 1, "ws-1"}
	l.failed(mine, at(10), false, 0, down)
	l.failed(mine, at(11), false, 0, down)
	require.Equal(t, trouble{why: []kind{down}, from: at(10), until: at(11 + 2 + 1)}, l.trouble(testRules, mine, at(11)))
	for _, o := range []owner{other, elsewhere} {
		require.Empty(t, l.trouble(testRules, o, at(11)).why)
	}
	l.minted(mine, at(11.5))
	require.Empty(t, l.trouble(testRules, mine, at(11)).why)

	l.failed(mine, at(20), false, 3*time.Second, limited)
	held := l.trouble(testRules, other, at(21))
	require.Equal(t, trouble{why: []kind{limited}, from: at(20), until: at(23 + 2 + 1)}, held, "a rate limit is of the whole app")
	require.Empty(t, l.trouble(testRules, other, at(27)).why)
	require.Empty(t, l.trouble(testRules, elsewhere, at(21)).why, "the other replica has to hear of it by itself")

	l.failed(other, at(40), false, 0, down)
	require.Equal(t, at(40+4+1), l.trouble(testRules, other, at(41)).until, "tries that were held count in the row")
	l.minted(other, at(46))
	l.failed(other, at(60), false, 0, down)
	require.Equal(t, at(60+1+1), l.trouble(testRules, other, at(61)).until)
}
