// Package submit is the submission program: it reads a message from standard input and hands it to the queue, as cron, PHP
// and mail readers call sendmail (-bm, -t, -i, -f...). Errors go where ErrorMode says: to the terminal, by mail, nowhere.
//
// The exit status is that of sysexits.h that the last failure has: 67 for an unknown user, 75 where the message could not be
// stored, 0 once it is in the queue or delivered.
//
// It obeys ErrorMode, DeliveryMode, DeadLetterDrop, IgnoreDots.
package submit
