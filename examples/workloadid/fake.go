package main

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/molecule-ai/provisionkit/internal/issuertest"
)

const audience = "https://platform.example"

// cluster is an API server that reviews tokens, and a folder with the files that a
// kubelet writes into pods.
type cluster struct {
	*issuertest.Cluster
	dir string
}

func startCluster() (*cluster, error) {
	dir, err := os.MkdirTemp("", "workloadid-")
	if err != nil {
		return nil, err
	}
	c := &cluster{issuertest.StartCluster(), dir}
	c.Start("workspaces", "ws-1")
	c.Allow("the-platforms-own-token", http.StatusCreated)
	for name, content := range map[string]string{"ca.crt": string(c.CA()), "platform": "the-platforms-own-token"} {
		if err := os.WriteFile(c.path(name), []byte(content), 0o600); err != nil {
			c.stop()
			return nil, err
		}
	}
	return c, nil
}

func (c *cluster) stop() {
	c.Close()
	_ = os.RemoveAll(c.dir)
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

// project writes a new token of the pod.
func (c *cluster) project(pod string) error {
	token := c.Token("workspaces", pod, audience, nil)
	if err := os.WriteFile(c.path("token.new"), []byte(token), 0o600); err != nil {
		return err
	}
	return os.Rename(c.path("token.new"), c.path("token"))
}

func (c *cluster) delete(pod string) { c.Delete("workspaces", pod) }
