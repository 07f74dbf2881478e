package forge

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider/gateway"
)

// apiError is the body of an error of GitHub's API.
type apiError struct {
	Message          string `json:"message"`
	DocumentationURL string `json:"documentation_url"`
	Status           string `json:"status"`
}

// refusalDocs is where a client sends people who want to know more.
const refusalDocs = "https://pkg.go.dev/github.com/molecule-ai/provisionkit/tokenprovider/gateway"

// Refuse implements [gateway.Forge]: the API's refusals are GitHub's own JSON,
// which gh and octokit show; git and Git LFS have their own.
func (g *github) Refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		gateway.RefuseGit(w, r, status, message)
		return
	}
	answer := wire.JSONAnswer(apiError{message, refusalDocs, strconv.Itoa(status)})
	answer.MediaType = "application/json; charset=utf-8"
	answer.Write(w, status)
}
