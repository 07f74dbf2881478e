package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFile bounds what is read from disk; a token has at most 32 KiB.
const maxFile = 64 << 10

// disk keeps the record and the renewed bearer of one workspace in a folder that nobody else can look into. The nil
// disk keeps nothing. What can't be kept is fetched again, so that no failure of it is anybody's error.
type disk struct {
	root *os.Root
	key  string
}

var errNoDisk = errors.New("workspace: there is no safe folder to keep anything in")

// openDisk is the disk for what subject gets from url; nil where there is no safe folder. Workspaces that share a
// folder keep apart by their keys.
func openDisk(getenv func(string) string, url, subject string) *disk {
	root, err := openFolder(getenv)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256([]byte(url + "\x00" + subject))
	return &disk{root: root, key: hex.EncodeToString(sum[:16])}
}

func (d *disk) close() {
	if d != nil {
		d.root.Close()
	}
}

// load is what was saved last, or the zero record.
func (d *disk) load() record {
	if d == nil {
		return record{}
	}
	r, _ := decodeRecord(d.read(d.key+".json"), d.key)
	return r
}

// save replaces the record. The caller holds the lock.
func (d *disk) save(r record) error {
	if d == nil {
		return errNoDisk
	}
	content, err := r.encode(d.key)
	if err != nil {
		return err
	}
	return d.replace(d.key+".json", content)
}

// loadBearer is the bearer that was saved last, or "".
func (d *disk) loadBearer() string {
	if d == nil {
		return ""
	}
	return string(d.read(d.key + ".bearer"))
}

// saveBearer replaces the bearer. The caller holds the lock.
func (d *disk) saveBearer(bearer string) error {
	if d == nil {
		return errNoDisk
	}
	return d.replace(d.key+".bearer", []byte(bearer))
}

// read is the content of a file that is safe to trust; nil for any other, which the next replace does away with.
func (d *disk) read(name string) []byte {
	content, err := readPrivate(d.root, name)
	if err != nil {
		return nil
	}
	return content
}

// readPrivate is the content of a plain file of ours with no rights for others. An unsafeError says what else it is.
func readPrivate(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, unsafeError("isn't a plain file")
	}
	if err := private(info); err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, unsafeError("was exchanged while it was opened")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = unsafeError("is too large")
	}
	return content, err
}

// unsafeError says why a file or folder isn't trusted: the end of a sentence that begins with its name.
type unsafeError string

func (e unsafeError) Error() string { return string(e) }

// private is the error for what somebody else may look into or change.
func private(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return unsafeError(fmt.Sprintf("has rights %#o, so that it isn't for its owner alone", mode))
	}
	if !ownedByUs(info) {
		return unsafeError("belongs to another user")
	}
	return nil
}

// replace puts a file with content in the place of whatever has the name. Only the holder of the lock writes, hence one
// name for the file in the making.
func (d *disk) replace(name string, content []byte) error {
	return replaceIn(d.root, d.key+".new", name, content)
}

// replaceIn writes content to a file in the making and puts that in the place of whatever has the name, so that a reader
// sees the old or the new one whole. It doesn't wait for the disk: what a power cut takes away is fetched or renewed again.
func replaceIn(root *os.Root, making, name string, content []byte) error {
	if err := root.RemoveAll(making); err != nil {
		return err
	}
	file, err := root.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(making, name)
	}
	if err != nil && isDir(root, name) {
		err = errors.Join(root.RemoveAll(name), root.Rename(making, name))
	}
	if err != nil {
		_ = root.Remove(making)
	}
	return err
}

func isDir(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeDir != 0
}
