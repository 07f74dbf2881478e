package githubapptest

import "fmt"

// session is a live token with what it acts through: the installation that it
// was minted for or, where it is a user's, all of the app's that aren't
// suspended.
type session struct {
	token         token
	installations []*installation
	user          *User // nil: an installation token
	bot           string
}

// session finds the caller's live token, or the error that GitHub gives for
// another one.
func (s *Server) session(c caller) (session, *apiError) {
	if c.scheme == "" {
		return session{}, errNoCredentials
	}
	t, ok := s.tokenByHash(c.hash)
	if !ok || t.revoked || t.refused || t.expired(s.Now()) {
		return session{}, errBadCredentials
	}
	found := session{token: t, bot: s.botName(t.appID)}
	if t.login != "" {
		if found.user, ok = s.userNamed(t.login); !ok {
			return session{}, errBadCredentials
		}
		for _, i := range s.installationsOf(t.appID) {
			if i.suspendedAt.IsZero() {
				found.installations = append(found.installations, i)
			}
		}
	} else {
		i, ok := s.installation(t.installationID, t.appID)
		if !ok {
			return session{}, errBadCredentials
		}
		found.installations = []*installation{i}
	}
	if s.propagating(&t) {
		if t.narrowed {
			return session{}, errNotAccessible
		}
		return session{}, errBadCredentials
	}
	if found.user == nil && !found.installations[0].suspendedAt.IsZero() {
		return session{}, errSuspended
	}
	return found, nil
}

// installation returns the one of an installation token.
func (s *session) installation() *installation { return s.installations[0] }

// through returns the installation by which the session reaches the repository,
// nil when it doesn't.
func (s *session) through(r *repository) *installation {
	if s.user != nil && s.user.level(r) == "" {
		return nil
	}
	for _, i := range s.installations {
		if s.token.reaches(i, r) {
			return i
		}
	}
	return nil
}

func (s *session) reaches(r *repository) bool { return s.through(r) != nil }

// may tells whether the session has the permission for the repository at that
// level: a user's token where both the user and the installation have it.
func (s *session) may(r *repository, permission, level string) bool {
	i := s.through(r)
	switch {
	case i == nil:
		return false
	case s.user != nil:
		return s.user.may(r, permission, level) && includes(i.Permissions[permission], level)
	}
	return s.token.may(i, permission, level)
}

// actor returns the account in whose name the session acts, and its type.
func (s *session) actor() (login, accountType string) {
	if s.user != nil {
		return s.user.Login, "User"
	}
	return s.bot, "Bot"
}

// noreply returns the address by which a commit is an account's.
func noreply(login string) string {
	return fmt.Sprintf("%d+%s@users.noreply.github.com", accountID(login), login)
}
