// Package priv is the only code that changes user, group or root directory: it starts children as other users, acts on
// files as other users, gives up rights for good, and looks users and groups up without cgo.
//
// A child's rights are settled in this order: nice value, root directory (mailer field /=), groups, group, user, then
// the working directory (D=), so that a directory counts only if the user can enter it. It obeys the mailer
// fields U=, N=, D= and /= and the flags S and o as their callers translate them into a Command.
//
// # SECURITY
//
// A child gets the environment that its Command names and nothing else, standard input, output and error and no other
// descriptor, no controlling of our signals (a process group of its own), and no supplementary groups but those named.
// Where rights cannot be changed as asked, nothing is started: there is no falling back to more rights.
//
// Look-ups read the passwd and group files; with Getent set, names that are not there are asked from getent(1), which
// knows NIS, LDAP and whatever else nsswitch.conf(5) names. A failed getent is a temporary error, never "no such user".
package priv
