package testutil

import "net"

// Pipes is a listener of connections in memory, which hold nothing back: for
// servers in a bubble of synctest. It is made with make, and a connection that is
// sent to it is accepted.
type Pipes chan net.Conn

// Accept implements [net.Listener].
func (p Pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

// Close implements [net.Listener].
func (p Pipes) Close() error { close(p); return nil }

// Addr implements [net.Listener].
func (p Pipes) Addr() net.Addr { return &net.TCPAddr{} }
