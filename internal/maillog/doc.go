// Package maillog writes the log that mail administrators and their programs read: syslog lines of facility mail, in
// the words and with the fields of sendmail V8.
//
// A Logger writes to /dev/log as syslog(3) of the C library does, to a file, or to standard error. Every message has
// the level at which op.txt says it appears (option LogLevel); lines of a level above the configured one are dropped.
// Control characters and bytes beyond ASCII are shown in octal, so that no peer can forge a line; lines too long for
// syslog are divided as the original divides them.
//
// From, To and Reject build the lines that log analysers parse.
package maillog
