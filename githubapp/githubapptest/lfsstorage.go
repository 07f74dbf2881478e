package githubapptest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lfsStorage is where objects of Git LFS are: a host of its own, as at GitHub,
// to which signed hrefs lead. The objects lie in the repositories' folders, as
// git-lfs keeps them.
type lfsStorage struct {
	server *Server
	http   *http.Server
	url    string
	key    []byte
}

// lfsHeader is the header that an href demands besides its own signature.
const lfsHeader = "X-Storage-Meta"

// lfsStorage starts the storage at the first call.
func (s *Server) lfsStorage() (*lfsStorage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.storage != nil:
		return s.storage, nil
	case s.closed:
		return nil, errors.New("the server is closed")
	case strings.HasSuffix(s.URL, "//"+memoryAddress):
		return nil, errors.New("a server in memory has no storage for Git LFS")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	storage := &lfsStorage{server: s, key: make([]byte, 32)}
	_, _ = rand.Read(storage.key)
	storage.http = &http.Server{
		Handler: storage, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
	}
	storage.url = "http://" + listener.Addr().String()
	if s.certPEM != nil {
		storage.url = "https://" + listener.Addr().String()
		storage.http.TLSConfig = s.server.TLSConfig.Clone()
	}
	s.storage = storage
	s.running.Go(func() {
		if s.certPEM != nil {
			_ = storage.http.ServeTLS(listener, "", "")
		} else {
			_ = storage.http.Serve(listener)
		}
	})
	return storage, nil
}

// sign returns the signature of words.
func (l *lfsStorage) sign(words ...string) string {
	mac := hmac.New(sha256.New, l.key)
	_, _ = io.WriteString(mac, strings.Join(words, "\n"))
	return hex.EncodeToString(mac.Sum(nil))
}

// action returns an href that is signed for one method, object and time.
func (l *lfsStorage) action(method string, repo *repository, o lfsObject) lfsAction {
	expires := timestamp(l.server.Now().Add(lfsActionLife))
	path := "/" + repo.dir + "/" + o.OID
	query := url.Values{"X-Expires": {expires}, "X-Signature": {l.sign(method, path, expires)}}
	return lfsAction{
		Href:      l.url + path + "?" + query.Encode(),
		Header:    map[string]string{lfsHeader: o.OID},
		ExpiresAt: expires,
	}
}

func (l *lfsStorage) file(dir, oid string) string {
	return filepath.Join(l.server.gitRoot, dir, "lfs", "objects", oid[:2], oid[2:4], oid)
}

// has reports whether the object is there, whole.
func (l *lfsStorage) has(repo *repository, o lfsObject) bool {
	if !o.valid() {
		return false
	}
	info, err := os.Stat(l.file(repo.dir, o.OID))
	return err == nil && info.Size() == o.Size
}

// ServeHTTP implements [http.Handler]. An Authorization beside the signature is
// refused, as S3 and Azure do.
func (l *lfsStorage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.server.enter() {
		panic(http.ErrAbortHandler)
	}
	defer l.server.running.Done()
	query := r.URL.Query()
	expires, err := time.Parse(time.RFC3339, query.Get("X-Expires"))
	signature := l.sign(r.Method, r.URL.Path, query.Get("X-Expires"))
	dir, oid, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case len(r.Header.Values("Authorization")) > 0:
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
	case !hmac.Equal([]byte(signature), []byte(query.Get("X-Signature"))) || r.Header.Get(lfsHeader) != oid:
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
	case err != nil || l.server.Now().After(expires):
		http.Error(w, "Request has expired", http.StatusForbidden)
	case r.Method == http.MethodPut:
		l.put(w, r, l.file(dir, oid), oid)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeFile(w, r, l.file(dir, oid))
	}
}

// put stores the body, if it is the object.
func (l *lfsStorage) put(w http.ResponseWriter, r *http.Request, file, oid string) {
	body, err := l.server.spool(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
	defer body.close()
	sum := sha256.New()
	if _, err = io.Copy(sum, body); err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	switch {
	case err != nil:
		http.Error(w, "InternalError", http.StatusInternalServerError)
		return
	case hex.EncodeToString(sum.Sum(nil)) != oid:
		http.Error(w, "BadDigest", http.StatusBadRequest)
		return
	}
	_ = body.File.Close() // Windows moves no open file
	if os.Rename(body.Name(), file) != nil {
		http.Error(w, "InternalError", http.StatusInternalServerError)
	}
}
