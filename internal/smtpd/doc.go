// Package smtpd is the SMTP server's dialogue (RFC 5321): it listens, reads commands, keeps their order, checks
// their syntax and limits, carries pipelined replies in one write, and hands everything that needs a decision to
// a Session. It has no policy, knows no rule sets, no queue and no configuration file; Config holds plain values.
//
// The words of the replies are those of the original, since log watchers, libraries and people's scripts compare
// them. A Session gives the ones that depend on an address or a rule.
//
// Line ends (the rules of sendmail 8.18): only CRLF ends a line and only CRLF "." CRLF ends a message. A bare LF
// or a bare CR in a message refuses it and ends the connection, unless the session's features (srv_features,
// letters U, G, O, u2, g2) say otherwise. Commands sent before the reply to HELO, EHLO or DATA refuse the
// session (letter F allows them).
//
// Obeyed through Config: MaxMessageSize, Timeout.command, Timeout.datablock, PrivacyOptions' needmailhelo,
// needvrfyhelo, needexpnhelo, AllowBogusHELO, HelpFile (through Session.Help).
//
// # SECURITY
//
// Nothing that the peer sends is trusted: lines, parameters and the size of a message are bounded, a message is
// never held in memory, idle connections keep a buffer of two KiB. Control characters never get into a reply.
// Bytes that came in plain text before STARTTLS are refused with it, not taken as if they had been protected.
//
// RFC 1870 (SIZE), 1985 (ETRN), 2034 (enhanced codes), 2852 (DELIVERBY), 2920 (PIPELINING), 3030 (CHUNKING), 3207
// (STARTTLS), 3461 (DSN), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8).
package smtpd
