package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"
)

// What is done to the forge, by whoever injects a fault.

// spoil lets f go wrong until mend.
func (f *forge) spoil(n int, is fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong[n] = is
}

func (f *forge) mend(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.wrong, n)
}

// jump moves the clock.
func (f *forge) jump(d time.Duration) {
	f.jumps.Lock()
	defer f.jumps.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offset += d
	f.SetClockOffset(f.offset)
	f.proofs = append(f.proofs, clock)
}

// rotate replaces the app's key, here and in the platform's file, and takes so long about it.
func (f *forge) rotate(is fault, wait func(time.Duration)) error {
	f.rotations.Lock()
	defer f.rotations.Unlock()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if is.how == overlapping {
		f.RotateKeys(appID, &f.key.PublicKey, &key.PublicKey)
	}
	if is.how == late {
		f.RotateKeys(appID, &key.PublicKey)
		wait(is.lasts)
	}
	if err := f.writeKey(key); err != nil {
		return err
	}
	if is.how == overlapping {
		wait(is.lasts)
	}
	f.RotateKeys(appID, &key.PublicKey)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.key, f.proofs = key, append(f.proofs, rotated)
	return nil
}

// writeKey replaces the platform's file by one with key, at once.
func (f *forge) writeKey(key *rsa.PrivateKey) error {
	content := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(f.keyFile+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(f.keyFile+".new", f.keyFile)
}
