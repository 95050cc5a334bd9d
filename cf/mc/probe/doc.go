// Package probe makes questions to the address test mode (sendmail -bt) and reads its answers: what "mkcf diff" and the
// tests compare two configurations by.
//
// Commands asks about addresses of all shapes in all rewritings, about clients of all kinds in the check_* rule sets
// and their sisters, and about every mailer with its header and envelope directions. Of asks about what a configuration
// and its tables name. Answers takes the output of the test mode apart, and Verdict leaves of an answer what the caller
// of the rule set sees.
//
// # SECURITY
//
// The commands only ask: none starts a delivery or writes a file. Ask runs the program that its caller names, with the
// rights that the caller has.
package probe
