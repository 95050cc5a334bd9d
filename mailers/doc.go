// Package mailers hands messages over: by SMTP and LMTP to other hosts, sockets and programs, to programs on their
// standard input, and to mailboxes and files.
//
// A Mailer is what an M line of sendmail.cf says. A Job is one message for recipients that share mailer, host and
// controlling user. Agents are the ways of delivery, and Table chooses one by the mailer's P= and A=:
//
//	P=[IPC]                  SMTP, or LMTP with F=z, over TCP (A=TCP host port) or a Unix socket (A=FILE path)
//	P=/program, A has no $u  SMTP, or LMTP with F=z, over pipes
//	P=/program               the message on standard input, the exit status as the outcome
//	P=[FILE]                 appended to a file that an alias or a .forward named
//	P=[mbox]                 ours: appended to the mailbox that A=mbox PATTERN names, as mail.local does
//	P=[maildir]              ours: a file in the maildir that A=maildir PATTERN names
//
// # Flow
//
//  1. internal/mta rewrites addresses and header for the mailer and makes the Job.
//  2. Table checks the size, finds the agent and calls Deliver.
//  3. The agent reports every recipient exactly once; an error instead means that nobody was attempted.
//
// It obeys RFC 5321 (client side), 1870, 2033, 2852, 2920, 3461, 3463, 6152, 7505, and the options ConnectionCacheSize,
// ConnectionCacheTimeout, ClientPortOptions, EightBitMode, DefaultCharSet, FallbackMXhost, FallbackSmartHost, HeloName,
// SafeFileEnvironment, Timeout.* of the SMTP client, TryNullMXList and UnixFromLine.
//
// It leaves out: P=[LPC], set-user-ID bits of files that are delivered to, and DANE and MTA-STS.
//
// # SECURITY
//
// A peer is never trusted: replies are bounded in length and number, every read and write has a deadline, bytes of a
// reply that are no printable text are made visible before they reach logs and DSNs. An answer that was lost after the
// final dot is a temporary failure: mail may come twice, it is never lost.
//
// Programs run as children with the rights of the recipient's controlling user, files and mailboxes are written by a
// thread that has the rights of the user whose they are (priv.OnBehalf); where this process may not change its rights
// it does both with its own. Files in directories that others may write to are opened without following links, must be
// regular, owned by the user, and have one name only.
package mailers
