package main

// exemption is something that isn't judged until the library is better. Once it
// is deleted, it is judged.
type exemption struct {
	what     string                          // isn't judged
	remedy   string                          // the piece of work that brings it
	concerns func(f fault, o operation) bool // o may fail for f
}

var unjudged = []exemption{
	{
		what:   "git without a token while its only replica restarts: the helper asks once",
		remedy: "a workspace without state",
		concerns: func(f fault, o operation) bool {
			return f.kind == endpoint && f.only(o) && (o.what == cloning || o.what == fetching || o.what == pushing)
		},
	},
}

// listed returns what isn't judged in which o may fail for f; "" for none.
func listed(f fault, o operation) string {
	for _, item := range unjudged {
		if item.concerns(f, o) {
			return item.what
		}
	}
	return ""
}
