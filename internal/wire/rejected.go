package wire

// How a workspace tells its platform which tokens git or an API refused.
const (
	// RejectedHeader names one by its SHA-256 in base64. There is a line for each,
	// the newest first.
	RejectedHeader = "Provisionkit-Rejected"

	// MaxRejected is how many of them are told, and heard.
	MaxRejected = 16
)
