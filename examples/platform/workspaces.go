package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// workspaces says which workspaces there are, and when each began its present
// life. A platform has that in its database.
type workspaces struct {
	startedAt sync.Map // by id
}

// admit refuses the bearers of workspaces that are gone, and those of an earlier
// life, which a shell or a snapshot may still hold. A bearer knows the second of
// its issue and no more.
func (ws *workspaces) admit(_ context.Context, p tokenhttp.Principal) error {
	if p.Admin {
		return nil
	}
	started, ok := ws.startedAt.Load(p.WorkspaceID)
	if !ok || p.IssuedAt.Before(started.(time.Time).Truncate(time.Second)) {
		return tokenhttp.ErrForbidden
	}
	return nil
}

// starter returns a handler that starts workspaces for administrators. It
// answers with the environment of the new one, as JSON or as a script for a
// shell; a platform would hand that to its container runtime.
func (ws *workspaces) starter(
	plugins *provisionhook.Registry, admin tokenhttp.Authenticator, log *slog.Logger,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := admin.Authenticate(r); err != nil {
			http.Error(w, "for administrators only", http.StatusUnauthorized)
			return
		}
		id := r.PathValue("id")
		ws.startedAt.Store(id, time.Now()) // before there is a bearer of this life
		plan, err := plugins.Plan(r.Context(), id, map[string]string{"WORKSPACE_ID": id})
		if err != nil {
			log.Error("a workspace can't start", "workspace", id, "error", err)
			http.Error(w, "it can't start: see the platform's log", http.StatusInternalServerError)
			return
		}
		log.Info("a workspace starts", "workspace", id, "plan", plan)
		w.Header().Set("Cache-Control", "no-store")
		if r.Header.Get("Accept") != "text/x-shellscript" {
			_ = json.NewEncoder(w).Encode(plan.Environ())
			return
		}
		for name, value := range plan.Env { // to be that workspace in a shell
			fmt.Fprintf(w, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
}

// releaser returns a handler that ends workspaces for administrators: first
// nothing is issued to one any more, and then the plugins clean up.
func (ws *workspaces) releaser(
	plugins *provisionhook.Registry, admin tokenhttp.Authenticator, log *slog.Logger,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := admin.Authenticate(r); err != nil {
			http.Error(w, "for administrators only", http.StatusUnauthorized)
			return
		}
		id := r.PathValue("id")
		ws.startedAt.Delete(id)
		if err := plugins.Release(r.Context(), id); err != nil {
			log.Error("a workspace isn't released", "workspace", id, "error", err)
			http.Error(w, "not all is cleaned up: see the platform's log, and try again", http.StatusInternalServerError)
			return
		}
		log.Info("a workspace is released", "workspace", id)
		w.WriteHeader(http.StatusNoContent)
	}
}
