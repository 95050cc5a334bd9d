// Package tlsconf turns the STARTTLS options of sendmail.cf into configurations of crypto/tls.
//
// It obeys CACertFile, CACertPath, ServerCertFile, ServerKeyFile, ClientCertFile, ClientKeyFile, CipherList and, of ServerSSLOptions and
// ClientSSLOptions, those that choose protocol versions and session tickets; other SSL_OP_ names work around faults of
// OpenSSL and are accepted without effect. DHParameters is accepted without effect: finite-field Diffie-Hellman does not exist here.
//
// Relations, for people: RFC 3207 (STARTTLS), RFC 8446 (TLS 1.3).
//
// # SECURITY
//
// A private key that others than its owner may read is refused, as the original does. Peers' certificates are
// asked for and verified, but a failed verification ends no session: what it is worth is for the rulesets to say. Callers read
// Verify's answer.
package tlsconf
