package wire

import "strings"

// maxName bounds the name of an owner or a repository, in bytes.
const maxName = 100

// Repository returns the one form in which a repository is named, "owner" or
// "owner/name" in lower case and without .git at its end. ok is false for what
// somebody could read as another one: anything but letters, digits and "-", "_"
// and "." in a name, a name that is "." or "..", one that begins with "-" or
// still ends in .git, and more than two of them.
func Repository(text string) (canonical string, ok bool) {
	owner, name, named := strings.Cut(text, "/")
	if !named {
		return strings.ToLower(text), isName(text)
	}
	name = strings.ToLower(name)
	name = strings.TrimSuffix(name, ".git")
	return strings.ToLower(owner) + "/" + name, isName(owner) && isName(name)
}

// GitRepository returns the repository in the path of a URL of git's, as a
// credential helper gets it: "owner/name", with .git or not, or that with
// /info/lfs behind it.
func GitRepository(path string) (canonical string, ok bool) {
	path = strings.TrimSuffix(path, "/info/lfs")
	if !strings.Contains(path, "/") {
		return "", false // an owner alone has nothing that git could fetch
	}
	return Repository(path)
}

// NoRepositoryToken says to a person in a workspace what may be behind the code
// of an error of the provider that was asked for a token for the repository; ""
// where that isn't about one.
func NoRepositoryToken(code, repository string) string {
	owner, _, _ := strings.Cut(repository, "/")
	if owner == "" {
		return ""
	}
	switch code {
	case "forbidden":
		return repository + " isn't among what the platform's policy allows this workspace, " +
			"access to it is suspended, or a permission is missing; ask the platform's operator"
	case "not_found":
		return "the platform's app isn't installed on " + owner + ", or " + repository +
			" isn't there any more; ask the platform's operator"
	case "invalid_request":
		return "the forge doesn't know " + repository + ", or another one that goes with it, by its name: " +
			"it may have been renamed; try again, or ask the platform's operator"
	}
	return ""
}

// isName reports whether everybody reads text as one name.
func isName(text string) bool {
	if text == "" || len(text) > maxName || text == "." || text == ".." || text[0] == '-' ||
		strings.HasSuffix(strings.ToLower(text), ".git") {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.", c) >= 0:
		default:
			return false
		}
	}
	return true
}
