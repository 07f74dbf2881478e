package githubapptest

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// memoryAddress is where a server in memory is. No server can have port 0, so a
// client that isn't the server's own reaches nothing.
const memoryAddress = "127.0.0.1:0"

// memory is a listener whose connections stay within the process. Whoever waits
// on one waits on channels alone, which a synctest bubble can tell from
// working.
type memory struct {
	accept    chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

func newMemory() *memory { return &memory{accept: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements [net.Listener].
func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.accept:
		return conn, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (m *memory) Close() error {
	m.closeOnce.Do(func() { close(m.closed) })
	return nil
}

// Addr implements [net.Listener].
func (m *memory) Addr() net.Addr { return memoryAddr{} }

// dial connects the server's own client, as its DialContext.
func (m *memory) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address != memoryAddress {
		return nil, fmt.Errorf("githubapptest: dial %s: the client of a server in memory reaches %s alone", address, memoryAddress)
	}
	client, server := net.Pipe()
	select {
	case m.accept <- server:
		return client, nil
	case <-m.closed:
		return nil, &net.OpError{Op: "dial", Net: network, Addr: m.Addr(), Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "tcp" }
func (memoryAddr) String() string  { return memoryAddress }
