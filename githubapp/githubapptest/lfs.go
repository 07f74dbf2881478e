package githubapptest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// lfsJSON is the media type of Git LFS's API.
const lfsJSON = "application/vnd.git-lfs+json"

// lfsPrefix is what the rest of a path of Git LFS's API begins with.
const lfsPrefix = "info/lfs/"

// lfsActionLife is how long the hrefs of a batch are good.
const lfsActionLife = 15 * time.Minute

// lfsObject is one object as a batch and a verification name it.
type lfsObject struct {
	OID  string `json:"oid"`
	Size int64  `json:"size"`
}

// oidPattern is what an object's name looks like: its SHA-256.
var oidPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (o lfsObject) valid() bool { return oidPattern.MatchString(o.OID) && o.Size >= 0 }

// lfsAction is where a client goes with an object, and what it sends along.
type lfsAction struct {
	Href      string            `json:"href"`
	Header    map[string]string `json:"header,omitempty"`
	ExpiresAt string            `json:"expires_at,omitempty"`
}

// lfsAnswer is one object in the answer to a batch.
type lfsAnswer struct {
	lfsObject
	Authenticated bool                 `json:"authenticated"`
	Actions       map[string]lfsAction `json:"actions,omitempty"`
	Error         *lfsObjectError      `json:"error,omitempty"`
}

type lfsObjectError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// serveLFS answers Git LFS's API (git-lfs/docs/api): batch, verification and
// locks. rest is the path behind the repository's.
func (s *Server) serveLFS(w http.ResponseWriter, r *http.Request, fullName, rest string) {
	w.Header().Set("Content-Type", lfsJSON)
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	var batch struct {
		Operation string      `json:"operation"`
		Objects   []lfsObject `json:"objects"`
	}
	service := receivePack
	switch isBatch := rest == "objects/batch"; {
	case isBatch && body.Decode(&batch) != nil:
		writeLFSError(w, http.StatusUnprocessableEntity, "the batch isn't JSON")
		return
	case isBatch && batch.Operation == "download", rest == "locks" && r.Method == http.MethodGet:
		service = uploadPack
	}
	if rest == "objects/verify" && strings.HasPrefix(r.Header.Get("Authorization"), lfsRemoteAuth) {
		s.verifyLFSObject(w, r, fullName, body)
		return
	}
	repo, _, refusal := s.authorizeGit(r, fullName, service)
	if refusal != nil {
		refusal.writeHeader(w)
		writeLFSError(w, refusal.status, refusal.message)
		return
	}
	switch {
	case rest == "objects/batch" && r.Method == http.MethodPost:
		s.answerLFSBatch(w, repo, batch.Operation, batch.Objects)
	case rest == "objects/verify" && r.Method == http.MethodPost:
		s.verifyLFSObject(w, r, fullName, body)
	default:
		s.serveLFSLocks(w, r, repo, rest, body)
	}
}

// answerLFSBatch tells where the objects are, or are to go.
func (s *Server) answerLFSBatch(w http.ResponseWriter, repo *repository, operation string, objects []lfsObject) {
	if operation != "download" && operation != "upload" {
		writeLFSError(w, http.StatusUnprocessableEntity, "the operation is neither download nor upload")
		return
	}
	storage, err := s.lfsStorage()
	if err != nil {
		writeLFSError(w, http.StatusInternalServerError, err.Error())
		return
	}
	answers := make([]lfsAnswer, 0, len(objects))
	for _, o := range objects {
		answer := lfsAnswer{lfsObject: o, Authenticated: true}
		stored := storage.has(repo, o)
		switch {
		case !o.valid():
			answer.Error = &lfsObjectError{http.StatusUnprocessableEntity, "Object is malformed"}
		case operation == "download" && !stored:
			answer.Error = &lfsObjectError{http.StatusNotFound, "Object does not exist on the server"}
		case operation == "download":
			answer.Actions = map[string]lfsAction{"download": storage.action(http.MethodGet, repo, o)}
		case !stored:
			answer.Actions = map[string]lfsAction{
				"upload": storage.action(http.MethodPut, repo, o),
				"verify": {
					Href:   s.URL + "/" + repo.fullName() + ".git/" + lfsPrefix + "objects/verify",
					Header: map[string]string{"Authorization": lfsRemoteAuth + storage.sign("verify", repo.dir, o.OID)},
				},
			}
		}
		answers = append(answers, answer)
	}
	writeJSON(w, http.StatusOK, map[string]any{"transfer": "basic", "hash_algo": "sha256", "objects": answers})
}

// lfsRemoteAuth is the scheme of the credential for a verification, which the
// batch hands out.
const lfsRemoteAuth = "RemoteAuth "

// verifyLFSObject answers whether an upload arrived. The credential is the
// batch's own or, checked before, a token.
func (s *Server) verifyLFSObject(w http.ResponseWriter, r *http.Request, fullName string, body *json.Decoder) {
	var o lfsObject
	if body.Decode(&o) != nil || !o.valid() {
		writeLFSError(w, http.StatusUnprocessableEntity, "Object is malformed")
		return
	}
	storage, err := s.lfsStorage()
	repo, _, unknown := s.repositoryByName(fullName)
	signature, signed := strings.CutPrefix(r.Header.Get("Authorization"), lfsRemoteAuth)
	switch {
	case err != nil || unknown != nil || !storage.has(repo, o):
		writeLFSError(w, http.StatusNotFound, "Object does not exist on the server")
	case signed && signature != storage.sign("verify", repo.dir, o.OID):
		writeLFSError(w, http.StatusForbidden, "RemoteAuth is invalid")
	default:
		writeJSON(w, http.StatusOK, struct{}{})
	}
}

func writeLFSError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message, "documentation_url": docs})
}
