// Package dsn writes the messages that tell senders what became of their mail: bounces, delay warnings, receipts and
// copies for the postmaster, in the words of sendmail V8, which people and programs recognise, and in the structure of
// RFC 3464 (multipart/report: a text for people, message/delivery-status, the message or its header). With
// SendMimeErrors off the text alone is written, followed by the message.
//
// The body is streamed: the original message and the transcript are never held in memory. Whether a report is sent,
// and to whom (NOTIFY, owner- aliases, PostmasterCopy, DoubleBounceAddress), is the caller's decision.
package dsn
