// Package mailstat keeps the file of statistics (option StatusFile): how many messages and kilobytes each mailer
// brought and took, and how many were refused. The file has the format of the original on the same machine, so that its
// mailstats and monitors read it; it must exist for anything to be kept.
//
// # SECURITY
//
// The file is opened as internal/safefile and DontBlameSendmail (WriteStatsToSymLink, WriteStatsToHardLink) allow, and
// locked while it is changed. What it holds is not trusted: a file of another format is begun anew by a server and
// refused by readers.
package mailstat
