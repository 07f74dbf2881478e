package gateway

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// bodyTimeout is how long a body that says what is meant may take, and a push's
// commands.
const bodyTimeout = 30 * time.Second

// exchange is one request on its way through the gateway.
type exchange struct {
	*Gateway
	w         *counter
	request   *http.Request // as it came
	body      *body
	principal tokenhttp.Principal
	op        Operation
	allowed
	audited AuditRecord

	mu sync.Mutex
	at position
}

func newExchange(g *Gateway, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Gateway: g, w: &counter{ResponseWriter: w}, body: &body{ReadCloser: r.Body}}
	x.request = r.WithContext(r.Context())
	x.request.Body = x.body
	x.audited.Time = time.Now()
	return x
}

// serve passes the request on, or returns why not. What it does in which order
// decides what a refused request may learn and cost: nothing is read of a body
// before it is known who sends it, and no token is asked for before the policy
// has allowed what for.
func (x *exchange) serve() *refused {
	r := x.request
	if err := wellFormed(r, x.base.Host); err != nil {
		return err
	}
	ctx, err := x.enter(r.Context())
	if err != nil {
		return err
	}
	x.request = r.WithContext(ctx)
	push, err := x.understand()
	if err != nil {
		return err
	}
	ctx = tokenprovider.WithRepository(ctx, x.op.Repository)
	if err := x.decide(ctx); err != nil {
		if push != nil && len(push.refs) > 0 && x.position().stage == atPolicy {
			return x.refusePush(push, err)
		}
		return err
	}
	return x.forward(ctx)
}

// understand finds out what the request asks for. Of a push it reads the
// commands.
func (x *exchange) understand() (*push, *refused) {
	// Its time is that of the body that it reads. The request's context won't do:
	// a read that fails ends it, and the reason would be lost.
	if x.request.ContentLength != 0 {
		defer x.readWithin(bodyTimeout)()
	}
	err := foreign.Do("the Forge", func() (err error) {
		x.op, err = x.options.Forge.Operation(x.request)
		return err
	})
	if err != nil {
		return nil, x.unknown(err)
	}
	if !isReceivePack(x.op) {
		return nil, nil
	}
	p, err := readPush(x.request)
	if err != nil {
		return nil, x.unknown(err)
	}
	x.op.Refs = p.refs
	x.request.Body = struct {
		io.Reader
		io.Closer
	}{p.rest, x.body}
	return p, nil
}

// readWithin bounds the time in which what is read of the body has to come,
// where the server allows that, until the func that it returns is called.
func (x *exchange) readWithin(d time.Duration) (done func()) {
	control := http.NewResponseController(x.w)
	if control.SetReadDeadline(time.Now().Add(d)) != nil {
		return func() {}
	}
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}
