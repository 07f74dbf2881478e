package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a real redis-server on a unix socket. It keeps nothing on
// disk.
type redisServer struct {
	socket string
	dir    string
	cmd    *exec.Cmd
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	s := &redisServer{socket: filepath.Join(dir, "redis.sock"), dir: dir}
	return s, s.start(ctx)
}

// start starts the server, empty, and waits until it answers.
func (s *redisServer) start(ctx context.Context) error {
	var said bytes.Buffer
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket, "--unixsocketperm", "700",
		"--dir", s.dir, "--save", "")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	s.cmd = cmd
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.kill()
			return fmt.Errorf("redis-server gives no answer: %w\n%s", err, said.Bytes())
		}
	}
}

// kill ends the server as a crash does.
func (s *redisServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// freeze makes the server take connections and answer nothing, until thaw.
func (s *redisServer) freeze() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

func (s *redisServer) thaw() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// client returns a client for one replica.
func (s *redisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket, ContextTimeoutEnabled: true, MaxIdleConns: 2})
}
