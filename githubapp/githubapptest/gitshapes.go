package githubapptest

import "cmp"

// api returns the API's URL of what is below the repository's.
func (c *call) api(below string) string { return c.links.api + "/repos/" + c.repo.fullName() + below }

// html returns the URL of a page of the repository's.
func (c *call) html(below string) string { return c.links.html + "/" + c.repo.fullName() + below }

// refJSON returns GitHub's git ref.
func (c *call) refJSON(r ref) map[string]any {
	return map[string]any{
		"ref": r.name, "node_id": nodeID("REF", c.repo.id, r.name), "url": c.api("/git/" + r.name),
		"object": map[string]string{"type": r.kind, "sha": r.object, "url": c.api("/git/" + r.kind + "s/" + r.object)},
	}
}

// gitCommitJSON returns GitHub's git commit, which comes with a change of contents.
func (c *call) gitCommitJSON(info commitInfo) map[string]any {
	out := c.commitData(info)
	out["sha"], out["node_id"] = info.id, nodeID("C", c.repo.id, info.id)
	out["url"], out["html_url"] = c.api("/git/commits/"+info.id), c.html("/commit/"+info.id)
	out["parents"] = c.parents(info, "/git/commits/")
	return out
}

// commitJSON returns GitHub's commit.
func (c *call) commitJSON(info commitInfo) map[string]any {
	data := c.commitData(info)
	data["url"], data["comment_count"] = c.api("/git/commits/"+info.id), 0
	self := c.api("/commits/" + info.id)
	return map[string]any{
		"sha": info.id, "node_id": nodeID("C", c.repo.id, info.id), "url": self, "html_url": c.html("/commit/" + info.id),
		"comments_url": self + "/comments", "commit": data, "parents": c.parents(info, "/commits/"),
		"author": c.account(info.author), "committer": c.account(info.committer),
	}
}

func (c *call) commitData(info commitInfo) map[string]any {
	person := func(s signature) map[string]string {
		return map[string]string{"name": s.name, "email": s.email, "date": timestamp(s.at)}
	}
	return map[string]any{
		"author": person(info.author), "committer": person(info.committer), "message": info.message,
		"tree":         map[string]string{"sha": info.tree, "url": c.api("/git/trees/" + info.tree)},
		"verification": map[string]any{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}
}

func (c *call) parents(info commitInfo, at string) []map[string]string {
	list := []map[string]string{} // never null
	for _, id := range info.parents {
		list = append(list, map[string]string{"sha": id, "url": c.api(at + id), "html_url": c.html("/commit/" + id)})
	}
	return list
}

// account returns the account that a signature belongs to, null where the
// server knows none.
func (c *call) account(s signature) any {
	login, accountType := c.session.actor()
	switch {
	case s.email == noreply(login):
		return c.links.account(login, accountType)
	case s.email == noreply(c.session.bot):
		return c.links.account(c.session.bot, "Bot")
	case s.email == webFlow(s.at).email:
		return c.links.account("web-flow", "User")
	}
	for _, login := range c.server.logins() {
		if s.email == noreply(login) {
			return c.links.account(login, "User")
		}
	}
	return nil
}

// actor returns the account in whose name the call is made.
func (c *call) actor() map[string]any { return c.links.account(c.session.actor()) }

// author is who the commits of the call are by.
func (c *call) author() signature {
	login, _ := c.session.actor()
	name := login
	if c.session.user != nil {
		name = cmp.Or(c.session.user.Name, login)
	}
	return signature{name, noreply(login), c.server.Now()}
}
