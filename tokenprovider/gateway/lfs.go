package gateway

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// lfsPath is what the paths of Git LFS's API have after the repository's.
const lfsPath = "/info/lfs/"

// lfsObject matches the paths below an API of Git LFS for one object. A batch is
// known by its one spelling, since its answer is rewritten.
var lfsObject = regexp.MustCompile(`^objects/([0-9a-f]{64}(/verify)?|verify)$`)

// lfs does what [Git] does for Git LFS.
func lfs(r *http.Request) (op Operation, ok bool, err error) {
	before, rest, found := strings.Cut(r.URL.Path, lfsPath)
	if !found {
		return Operation{}, false, nil
	}
	op = Operation{Kind: KindLFS, Method: r.Method, Path: r.URL.Path, Repository: repository(before)}
	switch {
	case rest == "objects/batch" && r.Method == http.MethodPost:
		op.Write, err = uploads(r)
		return op, true, err
	case lfsObject.MatchString(rest), strings.HasPrefix(rest, "locks/"), rest == "locks":
		// A POST to locks/verify only reads, and is asked by a push before it writes.
		op.Write = r.Method != http.MethodGet && r.Method != http.MethodHead
		return op, true, nil
	}
	return Operation{}, true, &Refusal{"this isn't a request of Git LFS's API"}
}

// uploads reports whether an LFS batch asks to upload. What isn't clear is
// refused: the forge could read it otherwise.
func uploads(r *http.Request) (bool, error) {
	body, err := Body(r)
	if err != nil {
		return false, err
	}
	fields, err := Fields(body)
	if err != nil {
		return false, &Refusal{"the LFS batch is refused: " + err.Error()}
	}
	var operation string // "" for what is no string
	_ = json.Unmarshal(fields["operation"], &operation)
	switch operation {
	case "download":
		return false, nil
	case "upload":
		return true, nil
	}
	return false, &Refusal{"the LFS batch is refused: its operation is neither download nor upload"}
}
