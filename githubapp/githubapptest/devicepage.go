package githubapptest

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
)

var devicePage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<title>Device activation</title>
<h1>Enter the code that your device shows</h1>
{{with .Message}}<p>{{.}}</p>
{{end}}<form method="post" action="/login/device">
<p><label>Code <input name="user_code" value="{{.UserCode}}"></label>
<p><label>You are <select name="login">{{range .Logins}}<option>{{.}}</option>{{end}}</select></label>
<p><button name="answer" value="approve">Authorize</button> <button name="answer" value="deny">Cancel</button>
</form>
`))

// showDevicePage answers GET /login/device, where a person enters the code of a
// device. There are no sessions here, so the page asks who the person is.
func (s *Server) showDevicePage(w http.ResponseWriter, r *http.Request) {
	s.writeDevicePage(w, http.StatusOK, r.URL.Query().Get("user_code"), "")
}

// submitDevicePage takes the page's form: user_code, login, and the answer
// approve or deny.
func (s *Server) submitDevicePage(w http.ResponseWriter, r *http.Request) {
	form, _ := url.ParseQuery(string(exchangeOf(r).body))
	code := form.Get("user_code")
	var err error
	if form.Get("answer") == "deny" {
		err = s.Deny(code)
	} else {
		err = s.Approve(code, form.Get("login"))
	}
	if err != nil {
		s.writeDevicePage(w, http.StatusUnprocessableEntity, code, err.Error())
		return
	}
	s.writeDevicePage(w, http.StatusOK, "", "Your answer has reached the device.")
}

func (s *Server) writeDevicePage(w http.ResponseWriter, status int, userCode, message string) {
	writePage(w, status, devicePage, map[string]any{"UserCode": userCode, "Message": message, "Logins": s.logins()})
}

func writePage(w http.ResponseWriter, status int, page *template.Template, data any) {
	var body bytes.Buffer
	if err := page.Execute(&body, data); err != nil {
		panic("githubapptest: write a page: " + err.Error())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}
