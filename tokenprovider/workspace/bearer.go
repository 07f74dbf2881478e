package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/tokenhttp"
)

// bearer is the credential that the workspace authenticates with: the one that was configured, or what it was renewed
// to. It is read again at each call.
type bearer struct {
	file   string // one of the two is set
	inline secret
	disk   *disk

	mu      sync.Mutex
	refused secret // the bearer that the platform refused last
}

// credential is one bearer, and what it says about itself if it is a JWT. Nothing here verifies it: that is the
// platform's part.
type credential struct {
	value     secret
	subject   string // for a bearer that isn't a JWT, its digest
	issuedAt  time.Time
	expiresAt time.Time
}

func parseCredential(value string) credential {
	c := credential{value: newSecret(value)}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(value, &claims); err != nil || claims.Subject == "" {
		sum := sha256.Sum256([]byte(value))
		c.subject = "sha256:" + hex.EncodeToString(sum[:])
		return c
	}
	c.subject = "sub:" + claims.Subject
	if claims.IssuedAt != nil {
		c.issuedAt = claims.IssuedAt.Time
	}
	if claims.ExpiresAt != nil {
		c.expiresAt = claims.ExpiresAt.Time
	}
	return c
}

// needsRenewal reports whether half of its life is over, of which there is no telling without both ends.
func (c credential) needsRenewal(now time.Time) bool {
	if c.issuedAt.IsZero() || c.expiresAt.IsZero() {
		return false
	}
	return now.After(c.issuedAt.Add(c.expiresAt.Sub(c.issuedAt) / 2))
}

// expired reports whether it is known to be over.
func (c credential) expired(now time.Time) bool {
	return !c.expiresAt.IsZero() && !now.Before(c.expiresAt)
}

// succeeds reports whether c is a newer bearer of the same workspace.
func (c credential) succeeds(old credential) bool {
	return c.subject == old.subject && c.issuedAt.After(old.issuedAt) && !c.expiresAt.Before(old.expiresAt)
}

var _ interface {
	tokenprovider.TokenProvider
	tokenprovider.Invalidator
} = (*bearer)(nil)

// Token is the newest bearer there is. Whether it has expired is for the platform's clock to say, so that it is given
// out as one without a known expiry.
func (b *bearer) Token(ctx context.Context) (string, time.Time, error) {
	c, err := b.current(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	return c.value.reveal(), time.Time{}, nil
}

// Invalidate notes that the platform refused value: if that is a renewed bearer, the configured one is tried. It stays
// on disk, since a platform that is in trouble itself refuses good ones too.
func (b *bearer) Invalidate(value string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = newSecret(value)
	return true
}

func (b *bearer) isRefused(value string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused.is(value)
}

// current is the configured bearer or, if it is newer, the one that it was renewed to.
func (b *bearer) current(ctx context.Context) (credential, error) {
	c, err := b.configured(ctx)
	if err != nil {
		return credential{}, err
	}
	if kept := b.disk.loadBearer(); kept != "" && !b.isRefused(kept) {
		if k := parseCredential(kept); k.succeeds(c) {
			return k, nil
		}
	}
	return c, nil
}

// configured is the bearer that the platform gave to the workspace.
func (b *bearer) configured(ctx context.Context) (credential, error) {
	if b.file == "" {
		return parseCredential(b.inline.reveal()), nil
	}
	if info, err := os.Stat(b.file); err == nil && !info.Mode().IsRegular() {
		// A pipe would have git wait for whoever writes to it.
		return credential{}, fmt.Errorf("%s must be a regular file", tokenhttp.EnvBearerFile)
	}
	value, _, err := tokenprovider.File(b.file).Token(ctx)
	if err != nil {
		return credential{}, fmt.Errorf("%s: %w", tokenhttp.EnvBearerFile, err)
	}
	return parseCredential(value), nil
}

// canKeep reports whether there is any place for a renewed bearer.
func (b *bearer) canKeep() bool {
	_, err := replaceable(b.file)
	return err == nil || b.disk != nil
}

// replace keeps what the bearer was renewed to: in the file of the configured one if that can be replaced, else beside
// the cache. One that isn't newer by now, or for another workspace, is dropped. The caller holds the lock.
func (b *bearer) replace(ctx context.Context, renewed string) {
	used, err := b.current(ctx)
	if err != nil || !parseCredential(renewed).succeeds(used) {
		return
	}
	if replaceFile(b.file, renewed+"\n") != nil {
		_ = b.disk.saveBearer(renewed)
	}
}

// replaceable is what there is to know of a plain, writable file of ours. A link isn't replaced: what writes the file
// that it leads to will write that again.
func replaceable(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 || !ownedByUs(info)) {
		err = fs.ErrPermission
	}
	return info, err
}

// replaceFile puts content into the place of a replaceable file in one step, with the same rights.
func replaceFile(path, content string) (err error) {
	info, err := replaceable(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".bearer-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Chmod(info.Mode().Perm()), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
