package testutil

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// CertificateFile returns the path of a file with the certificate of a server
// that speaks TLS, for clients to trust.
func CertificateFile(t testing.TB, server *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.TLS.Certificates[0].Certificate[0]})
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatalf("write the certificate: %v", err)
	}
	return path
}
