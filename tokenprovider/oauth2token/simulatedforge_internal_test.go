package oauth2token

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// simulatedForge exchanges refresh tokens that may be used once. The world's
// lock guards it.
type simulatedForge struct {
	world    *world
	families bool              // a refresh token that is used again ends its chain
	tokens   map[string]*grant // by refresh token
	excused  map[string]bool   // chains that may be lost: a crash or a lost answer lay between exchange and save
	errs     int               // of ten exchanges, how many go wrong
	made     int
}

// grant is an access token with its refresh token.
type grant struct {
	chain, refresh, access string
	died                   time.Time // when the access token expires, or was revoked
	spent, revoked         bool
	unanswered             bool      // an exchange of the refresh token may have been made, for all that is known
	exchangedAt            time.Time // first
	saver                  *replica  // who has to save what it was exchanged for
	into                   *grant    // that
}

func (f *simulatedForge) issue(chain string) *grant {
	f.made++
	g := &grant{chain: chain, refresh: fmt.Sprint("refresh-", f.made), access: fmt.Sprint("access-", f.made),
		died: time.Now().Add(simulatedLife)}
	f.tokens[g.refresh] = g
	return g
}

func (f *simulatedForge) signIn() *oauth2.Token {
	g := f.issue(fmt.Sprint("chain-", f.world.SignIns))
	return &oauth2.Token{AccessToken: g.access, RefreshToken: g.refresh, Expiry: g.died}
}

func (f *simulatedForge) grantOf(access string) *grant {
	return f.tokens["refresh-"+strings.TrimPrefix(access, "access-")]
}

// living reports whether the refresh token can be exchanged.
func (f *simulatedForge) living(refresh string) bool {
	g := f.tokens[refresh]
	return g != nil && !g.spent && !g.revoked
}

func (f *simulatedForge) excuse(chain string) {
	if f.excused == nil {
		f.excused = map[string]bool{}
	}
	f.excused[chain] = true
}

// exchange returns the grant that g's refresh token is exchanged for; nil when
// it is refused.
func (f *simulatedForge) exchange(g *grant, r *replica) *grant {
	w := f.world
	w.Exchanges++
	if !g.exchangedAt.IsZero() {
		w.Twice++
		late := w.trouble && time.Since(g.exchangedAt) > attemptLife-exchangeTimeout // its save failed
		if !g.unanswered && (g.saver == nil || !g.saver.crashed) && !late {
			w.say("%s was exchanged twice, %s after the first time", g.refresh, time.Since(g.exchangedAt))
		}
		if late {
			f.excuse(g.chain)
		}
	} else {
		g.exchangedAt = time.Now()
	}
	if !f.living(g.refresh) {
		if f.families {
			for _, other := range f.tokens {
				other.revoked = other.revoked || other.chain == g.chain
			}
		}
		return nil
	}
	g.spent = true
	g.died = time.Now()
	g.into, g.saver = f.issue(g.chain), r
	return g.into
}

// wireOf is a replica's way to the forge.
type wireOf struct{ *replica }

func (t *wireOf) RoundTrip(req *http.Request) (*http.Response, error) {
	w := t.world
	form, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return nil, err
	}
	w.pause(500 * time.Millisecond)
	w.mu.Lock()
	wrong := -1
	if w.rand.IntN(10) < w.forge.errs {
		wrong = w.rand.IntN(6)
	}
	slow := time.Duration(w.rand.Int64N(int64(14 * time.Second)))
	g := w.forge.tokens[values.Get("refresh_token")]
	if t.crashed || g == nil {
		w.mu.Unlock()
		return nil, errors.New("nobody is there")
	}
	switch wrong {
	case 0:
		w.mu.Unlock()
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	case 1:
		w.mu.Unlock()
		return answerOf(http.StatusTooManyRequests, `{}`), nil
	case 2:
		g.unanswered = true
		w.mu.Unlock()
		return answerOf(http.StatusBadGateway, `<html>`), nil
	}
	fresh := w.forge.exchange(g, t.replica)
	if wrong == 3 { // the answer is lost
		w.LostAnswers++
		g.unanswered = true
		w.forge.excuse(g.chain)
		w.mu.Unlock()
		return nil, io.ErrUnexpectedEOF
	}
	w.mu.Unlock()
	if wrong == 4 {
		select {
		case <-time.After(slow):
		case <-req.Context().Done():
		}
	} else {
		w.pause(500 * time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := req.Context().Err(); err != nil || t.crashed {
		w.LostAnswers++
		g.unanswered = true
		w.forge.excuse(g.chain)
		return nil, errors.New("nobody waits for it")
	}
	if fresh == nil {
		return answerOf(http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
	}
	return answerOf(http.StatusOK, fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"token_type":"bearer","expires_in":%d}`,
		fresh.access, fresh.refresh, simulatedLife/time.Second)), nil
}

func answerOf(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body))}
}
