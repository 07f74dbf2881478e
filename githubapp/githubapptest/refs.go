package githubapptest

import (
	"net/http"
	"strings"
)

var (
	errNoRef       = unprocessable("Reference does not exist")
	errRefExists   = unprocessable("Reference already exists")
	errNoObject    = unprocessable("Object does not exist")
	errNotForward  = unprocessable("Update is not a fast forward")
	errRefName     = unprocessable("Reference name must begin with refs/ and be one that git takes")
	errDefaultGone = unprocessable("Cannot delete the default branch")
)

// named returns the ref that the path has, without the refs/ of all.
func (c *call) named() string { return "refs/" + c.request.PathValue("ref") }

func getRef(c *call) (int, any, *apiError) {
	found, ok := c.ref(c.named())
	if !ok {
		return 0, nil, errNotFound
	}
	return http.StatusOK, c.refJSON(found), nil
}

func listRefs(c *call) (int, any, *apiError) {
	list := []any{} // never null
	for _, found := range c.refs(c.named()) {
		list = append(list, c.refJSON(found))
	}
	return http.StatusOK, list, nil
}

// refChange is the body of a request that makes or moves a ref.
type refChange struct {
	Ref, SHA string
	Force    bool
}

func postRef(c *call) (int, any, *apiError) {
	var asked refChange
	if refusal := c.read(&asked, "ref", "sha"); refusal != nil {
		return 0, nil, refusal
	}
	if refusal := c.createRef(asked.Ref, asked.SHA); refusal != nil {
		return 0, nil, refusal
	}
	return c.moved(http.StatusCreated, asked.Ref)
}

func patchRef(c *call) (int, any, *apiError) {
	var asked refChange
	if refusal := c.read(&asked, "sha"); refusal != nil {
		return 0, nil, refusal
	}
	if refusal := c.updateRef(c.named(), asked.SHA, asked.Force); refusal != nil {
		return 0, nil, refusal
	}
	return c.moved(http.StatusOK, c.named())
}

func deleteRef(c *call) (int, any, *apiError) {
	return http.StatusNoContent, nil, c.deleteRef(c.named())
}

func (c *call) moved(status int, name string) (int, any, *apiError) {
	now, _ := c.ref(name)
	return status, c.refJSON(now), nil
}

func (c *call) createRef(name, object string) *apiError {
	if strings.Count(name, "/") < 2 || !strings.HasPrefix(name, "refs/") {
		return errRefName
	}
	if _, err := c.git("check-ref-format", name); err != nil {
		return errRefName
	}
	if _, exists := c.ref(name); exists {
		return errRefExists
	}
	if !c.has(object) {
		return errNoObject
	}
	if c.move(name, object, strings.Repeat("0", len(object))) != nil {
		return errRefExists
	}
	return nil
}

func (c *call) updateRef(name, object string, force bool) *apiError {
	old, ok := c.ref(name)
	switch {
	case !ok:
		return errNoRef
	case !c.has(object):
		return errNoObject
	case !force && !c.isAncestor(old.object, object):
		return errNotForward
	case c.move(name, object, old.object) != nil:
		return errNotForward
	}
	return nil
}

func (c *call) deleteRef(name string) *apiError {
	old, ok := c.ref(name)
	switch {
	case !ok:
		return errNoRef
	case name == "refs/heads/"+defaultBranch:
		return errDefaultGone
	}
	if _, err := c.git("update-ref", "-d", name, old.object); err != nil {
		return errNoRef
	}
	return nil
}

func (b bare) has(object string) bool {
	if !isObjectID(object) {
		return false
	}
	_, err := b.git("cat-file", "-e", object)
	return err == nil
}

func listBranches(c *call) (int, any, *apiError) {
	list := []map[string]any{} // never null
	for _, r := range paginate(c.w, c.request, c.refs("refs/heads/")) {
		list = append(list, map[string]any{
			"name": strings.TrimPrefix(r.name, "refs/heads/"), "protected": false,
			"commit": map[string]string{"sha": r.object, "url": c.api("/commits/" + r.object)},
		})
	}
	return http.StatusOK, list, nil
}

func getBranch(c *call) (int, any, *apiError) {
	name := c.request.PathValue("branch")
	found, ok := c.ref("refs/heads/" + name)
	if !ok {
		return 0, nil, &apiError{status: http.StatusNotFound, message: "Branch not found"}
	}
	self := c.api("/branches/" + name)
	return http.StatusOK, map[string]any{
		"name": name, "commit": c.commitJSON(c.commitInfo(found.object)), "protected": false, "protection_url": self + "/protection",
		"_links": map[string]string{"self": self, "html": c.html("/tree/" + name)},
		"protection": map[string]any{"enabled": false, "required_status_checks": map[string]any{
			"enforcement_level": "off", "contexts": []string{}, "checks": []string{},
		}},
	}, nil
}
