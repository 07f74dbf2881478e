package githubapptest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// deliveryTimeout is how long GitHub waits for the answer to a delivery.
const deliveryTimeout = 10 * time.Second

// Webhook is where an app wants its events.
type Webhook struct {
	URL    string
	Secret string       // signs deliveries; "" leaves the signature out, as GitHub does
	Client *http.Client // trusts the URL's certificate, for instance; nil: one that trusts what the machine trusts

	// EpochTimes sends created_at and updated_at of the installation as numbers
	// of seconds, as some of GitHub's deliveries have them, rather than as RFC
	// 3339 text, as others do.
	EpochTimes bool
}

// Delivery is the request that tells a webhook of an event. A test may change
// it, and may send it again, later, or never.
type Delivery struct {
	URL    string
	Header http.Header
	Body   []byte

	client *http.Client
}

// Delivered is a delivery that was sent, and what came of it.
type Delivered struct {
	ID     string // X-GitHub-Delivery; a repeated delivery has the same
	Event  string
	Action string
	Status int   // of the answer; 0 without one
	Err    error // why there was none
}

// webhooks is what the server knows of webhooks and deliveries.
type webhooks struct {
	mu        sync.Mutex
	hooks     map[int64]Webhook // by app
	delivered []Delivered
}

// SetWebhook makes the server deliver an app's events from now on: when
// [Server.AddInstallation] adds an installation or changes its permissions or
// repositories, [Server.Suspend], [Server.Uninstall], and the API's routes for
// the last two. These return, or answer, once the delivery was answered or 10
// seconds have passed, so that a test needn't wait; what the answer was is in
// [Server.Deliveries]. As on GitHub nothing is tried twice. An empty URL ends
// it.
func (s *Server) SetWebhook(appID int64, hook Webhook) {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	if s.webhooks.hooks == nil {
		s.webhooks.hooks = map[int64]Webhook{}
	}
	s.webhooks.hooks[appID] = hook
}

// Deliveries returns those that were tried so far, oldest first.
func (s *Server) Deliveries() []Delivered {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	return slices.Clone(s.webhooks.delivered)
}

// NewDelivery returns the signed delivery of an event to the webhook of the
// installation's app, not yet sent. The event need not have happened. It is an
// error when the installation or the webhook isn't known, or the event isn't
// one that [Event] describes.
func (s *Server) NewDelivery(e Event) (*Delivery, error) {
	i, ok := s.installation(e.InstallationID, 0)
	if !ok {
		return nil, fmt.Errorf("githubapptest: NewDelivery: there is no installation %d",
			e.InstallationID)
	}
	return s.deliveryOf(e, i)
}

func (s *Server) deliveryOf(e Event, i *installation) (*Delivery, error) {
	s.webhooks.mu.Lock()
	hook := s.webhooks.hooks[i.AppID]
	s.webhooks.mu.Unlock()
	if hook.URL == "" {
		return nil, fmt.Errorf("githubapptest: NewDelivery: app %d has no webhook; SetWebhook gives it one",
			i.AppID)
	}
	payload, err := s.payload(e, i, hook)
	if err != nil {
		return nil, fmt.Errorf("githubapptest: NewDelivery: %w", err)
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("githubapptest: NewDelivery: %w", err)
	}
	d := &Delivery{URL: hook.URL, Body: body, client: hook.Client, Header: http.Header{}}
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": "application/json",
		"User-Agent":        "GitHub-Hookshot/" + randomHex(4)[:7],
		"X-GitHub-Delivery": newGUID(), "X-GitHub-Event": e.Name,
		"X-GitHub-Hook-ID":                       strconv.FormatInt(hookID(i.AppID), 10),
		"X-GitHub-Hook-Installation-Target-ID":   strconv.FormatInt(i.AppID, 10),
		"X-GitHub-Hook-Installation-Target-Type": "integration",
	} {
		d.Header.Set(name, value)
	}
	if hook.Secret != "" {
		d.Sign(hook.Secret)
	}
	return d, nil
}

// Sign sets X-Hub-Signature-256 to the signature of the body as it is now.
func (d *Delivery) Sign(secret string) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.Body)
	d.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
}

// Deliver sends a delivery and returns the status of the answer. Redirects are
// not followed.
func (s *Server) Deliver(ctx context.Context, d *Delivery) (status int, err error) {
	tried := Delivered{ID: d.Header.Get("X-GitHub-Delivery"), Event: d.Header.Get("X-GitHub-Event"), Action: d.action()}
	tried.Status, tried.Err = d.send(ctx)
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	s.webhooks.delivered = append(s.webhooks.delivered, tried)
	return tried.Status, tried.Err
}

func (d *Delivery) send(ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, fmt.Errorf("githubapptest: deliver: %w", err)
	}
	req.Header = d.Header.Clone()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if d.client != nil {
		client = *d.client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("githubapptest: deliver: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody)
	return resp.StatusCode, nil
}

func (d *Delivery) action() string {
	var payload struct{ Action string }
	_ = json.Unmarshal(d.Body, &payload) // a test may have made it anything
	return payload.Action
}

// happened delivers events to the webhook of the installation's app, if it has
// one. What comes of it is in Deliveries.
func (s *Server) happened(i *installation, events ...Event) {
	for _, e := range events {
		if d, err := s.deliveryOf(e, i); err == nil {
			_, _ = s.Deliver(context.Background(), d)
		}
	}
}

// hookID gives each app's webhook an id of its own.
func hookID(appID int64) int64 { return 400_000_000 + appID }

func newGUID() string {
	digits := randomHex(16)
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
