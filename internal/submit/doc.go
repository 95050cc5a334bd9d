// Package submit is the submission program: it reads a message from standard input and hands it to the queue, as cron,
// PHP and mail readers call sendmail (-bm, -t, -i, -f...). Errors go where ErrorMode says: to the terminal, by mail,
// nowhere.
//
// The exit status is that of sysexits.h that the last failure has: 67 for an unknown user, 75 where the message could
// not be stored, 0 once it is in the queue or delivered.
//
// The order is the original's: the sender, the addresses of the command line (with -t, too), then the message, whose
// header names the recipients with -t. Complaints of the command line are printed as they come, where ErrorMode prints
// them, and give the exit status 64 where they have none of their own; the message goes to those who can be reached.
// Complaints of the header end the message: the last one is printed, who failed is reported, and who did not waits for
// the next queue run.
//
// Failures go to dead.letter in the caller's home where ErrorMode prints and the caller is the sender, else by mail to
// the sender.
//
// It obeys ErrorMode, DeliveryMode, IgnoreDots; internal/mta obeys DeadLetterDrop.
package submit
