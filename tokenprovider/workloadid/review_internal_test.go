package workloadid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"github.com/stretchr/testify/require"
)

// apiServer answers after a time without a network, and knows how many questions
// were open at once.
type apiServer struct {
	takes time.Duration

	mu         sync.Mutex
	open, most int
	asked      int
}

func (s *apiServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.count(1)
	defer s.count(-1)
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	const answer = `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"audiences":["platform"],"user":{"username":"pod"}}}`
	return &http.Response{
		StatusCode: http.StatusCreated, Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

func (s *apiServer) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.most = max(s.most, s.open)
	s.asked += max(n, 0)
}

func newReviewer(s *apiServer) *reviewer {
	client := &http.Client{Transport: s}
	return &reviewer{
		url: "https://kubernetes.default.svc", audience: "platform", own: func(context.Context) secret.Of[string] { return secret.New("own") },
		client: func(context.Context) *http.Client { return client },
		slots:  make(chan struct{}, maxReviews),
	}
}

func podToken(n int) bearer {
	return bearer{raw: fmt.Sprint("token-", n), claims: jwt.MapClaims{"sub": "pod"}}
}

func TestAnAPIServerThatHangsHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newReviewer(&apiServer{takes: time.Hour})
		began := time.Now()
		err := v.accept(t.Context(), podToken(1))
		require.Equal(t, tokenprovider.CodeUnavailable, tokenprovider.CodeOf(err))
		require.NotErrorIs(t, err, tokenhttp.ErrUnauthenticated)
		require.Equal(t, patience, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		require.True(t, errors.Is(v.accept(ctx, podToken(2)), context.DeadlineExceeded))
		require.Equal(t, time.Second, time.Since(began), "each leaves at its own end")
		time.Sleep(patience)
	})
}

func TestSixteenTokensAreUnderReviewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &apiServer{takes: 100 * time.Millisecond}
		v := newReviewer(server)
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() { require.NoError(t, v.accept(t.Context(), podToken(n))) })
		}
		all.Wait()
		require.Equal(t, maxReviews, server.most)
		require.Equal(t, 200, server.asked)
	})
}

func TestATokenIsReviewedAgainAfterSomeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &apiServer{}
		v := newReviewer(server)
		for range 60 {
			require.NoError(t, v.accept(t.Context(), podToken(1)))
			time.Sleep(time.Second)
		}
		require.Equal(t, 10, server.asked, "each counts for 5 s")
	})
}
