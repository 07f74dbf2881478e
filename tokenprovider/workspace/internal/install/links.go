package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/molecule-ai/provisionkit/tokenprovider/gitcredential"
	"github.com/molecule-ai/provisionkit/tokenprovider/workspace/internal/self"
)

// linking is what install does in a folder: it makes links to the command, or
// copies of it on Windows, where links take rights that few have.
type linking struct {
	dir     string
	program string
	names   []string // of the links that have to be made
	staged  string   // folder in dir where they are until commit
}

// stageLinks makes what is missing of the links to program, out of sight.
func stageLinks(dir, program string) (*linking, error) {
	l := &linking{dir: dir, program: program}
	for _, link := range self.Links() {
		name := link.Name + filepath.Ext(program) // .exe on Windows
		switch free, err := l.isFree(name); {
		case err != nil:
			return nil, err
		case free:
			l.names = append(l.names, name)
		}
	}
	if len(l.names) == 0 {
		return l, nil
	}
	staged, err := os.MkdirTemp(dir, ".provisionkit-")
	if err != nil {
		return nil, fmt.Errorf("%s can't be written to, "+
			"name another folder with --dir or run this as its owner: %w", dir, err)
	}
	l.staged = staged
	for _, name := range l.names {
		if err := l.link(filepath.Join(staged, name)); err != nil {
			l.discard()
			return nil, err
		}
	}
	return l, nil
}

// isFree reports whether a link of that name is to be made. It isn't where
// there is one already; what is there and isn't this command, in whatever
// version, is an error.
func (l *linking) isFree(name string) (bool, error) {
	path := filepath.Join(l.dir, name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if self.Same(path, l.program) || runtime.GOOS == "windows" && sameContent(path, l.program) {
		return false, nil
	}
	if info.IsDir() || !self.Is(path) && !isLeftBehind(path) {
		return false, fmt.Errorf("%s is there and isn't this program: "+
			"name a folder with --dir that stands before %s on the PATH", path, l.dir)
	}
	return true, nil
}

// sameContent reports whether a is a copy of b: on Windows one that is up to
// date is left alone, since a program that runs can't be replaced.
func sameContent(a, b string) bool {
	contentA, errA := os.ReadFile(a)
	contentB, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(contentA, contentB)
}

// isLeftBehind reports whether path is a link to this command where it is no
// more.
func isLeftBehind(path string) bool {
	target, err := os.Readlink(path)
	if err != nil || self.Name(target) != gitcredential.DefaultCommand {
		return false
	}
	_, err = os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// link makes one link, or copy.
func (l *linking) link(path string) error {
	if runtime.GOOS == "windows" {
		content, err := os.ReadFile(l.program)
		if err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o755)
	}
	target := l.program
	if filepath.Dir(target) == l.dir {
		target = filepath.Base(target) // the folder can then be copied elsewhere
	}
	return os.Symlink(target, path)
}

// commit puts the links where they belong, and returns what it did.
func (l *linking) commit() (done []string, err error) {
	for _, name := range l.names {
		path := filepath.Join(l.dir, name)
		if err := os.Rename(filepath.Join(l.staged, name), path); err != nil {
			return done, err
		}
		done = append(done, fmt.Sprintf("%s is now this program", path))
	}
	if len(l.names) == 0 {
		done = append(done, "the links in "+l.dir+" are there already")
	}
	return done, nil
}

// discard removes what was staged.
func (l *linking) discard() {
	if l.staged != "" {
		os.RemoveAll(l.staged)
	}
}
