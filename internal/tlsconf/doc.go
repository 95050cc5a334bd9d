// Package tlsconf turns the STARTTLS options of sendmail.cf into configurations of crypto/tls, and what a handshake
// ended with into the words of macros and logs.
//
// It obeys CACertFile, CACertPath, CRLFile, CRLPath, ServerCertFile, ServerKeyFile, ClientCertFile, ClientKeyFile
// (several, separated by commas, for other kinds of key or other names: the name that a client asks for chooses),
// CipherList, CipherSuites, CertFingerprintAlgorithm and, of ServerSSLOptions and ClientSSLOptions, those that choose
// protocol versions and session tickets; other SSL_OP_ names work around faults of OpenSSL and are accepted without
// effect. DHParameters is accepted without effect: finite-field Diffie-Hellman does not exist here. A Keeper follows
// the files: a replaced certificate serves the next handshake.
//
// Relations, for people: RFC 3207 (STARTTLS), RFC 8446 (TLS 1.3), RFC 5280 (certificates and revocation lists).
//
// # SECURITY
//
// A private key that others than its owner may read, and certificates that others may write, are refused, as by the
// original. Peers' certificates are asked for and verified, but a failed verification ends no session: what it is worth
// is for the rulesets to say. Text from certificates reaches macros only through Encode.
package tlsconf
