package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Tellable returns err when its text is known to hold nothing that the other
// side sent. net/http quotes what it couldn't parse of an answer.
func Tellable(err error) error {
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var proxy *ProxyRefusal
	switch {
	case errors.As(err, &network) && network.Timeout(): // net/http has three texts for one time-out
		return fmt.Errorf("no answer in time: %w", err)
	case errors.Is(err, context.Canceled), errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &network), errors.As(err, &certificate), errors.As(err, &notTLS), errors.As(err, &proxy):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the answer broke off")
	}
	return errors.New("no usable answer")
}
