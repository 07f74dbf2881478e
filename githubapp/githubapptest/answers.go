package githubapptest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer is what the server would have answered, for a function of [Edit] to
// change.
type Answer struct {
	Status int
	Header http.Header // a name with a nil value is left out, Date too
	Body   []byte
}

// Edit lets the request be served and changes the answer by edit.
// Content-Length is set to the length of the new body.
func Edit(edit func(r *http.Request, a *Answer)) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(w, r, next)
		edit(r, a)
		if len(a.Body) > 0 || a.Header.Get("Content-Length") != "" {
			a.Header.Set("Content-Length", strconv.Itoa(len(a.Body)))
		}
		a.writeHeader(w)
		_, _ = w.Write(a.Body)
	}
}

// SetHeader lets the request be served and sets a header of the answer, for
// instance Link.
func SetHeader(name, value string) Fault {
	return Edit(func(_ *http.Request, a *Answer) { a.Header.Set(name, value) })
}

// NoDate lets the request be served and leaves out the header Date.
var NoDate Fault = Edit(func(_ *http.Request, a *Answer) { a.Header["Date"] = nil })

// DateOffset lets the request be served and sets the answer's Date to a clock
// that is ahead of the server's by that much, or behind if it is negative, like
// that of a proxy that replaces GitHub's Date.
func DateOffset(ahead time.Duration) Fault {
	return Edit(func(r *http.Request, a *Answer) {
		a.Header.Set("Date", exchangeOf(r).server.Now().Add(ahead).UTC().Format(http.TimeFormat))
	})
}

// SetField lets the request be served and sets a member of the JSON object that
// is the answer; a nil value is null.
func SetField(name string, value any) Fault {
	return editObject(func(_ *http.Request, object map[string]any) { object[name] = value })
}

// DropField lets the request be served and leaves a member out of the JSON
// object that is the answer.
func DropField(name string) Fault {
	return editObject(func(_ *http.Request, object map[string]any) { delete(object, name) })
}

func editObject(edit func(*http.Request, map[string]any)) Fault {
	return Edit(func(r *http.Request, a *Answer) {
		var object map[string]any
		if json.Unmarshal(a.Body, &object) != nil || object == nil {
			return // an error in another form, which is as bad
		}
		edit(r, object)
		if body, err := json.Marshal(object); err == nil {
			a.Body = body
		}
	})
}

// Body answers with just that, without asking the server.
func Body(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// HTML answers with a page, as the proxies before GitHub do with 502, 503 and
// 504.
func HTML(status int) Fault {
	text := http.StatusText(status)
	return Body(status, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html><head><title>"+text+"</title></head>"+
		"<body><h1>"+text+"</h1><p>The server is currently unable to handle the request.</p></body></html>\n")
}

// Redirect sends the client to target: another server's URL, a path of this
// one, or, when it is "", the URL that was asked for, again and again.
func Redirect(status int, target string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		x := exchangeOf(r)
		to := target
		switch {
		case to == "":
			to = x.server.URL + x.prefix + r.URL.RequestURI()
		case strings.HasPrefix(to, "/"):
			to = x.server.URL + to
		}
		writeRedirect(w, status, to)
	}
}

// Mints that succeed with an answer that a client must not use. A token is
// minted each time.
var (
	MintEmptyObject Fault = Edit(func(_ *http.Request, a *Answer) { a.Body = []byte("{}") })
	MintNull        Fault = Edit(func(_ *http.Request, a *Answer) { a.Body = []byte("null") })
	MintEmptyToken  Fault = SetField("token", "")
	MintNoToken     Fault = DropField("token")
	MintNoExpiry    Fault = DropField("expires_at")
	MintZeroExpiry  Fault = SetField("expires_at", "0001-01-01T00:00:00Z")
	MintPastExpiry  Fault = editObject(func(r *http.Request, object map[string]any) {
		object["expires_at"] = timestamp(exchangeOf(r).server.Now().Add(-time.Hour))
	})

	// MintWiderGrant ignores what was asked for: the token is for all that the
	// installation has, and the answer says so.
	MintWiderGrant Fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Body = http.NoBody
		next.ServeHTTP(w, r)
	}
)

// record has next answer into memory. What is set on w already counts as the
// answer's.
func record(w http.ResponseWriter, r *http.Request, next http.Handler) *Answer {
	recorder := &recorder{Answer{Header: w.Header().Clone()}}
	next.ServeHTTP(recorder, r)
	if recorder.Status == 0 {
		recorder.Status = http.StatusOK
	}
	return &recorder.Answer
}

// writeHeader puts the status and the headers of a in the place of w's.
func (a *Answer) writeHeader(w http.ResponseWriter) {
	clear(w.Header())
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
}

type recorder struct{ Answer }

func (r *recorder) Header() http.Header { return r.Answer.Header }

func (r *recorder) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.Body = append(r.Body, p...)
	return len(p), nil
}
