// Package envelope holds the message in flight: what SMTP or the command line gave, what the queue file keeps and
// what the mailers need. It has no behaviour of its own beyond small questions; accept, queue, mailers and dsn
// share it.
//
// The message body is never in here: it stays in the queue's data file.
package envelope

import (
	"io"
	"time"

	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Body types of RFC 6152 and RFC 3030.
const (
	Body7Bit     = "7BIT"
	Body8BitMIME = "8BITMIME"
)

// Notify says when the sender of a recipient wants a DSN (RFC 3461 section 4.1). Zero means it was not given.
type Notify uint8

const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
	// NotifyImplied marks that the client gave no NOTIFY and the other bits are what is assumed instead: a bounce goes
	// out with NotifyImplied|NotifyFailure. Zero stands for NotifyImplied|NotifyFailure|NotifyDelay.
	NotifyImplied
)

// Return is the RET parameter of MAIL (RFC 3461 section 4.3): what a DSN brings back.
type Return string

// The values of Return; empty means not given.
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// Field is one header field, in the order of the message.
type Field struct {
	Flags string // the mailer flags of an H line's ?flags? under which it is sent; "" means always
	Name  string // as received, without colon
	Value string // with its line breaks (LF) and what follows the colon, leading space kept
	// Default marks a field that the configuration added, not the sender; rewriting treats both alike.
	Default bool
	// Template marks a Value whose macros are expanded only at delivery (Return-Path: <$g>): it holds $x and ${name},
	// and $$ for a dollar sign. Elsewhere a dollar sign is just that.
	Template bool
}

// Nobody reports whether the field is the From: that the configuration gives a message without a sender. It is in no
// queue file; a mailer that has a name for nobody shows it.
func (f *Field) Nobody() bool { return f.Default && f.Value == "" }

// Ctladdr is the user whose rights program and file deliveries of a recipient have (qf line C).
type Ctladdr struct {
	User     string // login name; "" means DefaultUser
	UID, GID int    // -1: the queue file did not tell
	Home     string
	Addr     string // the alias or list that the address came from, as qf keeps it
}

// State is what has become of a recipient so far.
type State uint8

const (
	Pending       State = iota // still to be delivered
	Delivered                  // a mailer took it
	Failed                     // permanently, bounce due or sent
	Expanded                   // replaced by what its alias or .forward said
	Duplicate                  // the same as another recipient
	Relayed                    // handed to a peer that does DSN itself, or without DSN: "relayed" is due
	RelayedNotify              // handed to a mailer that promises no time, where BY=...;N asked for one (RFC 2852)
	RelayedTrace               // handed on, which BY=...;T wants to know (RFC 2852)
)

// Taken reports whether a mailer took the message for good.
func (s State) Taken() bool {
	return s == Delivered || s == Relayed || s == RelayedNotify || s == RelayedTrace
}

// Recipient is one address that the envelope goes to.
type Recipient struct {
	Addr    string       // as received or as the alias gave it, with its angle brackets or comments: logs and qf R show it so
	Orcpt   string       // RFC 3461 ORCPT, xtext decoded, "type;address"; "" means not given
	Final   string       // RFC 3464 Final-Recipient of an expanded address (qf line r); "" means Addr
	Notify  Notify       // RFC 3461 NOTIFY; zero means not given
	Primary bool         // named by the client, or all that one of those stands for
	IsAlias bool         // came out of an alias (qf flag A)
	Alias   *Recipient   // the recipient whose alias or .forward made this one; nil for primaries
	Triple  rules.Triple // after ruleset 0
	Ctladdr *Ctladdr     // whose rights run programs and files; nil means DefaultUser
	Owner   string       // errors go here rather than to the sender (owner- alias); "" means the sender
	State   State
	Status  status.Status // of the last attempt
	Message string        // why it waits, where its mailer's peer said that of it alone (qf line M before R)
	Tried   time.Time     // of the last attempt; zero means never
	// Delayed says that a delay DSN for it has been sent.
	Delayed bool
	// List marks an alias with an owner that was expanded.
	List bool
	// Owed says that the sender is to be told of the outcome and that no report about it is safe yet: the queue file
	// keeps it.
	Owed bool
}

// Flags of an envelope that outlive its session; the letter is the one of qf line F (op.txt appendix B).
type Flags struct {
	Warning   bool // w: a delay warning has been sent
	Response  bool // r: this is itself a bounce
	EightBit  bool // 8: header or body has 8-bit data
	DeleteBcc bool // b: Bcc fields are to be deleted
	RetParam  bool // d: MAIL had RET=
	NoReturn  bool // n: a DSN brings the header only
	Split     bool // s: one part of a split envelope
}

// Envelope is one message with its sender and recipients.
type Envelope struct {
	ID     string // queue identifier, "" until queue.Group.Create
	Sender string // reverse path as received, without angle brackets; "" is the null sender
	// SenderText is the sender as it was written, "<a@b>" or "alice" (qf S, from= in the log); "" means <Sender>.
	SenderText string
	// SenderCtladdr is the local user who sent it; nil for a message from the network.
	SenderCtladdr *Ctladdr

	Recipients []*Recipient
	Header     []Field

	Created   time.Time // acceptance; QueueWarn and QueueReturn count from here
	LastTry   time.Time // zero means never
	Tries     int
	Priority  int64 // qf P; smaller goes first
	Size      int64 // bytes of header and body as accepted
	Class     int   // of Precedence:, for Timeout.queue*
	Body      string
	Flags     Flags
	Ret       Return
	EnvID     string // RFC 3461 ENVID, xtext decoded
	AuthParam string // RFC 4954 AUTH= of MAIL, xtext decoded
	DeliverBy DeliverBy

	Message          string            // qf M: why it is in the queue
	QuarantineReason string            // qf q; "" means not quarantined
	Macros           map[string]string // the macros that the queue keeps, without braces: r, s, _, daemon_flags, ...

	// PartOf is the ID of the message that this one is being split from; it is not to be delivered unless that one's
	// Parts name it. "" means that it stands by itself.
	PartOf string
	Parts  []string // the IDs of what was split from this message and does not stand by itself yet

	// Open returns the message body, from its first byte after the header, LF line ends. The queue sets it.
	Open func() (io.ReadCloser, error)
}

// PendingRecipients returns the recipients still to be delivered.
func (e *Envelope) PendingRecipients() []*Recipient {
	var list []*Recipient
	for _, r := range e.Recipients {
		if r.State == Pending {
			list = append(list, r)
		}
	}
	return list
}
