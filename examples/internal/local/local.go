// Package local has what examples need on a machine that has no command of this
// repository installed and no GitHub but the fake, and, for a gateway, neither a
// host name nor a certificate for one.
package local

import (
	"encoding/pem"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Server is one for https on loopback: at port 443 where that is free, since gh
// finds a gateway nowhere else, and at another port otherwise.
type Server struct {
	URL    string
	CAFile string // of its certificate, from Start on
	server *httptest.Server
}

// Listen takes a port. Nothing is served before Start, and Close ends it.
func Listen() *Server {
	s := &Server{server: httptest.NewUnstartedServer(nil)}
	if listener, err := net.Listen("tcp", "127.0.0.1:443"); err == nil {
		_ = s.server.Listener.Close()
		s.server.Listener = listener
	}
	s.URL = "https://" + strings.TrimSuffix(s.server.Listener.Addr().String(), ":443")
	return s
}

// Start serves by h, and writes the file of the certificate into dir.
func (s *Server) Start(h http.Handler, dir string) error {
	s.server.Config.Handler = h
	s.server.StartTLS()
	s.CAFile = filepath.Join(dir, "gateway.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	return os.WriteFile(s.CAFile, certificate, 0o600)
}

// Close ends the server.
func (s *Server) Close() { s.server.Close() }

// WhyNoGH returns why gh can't be shown here; "" when it can.
func (s *Server) WhyNoGH() string {
	_, err := exec.LookPath("gh")
	switch {
	case err != nil:
		return "there is no gh here"
	case strings.Count(s.URL, ":") > 1:
		return "gh takes a gateway at port 443 alone, which isn't free here"
	case runtime.GOOS != "linux":
		return "gh takes no certificate from a file on this system"
	}
	return ""
}

// Env returns a workspace's environment before any plugin: nothing of the
// machine's but PATH, no configuration of git's, nobody's credentials, nothing
// to ask a person with. caFile has the certificate to trust.
func Env(home, caFile string) map[string]string {
	env := map[string]string{
		"PATH":                os.Getenv("PATH"),
		"HOME":                home,
		"XDG_CONFIG_HOME":     home,
		"LC_ALL":              "C",
		"NO_PROXY":            "127.0.0.1",
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_TERMINAL_PROMPT": "0",
		"GIT_SSL_CAINFO":      caFile,
		"SSL_CERT_FILE":       caFile, // gh's
		"GIT_AUTHOR_NAME":     "Agent",
		"GIT_AUTHOR_EMAIL":    "agent@example.com",
		"GIT_COMMITTER_NAME":  "Agent",
		"GIT_COMMITTER_EMAIL": "agent@example.com",
	}
	if runtime.GOOS == "windows" {
		env["SYSTEMROOT"], env["USERPROFILE"] = os.Getenv("SYSTEMROOT"), home
	}
	return env
}

// Tokens returns how many tokens of GitHub are in an environment and in the
// files of folders.
func Tokens(environ []string, folders ...string) int {
	found := strings.Count(strings.Join(environ, "\n"), "ghs_")
	for _, folder := range folders {
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				content, _ := os.ReadFile(path)
				found += strings.Count(string(content), "ghs_")
			}
			return nil
		})
	}
	return found
}
