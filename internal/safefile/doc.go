// Package safefile opens the files that sendmail trusts (aliases, maps, class files, .forward, :include:, keys) only
// when nobody but their owner can have tampered with them, and writes files so that a crash leaves the old or the new
// content, never half of it.
//
// What is checked: every directory of the path (group or world writable, unless sticky and TrustStickyBit says so),
// symbolic links along the way (the checks go on behind them), the file itself (regular, group or world writable or
// readable, hard links), and that the user for whom it is opened may read or write it. Which checks apply follows from
// the Kind of file and from the option DontBlameSendmail (op.txt section 4.9.2).
//
// # SECURITY
//
// The check by name comes first, then the file is opened without following a final link that the rules forbid, and
// what was opened is compared with what was checked (device, inode, owner, links): a file that was exchanged in
// between is refused. The package never changes the user id; opening as somebody else is package priv's task.
//
// Locks are flock(2) locks on the file, as the original's on Linux: they belong to the open file, so they exclude
// goroutines of one process as well as other processes.
package safefile
