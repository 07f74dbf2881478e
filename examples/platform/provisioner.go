package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/molecule-ai/provisionkit/provisionhook"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// provisioner returns a handler that starts workspaces for administrators. It
// answers with the
// environment of the new one, as JSON or as a script for a shell; a platform
// would hand that to its container runtime.
func provisioner(
	plugins *provisionhook.Registry, admin tokenhttp.Authenticator, log *slog.Logger,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := admin.Authenticate(r); err != nil {
			http.Error(w, "for administrators only", http.StatusUnauthorized)
			return
		}
		id := r.PathValue("id")
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
