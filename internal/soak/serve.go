package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// freeAddr returns a port of its own on loopback.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// start lets the endpoint and the gateway serve.
func (r *replica) start() error {
	endpoint, err := listen(r.addr)
	if err != nil {
		return err
	}
	behind, err := listen(r.gatewayAddr)
	if err != nil {
		_ = endpoint.Close()
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serve(endpoint, r.mux)
	r.serve(tls.NewListener(behind, r.certificate), r.gateway)
	return nil
}

// listen takes the address, which may have been let go of a moment ago.
func listen(addr string) (net.Listener, error) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		listener, err := net.Listen("tcp", addr)
		if err == nil {
			return listener, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("start the replica again: %w", err)
		}
	}
}

func (r *replica) serve(listener net.Listener, handler http.Handler) {
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
	r.servers = append(r.servers, server)
	r.served.Go(func() { _ = server.Serve(listener) })
}

// stop ends both, and whatever they are serving, as when a process dies.
func (r *replica) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, server := range r.servers {
		_ = server.Close()
	}
	r.servers = nil
	r.served.Wait()
}
