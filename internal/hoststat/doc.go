// Package hoststat keeps what is known of remote hosts on disk (option HostStatusDirectory), so that queue runs and
// restarts skip hosts that were down a moment ago, and prints and purges it (hoststat, purgestat).
//
// A host is a small text file whose path is its name turned round: mx1.remote.test is test./remote./mx1; an address
// literal counts as a name, without its brackets. Files and locks are those of sendmail V8, so both programs can share
// the directory.
//
// # SECURITY
//
// Host names come from the DNS and from peers: a label that could leave the directory is refused. Files have one name
// and are reached by no symbolic link, others write neither to them nor to the directories above. Directories are made
// with mode 0755, files with 0600 as the original makes them.
package hoststat
