package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// Git returns what r asks for if its path is one of git's smart HTTP protocol
// (gitprotocol-http(5)) or of Git LFS's API; for any other path ok is false.
// Repository is the path before that, without .git and in lower case; the
// [Forge] checks whether it can be a repository. The error is a [*Refusal] of
// git's dumb protocol, and of requests that git or Git LFS wouldn't make.
//
// For an LFS batch it calls [Body] to tell an upload from a download.
func Git(r *http.Request) (op Operation, ok bool, err error) {
	service, path, found := gitService(r.URL.Path)
	if !found {
		return lfs(r)
	}
	op = Operation{Kind: KindFetch, Method: r.Method, Path: r.URL.Path, Repository: repository(path)}
	method := http.MethodPost
	if service == infoRefs {
		method = http.MethodGet
		if service, err = advertised(r.URL); err != nil {
			return Operation{}, true, err
		}
	} else if r.Header.Get("Content-Type") != "application/x-"+service+"-request" {
		return Operation{}, true, &Refusal{"this isn't a request of git's: its Content-Type isn't " +
			"application/x-" + service + "-request"}
	}
	if r.Method != method {
		return Operation{}, true, &Refusal{"git asks for " + service + " by " + method}
	}
	if service == receivePack {
		op.Kind, op.Write = KindPush, true
	}
	return op, true, nil
}

// The services of git's protocol, and the path of the request that comes first.
const (
	uploadPack  = "git-upload-pack"  // clone and fetch
	receivePack = "git-receive-pack" // push
	infoRefs    = "info/refs"
)

// gitService splits a path into what comes before and one of git's own.
func gitService(path string) (service, before string, found bool) {
	for _, service := range []string{infoRefs, uploadPack, receivePack} {
		if before, ok := strings.CutSuffix(path, "/"+service); ok {
			return service, before, true
		}
	}
	return "", "", false
}

// advertised returns the service whose refs u asks for. There may be one service
// and no other parameter: the forge could take another one of two.
func advertised(u *url.URL) (string, error) {
	query, err := url.ParseQuery(u.RawQuery)
	services := query["service"]
	if err != nil || len(query) != 1 || len(services) != 1 ||
		services[0] != uploadPack && services[0] != receivePack {
		return "", &Refusal{"this isn't a request of git's smart HTTP protocol: " +
			"its query has to be service=git-upload-pack or service=git-receive-pack"}
	}
	return services[0], nil
}

// repository returns the name in the path before git's own.
func repository(path string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(path, "/"), ".git"))
}

// isReceivePack reports whether r carries what a push asks for.
func isReceivePack(op Operation) bool {
	return op.Kind == KindPush && op.Method == http.MethodPost
}
