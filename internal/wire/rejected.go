package wire

// RejectedHeader is a request header of the endpoint: the TokenSHA256 of a token
// that git or an API refused, one line for each.
const RejectedHeader = "Provisionkit-Rejected"

// MaxRejected is how many refused tokens a request tells of: the last ones, the
// newest first. Each replica of a platform can have a dead token of its own.
const MaxRejected = 16
