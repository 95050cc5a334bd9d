// Package mta joins the parts: it accepts messages, checks them with the site's rulesets, finds out where they go, has
// them delivered, and reports what failed.
//
// # Flow
//
//  1. Site (site.go, siteclass.go, sitehost.go) is a configuration ready for use; a reload builds a new one.
//  2. Session (session.go, accept.go, data.go, vrfy.go) is an SMTP client; Submission (submission.go) a local program.
//  3. A message (message.go, header.go) carries the envelope and its macros; its acceptance ends with queue.Entry.Commit.
//  4. Deliver (deliver.go) makes one attempt: route.go expands aliases, split.go gives lists with an owner envelopes of their own,
//     puthdr.go makes the header for each mailer, the mailers do the rest.
//  5. What failed becomes a report (bounce.go), a message of its own that enters at Commit before the failed one leaves.
//
// Addresses are resolved and rewritten in address.go and resolve.go, check_* rulesets asked in rulecheck.go, programs,
// files and lists reached only through aliases (verify.go). A message accepted for delivery in the background is
// delivered from memory: what RCPT resolved is not resolved again.
//
// # STATES
//
// A message is answered 250 only after Commit. During an attempt its queue file stays as it was; afterwards it is
// updated with those who are still waiting, or removed when nobody is left and all reports are in the queue. A crash
// repeats an attempt or a report.
//
// # SECURITY
//
// Nothing of the peer acts as an operator of rules: bytes that would are quoted before they become macros. Programs and
// files are never taken from an address that a client gave. Settings that hold mail back or out and cannot be obeyed
// stop the program (unsupported.go) instead of being passed over.
package mta
