// Package wire has the small rules of what goes over a wire or into a workspace,
// each at one place: what a token and a bearer may look like, what loopback is,
// how Retry-After is read and written, when a token is dead, what an address must
// be for a bearer to be sent there, how an answer of ours is written, and the names
// of the variables that a workspace finds its platform by.
package wire
