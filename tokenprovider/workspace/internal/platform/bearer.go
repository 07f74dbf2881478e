package platform

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
	"github.com/molecule-ai/provisionkit/internal/secret"
	"github.com/molecule-ai/provisionkit/internal/wire"
	"github.com/molecule-ai/provisionkit/tokenprovider"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/config"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/safefile"
)

// Bearer is the credential that the workspace authenticates with: the one that
// was configured, or what it was renewed to. It is read again at each call.
type Bearer struct {
	file   string // one of the two is set
	inline secret.Of[string]
	disk   *Disk

	mu      sync.Mutex
	refused secret.Of[string] // the bearer that the platform refused last
}

// OpenBearer opens the bearer of e, whose URL may be missing. Close it.
func OpenBearer(ctx context.Context, getenv func(string) string, e config.Endpoint) (*Bearer, error) {
	b := &Bearer{file: e.BearerFile, inline: e.Bearer}
	configured, err := b.Configured(ctx)
	if err != nil {
		return nil, err
	}
	b.disk = openDisk(getenv, e.URL, configured.Subject)
	return b, nil
}

// Close lets go of the disk.
func (b *Bearer) Close() { b.disk.close() }

// Credential is one bearer, and what it says about itself if it is a JWT.
// Nothing here verifies it: that is the platform's part.
type Credential struct {
	Value     secret.Of[string]
	Subject   string // "sub:" and that of a JWT, or the digest of what is none
	IssuedAt  time.Time
	ExpiresAt time.Time
}

func parseCredential(value string) Credential {
	c := Credential{Value: secret.New(value)}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(value, &claims); err != nil || claims.Subject == "" {
		sum := sha256.Sum256([]byte(value))
		c.Subject = "sha256:" + hex.EncodeToString(sum[:])
		return c
	}
	c.Subject = "sub:" + claims.Subject
	if claims.IssuedAt != nil {
		c.IssuedAt = claims.IssuedAt.Time
	}
	if claims.ExpiresAt != nil {
		c.ExpiresAt = claims.ExpiresAt.Time
	}
	return c
}

// needsRenewal reports whether half of its life is over, of which there is no
// telling without both ends.
func (c Credential) needsRenewal(now time.Time) bool {
	if c.IssuedAt.IsZero() || c.ExpiresAt.IsZero() {
		return false
	}
	return now.After(c.IssuedAt.Add(c.ExpiresAt.Sub(c.IssuedAt) / 2))
}

// Expired reports whether it is known to be over.
func (c Credential) Expired(now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// succeeds reports whether c is a newer bearer of the same workspace.
func (c Credential) succeeds(old Credential) bool {
	return c.Subject == old.Subject && c.IssuedAt.After(old.IssuedAt) && !c.ExpiresAt.Before(old.ExpiresAt)
}

var _ interface {
	tokenprovider.TokenProvider
	tokenprovider.Invalidator
} = (*Bearer)(nil)

// Token is the newest bearer there is. Whether it has expired is for the
// platform's clock to say, so that it is given out as one without a known
// expiry.
func (b *Bearer) Token(ctx context.Context) (string, time.Time, error) {
	c, err := b.Current(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	return c.Value.Reveal(), time.Time{}, nil
}

// Invalidate notes that the platform refused value: if that is a renewed
// bearer, the configured one is tried. It stays on disk, since a platform that
// is in trouble itself refuses good ones too.
func (b *Bearer) Invalidate(value string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = secret.New(value)
	return true
}

func (b *Bearer) isRefused(value string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return matches(b.refused, value)
}

// Current returns the configured bearer or, if it is newer, the one that it was
// renewed to.
func (b *Bearer) Current(ctx context.Context) (Credential, error) {
	c, err := b.Configured(ctx)
	if err != nil {
		return Credential{}, err
	}
	if kept := b.disk.loadBearer(); kept != "" && !b.isRefused(kept) {
		if k := parseCredential(kept); k.succeeds(c) {
			return k, nil
		}
	}
	return c, nil
}

// Configured returns the bearer that the platform gave to the workspace.
func (b *Bearer) Configured(ctx context.Context) (Credential, error) {
	if b.file == "" {
		return parseCredential(b.inline.Reveal()), nil
	}
	if info, err := os.Stat(b.file); err == nil && !info.Mode().IsRegular() {
		// A pipe would have git wait for whoever writes to it.
		return Credential{}, fmt.Errorf("%s must be a regular file", wire.EnvBearerFile)
	}
	value, _, err := tokenprovider.File(b.file).Token(ctx)
	if err != nil {
		return Credential{}, fmt.Errorf("%s: %w", wire.EnvBearerFile, err)
	}
	return parseCredential(value), nil
}

// canKeep reports whether there is any place for a renewed bearer.
func (b *Bearer) canKeep() bool {
	_, err := replaceable(b.file)
	return err == nil || b.disk != nil
}

// replace keeps what the bearer was renewed to: in the file of the configured
// one if that can be replaced, else beside the cache. One that isn't newer by
// now, or for another workspace, is dropped. The caller holds the lock.
func (b *Bearer) replace(ctx context.Context, renewed string) {
	used, err := b.Current(ctx)
	if err != nil || !parseCredential(renewed).succeeds(used) {
		return
	}
	if replaceFile(b.file, renewed+"\n") != nil {
		_ = b.disk.saveBearer(renewed)
	}
}

// replaceable is what there is to know of a plain, writable file of ours. A
// link isn't replaced: what writes the file that it leads to will write that
// again.
func replaceable(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 || !safefile.Owned(info)) {
		err = fs.ErrPermission
	}
	return info, err
}

// replaceFile puts content into the place of a replaceable file in one step,
// with the same rights.
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
