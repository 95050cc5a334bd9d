// Package queue keeps accepted mail until every recipient is dealt with: control files (qf), data files (df) and
// transcripts (xf) in the format and with the locks of sendmail V8, so that either program can drain the other's queue.
//
// A Spool is made of groups, a Group of directories, each perhaps with qf, df and xf subdirectories. Group.Create
// begins a message, Entry.Commit makes it safe, a Runner hands entries to a Deliverer, Entry.Update keeps what is left
// of the recipients and Entry.Remove ends it.
//
// It obeys QueueDirectory, Q lines (queue groups), QueueFileMode, SuperSafe, MinFreeBlocks, QueueSortOrder,
// MinQueueAge, MaxQueueAge, MaxQueueRunSize, MaxQueueChildren, MaxRunnersPerQueue, and the values of
// Timeout.queuereturn and Timeout.queuewarn. What to deliver, to warn about or to bounce is the Deliverer's decision.
//
// # STATES
//
//	S0  -df -tf -qf   nothing
//	S1  +df -tf -qf   receiving, or being removed (qf goes first)
//	S2  +df +tf -qf   envelope being written
//	S3  +df ?tf +qf   queued; only now is the client told 250
//
// From S2 to S3: fsync df and tf, rename tf to qf, fsync the directory. One fsync of the directory serves all renames
// that were done before it began. A quarantined message has an hf instead of the qf. Files of S1 and S2 that nobody
// holds locked and that are old are litter (Spool.Recover). A qf that was cut off, or that others could have written,
// is renamed to Qf and left for a person: its recipients are never guessed at. A crash may duplicate mail, never lose
// it.
//
// Where a message is split (Entry.Clone), the parts have tf before df, and count only when the control file of the
// whole names them: lines "Lpart ID" in theirs, "Lparts ID..." in that. Lines "Lowed ..." keep outcomes that the sender
// is yet to be told. The original passes over lines that begin with L.
//
// A daemon (Config.Spares) keeps some files of removed messages under names of litter, tfSpare…, and makes new ones of
// them; they are written to only after the directory was synced, so that no old name can lead to a new text after a
// power failure.
//
// # LOCKS
//
// flock(2) on the qf (on the tf until it is renamed), exclusively, for as long as an Entry is open. Whoever gets the
// lock looks whether the name still belongs to that file: it may have been updated or removed meanwhile.
//
// # SECURITY
//
// Control files are trusted only when they belong to root, to the process or to the trusted user and nobody else can
// write to them; in a directory that a group may write to (the submission queue), also when they belong to that group.
// A directory that a df line names must be one of the spool's. Files are created with O_EXCL and
// without following links.
package queue
