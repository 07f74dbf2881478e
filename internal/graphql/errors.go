package graphql

// Error is one of an answer's errors. A field's is null then, or what is around
// it where null isn't allowed.
type Error struct {
	Type       string         `json:"type,omitempty"` // GitHub's own: NOT_FOUND, FORBIDDEN
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
	Locations  []Location     `json:"locations,omitempty"`
	Message    string         `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// mistake returns an error that a query has before it runs. details are pairs
// of a name and a value.
func mistake(at Location, path []any, code, message string, details ...any) *Error {
	e := &Error{Path: path, Locations: []Location{at}, Message: message, Extensions: map[string]any{"code": code}}
	for n := 0; n < len(details); n += 2 {
		e.Extensions[details[n].(string)] = details[n+1]
	}
	return e
}
