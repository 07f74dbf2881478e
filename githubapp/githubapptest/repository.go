package githubapptest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	validOwner = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$`)
	validName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// repository is one that the server has. It is immutable: a change replaces it.
type repository struct {
	id          int64
	owner, name string
	dir         string // of the bare repository, below gitRoot; "" when only the API has it
	createdAt   time.Time
}

func (r *repository) fullName() string { return r.owner + "/" + r.name }

// checkFullName refuses what GitHub would not have as owner/name. It also keeps
// names inside the root.
func checkFullName(fullName string) error {
	owner, name, ok := strings.Cut(fullName, "/")
	switch {
	case !ok || !validOwner.MatchString(owner) || !validName.MatchString(name):
		return fmt.Errorf("repository %q: want owner/name of letters, digits, '-', and in the name '.' and '_'", fullName)
	case name == "." || name == ".." || strings.HasSuffix(strings.ToLower(name), ".git"):
		return fmt.Errorf("repository %q: GitHub has no repository of that name", fullName)
	}
	return nil
}

// AddRepository adds the private repository fullName (owner/name) with an
// initial commit on its branch main, which holds a README.md, and returns the
// URL under which git clones it. It needs the real git and its http-backend.
func (s *Server) AddRepository(fullName string) (gitURL string, err error) {
	if err := checkFullName(fullName); err != nil {
		return "", fmt.Errorf("githubapptest: %w", err)
	}
	if _, err := s.gitTools(); err != nil {
		return "", fmt.Errorf("githubapptest: %w", err)
	}
	owner, name, _ := strings.Cut(fullName, "/")
	dir, err := initialize(s.gitRoot, owner, name)
	if err != nil {
		return "", fmt.Errorf("githubapptest: make the repository %q: %w", fullName, err)
	}
	added, ok := s.storeRepository(fullName, dir)
	if !ok {
		_ = os.RemoveAll(filepath.Join(s.gitRoot, dir))
		return "", fmt.Errorf("githubapptest: repository %q was added before", fullName)
	}
	return s.URL + "/" + added.fullName() + ".git", nil
}

// storeRepository gives the repository its folder; false when it has one.
func (s *Server) storeRepository(fullName, dir string) (*repository, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositoryNamed(fullName)
	if r.dir != "" {
		return nil, false
	}
	added := *r
	added.dir = dir
	s.repositories[r.id] = &added
	return &added, true
}

// RepositoryDir returns the folder of the bare repository that
// [Server.AddRepository] made, by its present or a former name: for a look into
// it, or a hook. It is "" when there is none.
func (s *Server) RepositoryDir(fullName string) string {
	r, _, err := s.repositoryByName(fullName)
	if err != nil || r.dir == "" {
		return ""
	}
	return filepath.Join(s.gitRoot, r.dir)
}

// RenameRepository renames a repository or moves it to another owner. As on
// GitHub its id stays, the API redirects the old name to it, and so does git.
func (s *Server) RenameRepository(oldName, newName string) error {
	if err := checkFullName(newName); err != nil {
		return fmt.Errorf("githubapptest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.lookUp(oldName)
	if !ok {
		return fmt.Errorf("githubapptest: there is no repository %q to rename", oldName)
	}
	if other, ok := s.lookUp(newName); ok && other.id != r.id && strings.EqualFold(other.fullName(), newName) {
		return fmt.Errorf("githubapptest: rename %q: there is a repository %q already", oldName, newName)
	}
	renamed := *r
	renamed.owner, renamed.name, _ = strings.Cut(newName, "/")
	s.repositories[r.id] = &renamed
	s.names[strings.ToLower(newName)] = r.id
	return nil
}

var errUnknownRepository = errors.New("no such repository")

// repositoryByName finds a repository by its present or a former name, in any
// case of letters.
func (s *Server) repositoryByName(fullName string) (r *repository, moved bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.lookUp(fullName)
	if !ok {
		return nil, false, errUnknownRepository
	}
	return r, !strings.EqualFold(r.fullName(), fullName), nil
}

// repositoryByID finds a repository by its id.
func (s *Server) repositoryByID(id int64) (*repository, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.repositories[id]
	return r, ok
}

// repositoriesOf returns those that an installation covers, in the order of
// their ids.
func (s *Server) repositoriesOf(i *installation) []*repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*repository
	for _, r := range s.repositories {
		if i.reaches(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *repository) int { return cmp.Compare(a.id, b.id) })
	return found
}

// lookUp finds a repository by any of its names. s.mu is held.
func (s *Server) lookUp(fullName string) (*repository, bool) {
	id, ok := s.names[strings.ToLower(fullName)]
	return s.repositories[id], ok
}

// repositoryNamed finds a repository by its present name or lets the API have
// it from now on. s.mu is held.
func (s *Server) repositoryNamed(fullName string) *repository {
	if r, ok := s.lookUp(fullName); ok && strings.EqualFold(r.fullName(), fullName) {
		return r
	}
	s.nextID++
	owner, name, _ := strings.Cut(fullName, "/")
	r := &repository{id: s.nextID, owner: owner, name: name, createdAt: time.Now().Add(s.clockOffset)}
	s.repositories[r.id] = r
	s.names[strings.ToLower(fullName)] = r.id
	return r
}
