// Package sasl authenticates: the server and client mechanisms of SMTP AUTH (RFC 4954, RFC 4422), as go-sasl's
// interfaces, and the places where a server finds passwords.
//
// Mechanisms: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), DIGEST-MD5 (RFC 2831, without security layers), SCRAM-SHA-1
// and SCRAM-SHA-256 (RFC 5802, RFC 7677) with their -PLUS forms (tls-exporter, RFC 9266; tls-unique, RFC 5929),
// EXTERNAL. PLAIN and EXTERNAL are go-sasl's, SCRAM is xdg-go/scram's, the rest is here.
//
// A Backend offers mechanisms to one connection. Local carries the mechanisms out itself and asks a Verifier (a
// password is right or not) or Secrets (the password or what stands for it). Dovecot hands the whole exchange to
// Dovecot's auth service.
//
//	Verifier   Saslauthd (PAM, shadow and so on by Cyrus' daemon), Passwords (a Secrets with hashes or plain texts)
//	Secrets    SASLDB (the database of saslpasswd2), File (a passwd-style file)
//
// Cyrus' own configuration, Sendmail.conf, is read by LoadCyrus.
//
// # SECURITY
//
// A back end that does not answer is ErrTemporary, never a refusal, and never holds anybody but the one who asked.
// Unknown users take the same way as wrong passwords. Answers of clients and of back ends are bounded; comparisons of
// secrets take constant time. An authorization identity beside the authentication identity is refused unless
// Session.Authorize allows it.
package sasl
