package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/safefile"
)

// Disk keeps the record and the renewed bearer of one workspace in a folder
// that nobody else can look into. The nil Disk keeps nothing. What can't be
// kept is fetched again, so that no failure of it is anybody's error.
type Disk struct {
	root *os.Root
	key  string
}

// ErrNoDisk says that nothing can be kept.
var ErrNoDisk = errors.New("workspace: there is no safe folder to keep anything in")

// openDisk returns the disk for what subject gets from url; nil where there is
// no safe folder. Workspaces that share a folder keep apart by their keys.
func openDisk(getenv func(string) string, url, subject string) *Disk {
	root, err := OpenFolder(getenv)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256([]byte(url + "\x00" + subject))
	return &Disk{root: root, key: hex.EncodeToString(sum[:16])}
}

func (d *Disk) close() {
	if d != nil {
		d.root.Close()
	}
}

// load returns what was saved last, or the zero record.
func (d *Disk) load() record {
	if d == nil {
		return record{}
	}
	r, _ := decodeRecord(d.read(d.key+".json"), d.key)
	return r
}

// save replaces the record. The caller holds the lock.
func (d *Disk) save(r record) error {
	if d == nil {
		return ErrNoDisk
	}
	content, err := r.encode(d.key)
	if err != nil {
		return err
	}
	return d.replace(d.key+".json", content)
}

// loadBearer returns the bearer that was saved last, or "".
func (d *Disk) loadBearer() string {
	if d == nil {
		return ""
	}
	return string(d.read(d.key + ".bearer"))
}

// saveBearer replaces the bearer. The caller holds the lock.
func (d *Disk) saveBearer(bearer string) error {
	if d == nil {
		return ErrNoDisk
	}
	return d.replace(d.key+".bearer", []byte(bearer))
}

// read returns the content of a file that is safe to trust; nil for any other,
// which the next replace does away with.
func (d *Disk) read(name string) []byte {
	content, err := safefile.ReadPrivate(d.root, name)
	if err != nil {
		return nil
	}
	return content
}

// replace puts a file with content in the place of whatever has the name. Only
// the holder of the lock writes, hence one name for the file in the making.
func (d *Disk) replace(name string, content []byte) error {
	return safefile.Replace(d.root, d.key+".new", name, content)
}

// Folder opens a folder of that name beside what is kept of the same workspace,
// and returns its path. It is made anew where it isn't this user's alone.
func (d *Disk) Folder(name string) (root *os.Root, path string, err error) {
	if d == nil {
		return nil, "", ErrNoDisk
	}
	name = d.key + "-" + name
	info, err := d.root.Lstat(name)
	if err == nil && (!info.IsDir() || safefile.Private(info) != nil) {
		if err = d.root.RemoveAll(name); err != nil {
			return nil, "", err
		}
	}
	if err := d.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, "", err
	}
	root, err = d.root.OpenRoot(name)
	return root, filepath.Join(d.root.Name(), name), err
}
