package gateway

import (
	"context"
	"log/slog"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// AuditRecord records one request: who did what at the forge, or was refused.
// It holds no secret.
type AuditRecord struct {
	Time           time.Time           // when the request came
	Principal      tokenhttp.Principal // zero when the request proved none
	Operation      Operation           // zero when the request was refused before the Forge was asked
	Code           tokenprovider.Code  // why the request was refused; "" when it was passed on
	Status         int                 // of the answer; 0: there was none
	Received, Sent int64               // bytes of the bodies from the workspace and to it
	TokenSHA256    string              // [tokenprovider.TokenSHA256] of the token that was added; "" when none was
}

// auditTimeout bounds one call of Options.Audit.
const auditTimeout = 10 * time.Second

// record hands the operation's record to Options.Audit and to the log. It
// outlives the request: what was done has to be on record, whoever hung up.
func (x *exchange) record() {
	r := &x.audited
	r.Operation, r.Status = x.op, x.w.status
	r.Received, r.Sent = x.body.received.Load(), x.w.sent.Load()
	ctx := context.WithoutCancel(x.request.Context())
	if x.options.Audit != nil {
		bounded, cancel := context.WithTimeout(ctx, auditTimeout)
		defer cancel()
		_, err := foreign.Within(bounded, "Options.Audit", func(ctx context.Context) (struct{}, error) {
			x.options.Audit(ctx, *r)
			return struct{}{}, nil
		})
		if err != nil {
			x.log.ErrorContext(ctx, "audit unavailable", "error", err)
		}
	}
	level, event := slog.LevelInfo, "passed on"
	if r.Code != "" {
		level, event = slog.LevelWarn, "refused"
	}
	if !x.log.Enabled(ctx, level) {
		return
	}
	refs := make([]string, len(r.Operation.Refs))
	for n, u := range r.Operation.Refs {
		refs[n] = u.Name
	}
	x.log.Log(ctx, level, event,
		"workspace", r.Principal.WorkspaceID, "admin", r.Principal.Admin,
		"kind", string(r.Operation.Kind), "repository", r.Operation.Repository,
		"method", r.Operation.Method, "path", r.Operation.Path, "write", r.Operation.Write, "refs", refs,
		"code", string(r.Code), "status", r.Status, "received", r.Received, "sent", r.Sent,
		"token_sha256", r.TokenSHA256, "duration", time.Since(r.Time))
}
