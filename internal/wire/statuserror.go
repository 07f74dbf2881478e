package wire

// StatusError is the cause of an error that is made of an answer's status. The
// code of that error says what it means to a caller; who asks again has to know
// whether it was the endpoint that answered.
type StatusError struct {
	Status int
	JSON   bool   // as all that the endpoint says is; a page is of something in between
	Text   string // nothing of the answer's body
}

// Error returns the text.
func (e *StatusError) Error() string { return e.Text }
