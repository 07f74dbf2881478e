package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisPair is two real redis-servers, of which one is the primary and the other
// its replica. What a server answered it has written: the end of its process loses
// nothing.
type redisPair struct {
	nodes   [2]*redisNode
	primary atomic.Int32
}

// redisNode is a redis-server with a port and a folder of its own.
type redisNode struct {
	addr, dir string
	cmd       *exec.Cmd
	said      bytes.Buffer
}

// newRedisPair starts two servers, empty, and waits until they answer.
func newRedisPair(ctx context.Context, dir string) (*redisPair, error) {
	p := &redisPair{}
	for n := range p.nodes {
		addr, err := freeAddr()
		if err != nil {
			return p, err
		}
		p.nodes[n] = &redisNode{addr: addr, dir: filepath.Join(dir, fmt.Sprintf("redis-%d", n))}
	}
	return p, p.startEmpty(ctx)
}

// startEmpty starts both servers without what they had.
func (p *redisPair) startEmpty(ctx context.Context) error {
	for _, n := range p.nodes {
		if err := os.RemoveAll(n.dir); err != nil {
			return err
		}
	}
	if err := p.current().start(); err != nil {
		return err
	}
	return p.follow(ctx)
}

// restart starts the primary again, with what it had on its disk.
func (p *redisPair) restart(ctx context.Context) error {
	if err := p.current().start(); err != nil {
		return err
	}
	return p.ready(ctx)
}

// failOver has the replica take over from the primary, which is gone and comes
// back as its replica.
func (p *redisPair) failOver(ctx context.Context) error {
	p.primary.Store(1 - p.primary.Load())
	client := redis.NewClient(&redis.Options{Addr: p.current().addr})
	defer client.Close()
	if err := client.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		return fmt.Errorf("redis-server doesn't take over: %w", err)
	}
	return p.follow(ctx)
}

// follow starts the server that isn't the primary, as its replica.
func (p *redisPair) follow(ctx context.Context) error {
	host, port, err := net.SplitHostPort(p.current().addr)
	if err != nil {
		return err
	}
	if err := p.nodes[1-p.primary.Load()].start("--replicaof", host+" "+port); err != nil {
		return err
	}
	return p.ready(ctx)
}

// ready waits until the primary has a replica that has all.
func (p *redisPair) ready(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: p.current().addr, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		have, err := client.Wait(ctx, 1, 100*time.Millisecond).Result()
		if err == nil && have == 1 {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			p.kill() // so that it has said all
			return fmt.Errorf("redis-server has no replica: %w\n%s", err, p.current().said.Bytes())
		}
	}
}

func (p *redisPair) current() *redisNode { return p.nodes[p.primary.Load()] }

// kill ends both servers as a crash does.
func (p *redisPair) kill() {
	for _, n := range p.nodes {
		n.kill()
	}
}

// client returns a client for one replica of the platform, which finds the primary.
func (p *redisPair) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		ContextTimeoutEnabled: true, MaxIdleConns: 2,
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", p.current().addr)
		},
	})
}

func (n *redisNode) start(args ...string) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(n.addr)
	if err != nil {
		return err
	}
	n.cmd = exec.Command("redis-server", append([]string{"--bind", host, "--port", port, "--dir", n.dir, "--save", "",
		"--appendonly", "yes", "--repl-diskless-sync-delay", "0"}, args...)...)
	n.cmd.Stdout, n.cmd.Stderr = &n.said, &n.said
	if err := n.cmd.Start(); err != nil {
		n.cmd = nil
		return fmt.Errorf("start redis-server: %w", err)
	}
	return nil
}

func (n *redisNode) kill() {
	if n == nil || n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// freeze makes the server take connections and answer nothing, until thaw.
func (n *redisNode) freeze() error { return n.cmd.Process.Signal(syscall.SIGSTOP) }

func (n *redisNode) thaw() error { return n.cmd.Process.Signal(syscall.SIGCONT) }
