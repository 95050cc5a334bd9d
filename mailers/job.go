package mailers

import (
	"context"
	"net/netip"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// Job is one message for recipients of one mailer, host and controlling user.
type Job struct {
	Mailer   *Mailer
	Host     string // $h, as ruleset 0 gave it
	Sender   string // reverse path as rewritten for this mailer, without angle brackets; "" is the null sender
	Rcpts    []Rcpt
	Header   []envelope.Field   // what is sent, in order: rewritten, with defaults, without the fields that F= excludes
	Envelope *envelope.Envelope // body, size, body type, DSN parameters, tries; never changed here

	// Expand gives a template of the M line (A=, D=, /=) its macros. user is $u; the others are $f, $g, $h, $z... of
	// the job.
	Expand func(template, user string) (string, error)
	// From is the sender as mailers with F=f and F=r are told him, "" for the null sender of some; TellFrom is not set
	// where a local program handed the message in, whose user is known.
	From     string
	TellFrom bool
	// FromLine is the expanded UnixFromLine, without line end, for mailers without F=n and for [mbox].
	FromLine string
	// Exchange, if not nil, is told every command sent (out) and every reply line received: transcripts and -v need
	// them.
	Exchange func(out bool, line string)
	// Connecting, if not nil, is told the name of each host to which a new connection is made.
	Connecting func(host string)
	// Reusing, if not nil, is told the protocol and the host of each kept connection that is used.
	Reusing func(protocol, host string)
	// Farewell, if not nil, takes Exchange's place once the transaction is over: it is told how a kept connection ends.
	Farewell func(out bool, line string)

	// PutOff, if not nil, is told what a host said of a single recipient who is named to the next host then.
	PutOff func(r *envelope.Recipient, st status.Status, peer *Peer)
	// Warn, if not nil, is told what the log says of peers on the way, Note what reports tell of them beside the
	// dialogue.
	Warn, Note func(text string)

	// Peer is set by the agent before it reports: the host that was tried last; nil if the mailer has none or none was
	// found.
	Peer *Peer
}

// Rcpt is a recipient and the address under which the mailer knows it.
type Rcpt struct {
	*envelope.Recipient
	User string // $u: the user part of the triple, rewritten for this mailer; without angle brackets
}

// Peer is who took or refused the message or could not be reached, for relay= and Remote-MTA.
type Peer struct {
	Name      string     // host name with its final dot, literal in brackets, or the path of a socket
	Addr      netip.Addr // zero for pipes and sockets
	DSN       bool       // it promised DSN (RFC 3461); otherwise "relayed" is what can be told of a success
	DeliverBy bool       // it promised to heed BY= (RFC 2852)
	Cached    bool       // the connection was open already
	TLS       bool

	Port      uint16 // zero for pipes and sockets
	Domain    string // whose exchanger it is, or who was named as the host; "" where it was named by its address
	Canonical string // its name behind CNAMEs, without a final dot
	// Secure says that DNSSEC vouches for all that led from the domain to the addresses (RFC 7672 section 2.2).
	Secure bool
}

// Agent delivers. report is called on the goroutine of Deliver. Each recipient of the job is reported exactly once, or
// an error is returned and none was reported and none was attempted.
type Agent interface {
	Deliver(ctx context.Context, job *Job, report func(*envelope.Recipient, status.Status)) error
}
