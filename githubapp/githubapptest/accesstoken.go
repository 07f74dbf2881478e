package githubapptest

import "net/url"

// deviceGrant is the device flow's grant type (RFC 8628, section 3.4).
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// exchangeForToken answers POST /login/oauth/access_token. The device flow, and
// a refresh of what it brought, take no client secret, but a wrong one is
// refused.
func (s *Server) exchangeForToken(asked url.Values) (any, *signInError) {
	client, a, ok := s.signInClient(asked)
	if !ok {
		return nil, errClientCredentials
	}
	var given grantJSON
	var refusal *signInError
	switch asked.Get("grant_type") {
	case deviceGrant:
		if client.secret != "" && !client.proves(a) {
			return nil, errClientCredentials
		}
		given, refusal = s.pollDevice(a, asked.Get("device_code"))
	case "refresh_token":
		given, refusal = s.refresh(a, client, asked.Get("refresh_token"))
	case "", "authorization_code":
		if !client.proves(a) {
			return nil, errClientCredentials
		}
		given, refusal = s.redeem(a, asked)
	default:
		refusal = errGrantType
	}
	if refusal != nil {
		return nil, refusal
	}
	return given, nil
}
