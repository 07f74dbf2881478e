package tokenhttp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/molecule-ai/provisionkit/internal/foreign"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
)

// AuditRecord records one request to an endpoint: who got a token, or was
// refused one, and when. It holds no secret. It is made before the answer is
// sent, so that no token is issued without a record.
type AuditRecord struct {
	Time        time.Time          // when the request came
	Principal   Principal          // who sent it; zero when the credentials proved nobody
	RequestedID string             // the workspace id in the URL, as it came, cut to 256 bytes
	Repository  string             // what the token is wanted for, owner or owner/name; "" when the request didn't say, or said it malformed
	Provider    string             // the name of the provider; "" when none was asked
	Code        tokenprovider.Code // why the request was refused; "" when a token was issued
	ExpiresAt   time.Time          // when the issued token expires; zero: not known
	TokenSHA256 string             // [tokenprovider.TokenSHA256] of the issued token
	RemoteAddr  string             // of the connection
	UserAgent   string             // as the caller says, cut to 256 bytes
}

const (
	maxAudited   = 256              // bytes that a caller can write into a field of a record
	auditTimeout = 10 * time.Second // of one call of Options.Audit
)

func newAuditRecord(r *http.Request, requestedID string) AuditRecord {
	return AuditRecord{
		Time:        time.Now(),
		RequestedID: requestedID[:min(len(requestedID), maxAudited)],
		RemoteAddr:  r.RemoteAddr,
		UserAgent:   r.UserAgent()[:min(len(r.UserAgent()), maxAudited)],
	}
}

// issued notes what is handed out.
func (a *AuditRecord) issued(secret string, expiresAt time.Time) {
	a.TokenSHA256 = tokenprovider.TokenSHA256(secret)
	a.ExpiresAt = expiresAt
}

// audit hands record to Options.Audit and to the log. It refuses what
// Options.Audit didn't take, and then the log's record says so. Without an
// Options.Audit it refuses what the log's handler didn't take.
func (h *Handler) audit(ctx context.Context, record *AuditRecord) *wire.Refusal {
	if h.options.Audit == nil {
		err := record.log(ctx, h.options.Logger)
		if _, broken := err.(*foreign.Defect); broken || err == foreign.ErrNoAnswer {
			return internalError
		}
		return nil
	}
	defer func() { _ = record.log(ctx, h.options.Logger) }()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	audited := *record
	_, err := foreign.Within(bounded, "", func(ctx context.Context) (struct{}, error) {
		h.options.Audit(ctx, audited)
		return struct{}{}, nil
	})
	if err == nil {
		return nil
	}
	record.Code = tokenprovider.Code(internalError.Code)
	h.options.Logger.ErrorContext(ctx, "audit unavailable", "error", h.explain(ctx, atAudit, err))
	return internalError
}

// log writes a as one event, and returns the error of the log's handler.
func (a *AuditRecord) log(ctx context.Context, logger *slog.Logger) error {
	level, event := slog.LevelInfo, "issued"
	if a.Code != "" {
		level, event = slog.LevelWarn, "refused"
	}
	if !logger.Enabled(ctx, level) {
		return nil
	}
	r := slog.NewRecord(time.Now(), level, event, 0)
	r.AddAttrs(
		slog.String("workspace", a.Principal.WorkspaceID),
		slog.Bool("admin", a.Principal.Admin),
		slog.String("requested_id", a.RequestedID),
		slog.String("repository", a.Repository),
		slog.String("provider", a.Provider),
		slog.String("code", string(a.Code)),
		slog.String("expires_at", wire.FormatTime(a.ExpiresAt)),
		slog.String("token_sha256", a.TokenSHA256),
		slog.String("remote_addr", a.RemoteAddr),
		slog.String("user_agent", a.UserAgent),
	)
	return logger.Handler().Handle(ctx, r)
}
