package issuertest

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Cluster is the API server of a Kubernetes cluster, over TLS on loopback, as far
// as it reviews tokens (authentication.k8s.io/v1). It is safe for concurrent use.
type Cluster struct {
	*Issuer // of the tokens; not served here

	server  *httptest.Server
	mu      sync.Mutex
	pods    map[string]string // the uid of each, by namespace/name
	callers map[string]int    // what who comes with a token is answered: 201, 403; others 401
	status  int               // that it answers with; 0: as it should
	reviews int
}

// StartCluster starts a cluster without pods. Close ends it.
func StartCluster() *Cluster {
	c := &Cluster{
		Issuer: NewIssuer("https://kubernetes.default.svc.cluster.local", "RS256"),
		pods:   map[string]string{}, callers: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", c.review)
	c.server = httptest.NewUnstartedServer(mux)
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that don't trust it
	c.server.StartTLS()
	return c
}

// Close ends the cluster.
func (c *Cluster) Close() { c.server.Close() }

// Address returns the URL of the API server.
func (c *Cluster) Address() string { return c.server.URL }

// CA returns the certificate that the API server's own is trusted by, in PEM.
func (c *Cluster) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
}

// Allow has who comes with token ask for reviews, status 201, or refuses them:
// with 403 whoever may not, with 401 whoever isn't known.
func (c *Cluster) Allow(token string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[token] = status
}

// Break has the API server answer with a status; 0: as it should again.
func (c *Cluster) Break(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// Reviews returns how many there were.
func (c *Cluster) Reviews() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reviews
}

// Start starts a pod, anew if there is one of that name.
func (c *Cluster) Start(namespace, pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[namespace+"/"+pod] = rand.Text()
}

// Delete deletes a pod, and with it the worth of its tokens.
func (c *Cluster) Delete(namespace, pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pods, namespace+"/"+pod)
}

// Token returns a token that is projected into a pod, for an audience and an hour.
// more changes its claims.
func (c *Cluster) Token(namespace, pod, audience string, more map[string]any) string {
	c.mu.Lock()
	uid := c.pods[namespace+"/"+pod]
	c.mu.Unlock()
	claims := map[string]any{
		"aud": []string{audience}, "sub": "system:serviceaccount:" + namespace + ":default", "nbf": time.Now().Unix(),
		"kubernetes.io": map[string]any{
			"namespace": namespace, "pod": map[string]any{"name": pod, "uid": uid},
			"serviceaccount": map[string]any{"name": "default", "uid": "5e1f"},
		},
	}
	for name, value := range more {
		claims[name] = value
	}
	return c.Sign(claims)
}

type review struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Spec       map[string]any `json:"spec"`
	Status     map[string]any `json:"status"`
}

func (c *Cluster) review(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.reviews++
	status := c.status
	if status == 0 {
		status = c.callers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	}
	c.mu.Unlock()
	if status == 0 {
		status = http.StatusUnauthorized
	}
	if status != http.StatusCreated {
		http.Error(w, `{"kind":"Status","message":"secret of the body"}`, status)
		return
	}
	var asked struct {
		review
		Spec struct {
			Token     string   `json:"token"`
			Audiences []string `json:"audiences"`
		} `json:"spec"`
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.Kind != "TokenReview" {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	answer := review{APIVersion: asked.APIVersion, Kind: asked.Kind, Spec: map[string]any{"token": asked.Spec.Token}}
	answer.Status = c.judge(asked.Spec.Token, asked.Spec.Audiences)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(mustJSON(answer))
}

// judge returns the status of a review.
func (c *Cluster) judge(token string, audiences []string) map[string]any {
	var claims struct {
		jwt.RegisteredClaims
		Kubernetes struct {
			Namespace string
			Pod       struct{ Name, UID string }
		} `json:"kubernetes.io"`
	}
	key := func(*jwt.Token) (any, error) { return c.PublicKey(), nil }
	if _, err := jwt.ParseWithClaims(token, &claims, key, jwt.WithValidMethods([]string{"RS256"})); err != nil {
		return map[string]any{"error": "[invalid bearer token, " + token + "]"}
	}
	both := slices.DeleteFunc(slices.Clone(audiences), func(a string) bool { return !slices.Contains(claims.Audience, a) })
	c.mu.Lock()
	uid := c.pods[claims.Kubernetes.Namespace+"/"+claims.Kubernetes.Pod.Name]
	c.mu.Unlock()
	pod := claims.Kubernetes.Pod
	if len(both) == 0 || uid == "" || uid != pod.UID {
		return map[string]any{"error": "service account token has been invalidated"}
	}
	return map[string]any{
		"authenticated": true, "audiences": both,
		"user": map[string]any{
			"username": claims.Subject, "groups": []string{"system:serviceaccounts", "system:authenticated"},
			"extra": map[string][]string{
				"authentication.kubernetes.io/pod-name": {pod.Name}, "authentication.kubernetes.io/pod-uid": {pod.UID},
			},
		},
	}
}
