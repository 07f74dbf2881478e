package workloadid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
	"golang.org/x/sync/singleflight"
)

// maxReviews bounds the questions that an API server is asked at a time: whoever
// makes up tokens shall not be its load.
const maxReviews = 16

// reviewer asks an API server about tokens.
type reviewer struct {
	url, audience string
	own           func(context.Context) secret.Of[string] // the platform's own token
	client        func(context.Context) *http.Client      // of the present authorities
	slots         chan struct{}                           // one for each question
	memory        memory
	questions     singleflight.Group // by the digest of a token
}

// accept returns nil for a bearer that the API server accepts now, or did so
// seconds ago. All who come with it wait for the same answer, each for as long as
// its own ctx lasts.
func (v *reviewer) accept(ctx context.Context, b bearer) error {
	digest := sha256.Sum256([]byte(b.raw))
	if err, known := v.memory.find(digest); known {
		return err
	}
	answers := v.questions.DoChan(string(digest[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		asked := time.Now()
		err := v.inTurn(ctx, b)
		if err == nil || errors.Is(err, tokenhttp.ErrUnauthenticated) {
			v.memory.add(digest, err, asked)
		}
		return nil, err
	})
	select {
	case answer := <-answers:
		return answer.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inTurn asks about b when fewer than [maxReviews] questions are open.
func (v *reviewer) inTurn(ctx context.Context, b bearer) error {
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
		return v.review(ctx, b)
	case <-ctx.Done():
		return undecided(time.Second, "too many tokens wait to be reviewed by the API server")
	}
}

// review is one question. A platform's own token that was replaced while it was on
// its way is no reason to fail.
func (v *reviewer) review(ctx context.Context, b bearer) error {
	own := v.own(ctx)
	for {
		status, answer, err := v.ask(ctx, own.Reveal(), b)
		if err != nil {
			return undecided(time.Second, "the API server can't be asked: %w", err)
		}
		now := own
		if status == http.StatusUnauthorized {
			now = v.own(ctx)
		}
		if now == own {
			return v.verdict(status, answer, b)
		}
		own = now
	}
}

const apiVersion = "authentication.k8s.io/v1"

// tokenReview is the resource of that name, as far as it matters here.
type tokenReview struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Spec       reviewSpec    `json:"spec"`
	Status     *reviewStatus `json:"status,omitempty"`
}

type reviewSpec struct {
	Token     string   `json:"token"`
	Audiences []string `json:"audiences"`
}

type reviewStatus struct {
	Authenticated bool     `json:"authenticated"` // left out where it is false
	Audiences     []string `json:"audiences"`
	Error         string   `json:"error"` // it isn't passed on
	User          struct {
		Username string `json:"username"`
	} `json:"user"`
}

// ask sends the question. The answer is nil where it isn't a whole TokenReview.
func (v *reviewer) ask(ctx context.Context, own string, b bearer) (status int, answer *reviewStatus, err error) {
	question, err := json.Marshal(tokenReview{
		APIVersion: apiVersion, Kind: "TokenReview",
		Spec: reviewSpec{Token: b.raw, Audiences: []string{v.audience}},
	})
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(question))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+own)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := v.client(ctx).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, err
	}
	var review tokenReview
	if json.Unmarshal(content, &review) != nil || review.Kind != "TokenReview" || review.APIVersion != apiVersion {
		return resp.StatusCode, nil, nil
	}
	return resp.StatusCode, review.Status, nil
}

// verdict returns what an answer says about b. Only a whole TokenReview decides.
// The text of its error is the API server's, and isn't passed on.
func (v *reviewer) verdict(status int, answer *reviewStatus, b bearer) error {
	switch {
	case status == http.StatusUnauthorized:
		return undecided(time.Second, "the API server refuses the token in TokenReviewOptions.TokenFile (401): "+
			"it has expired, or is another cluster's")
	case status == http.StatusForbidden:
		return undecided(time.Second, "the platform's service account may not create tokenreviews (403): "+
			"bind it to the ClusterRole system:auth-delegator")
	case status != http.StatusOK && status != http.StatusCreated:
		return undecided(time.Second, "the API server answered %d %s", status, http.StatusText(status))
	case answer == nil:
		return undecided(time.Second, "what answered at TokenReviewOptions.URL is no API server")
	case !answer.Authenticated, answer.Error != "":
		return unauthenticated("the API server doesn't accept it: its pod or service account is gone, or it is another cluster's")
	case !slices.Contains(answer.Audiences, v.audience):
		return unauthenticated("the API server doesn't say that it is for %q", v.audience)
	}
	if subject, err := b.claims.GetSubject(); err != nil || subject != answer.User.Username {
		return unauthenticated("the API server says that it is of %q, and it says otherwise", quote(answer.User.Username))
	}
	return nil
}
