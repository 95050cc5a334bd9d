package dsn

import (
	"io"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// Kind is what sort of report it is.
type Kind uint8

const (
	Failure    Kind = iota // at least one recipient failed
	Delay                  // nothing but delays: the message is still being tried
	Receipt                // nothing but success
	Postmaster             // a copy of a bounce, or a bounce that could not be delivered
)

// Action is the Action field of a recipient (RFC 3464 section 2.3.3), with the remark that the original adds.
type Action string

const (
	Failed        Action = "failed"
	Delayed       Action = "delayed"
	Delivered     Action = "delivered (to mailbox)"
	DeliveredList Action = "delivered (to mailing list)"
	Relayed       Action = "relayed (to non-DSN-aware mailer)"
	RelayedNotify Action = "relayed (Deliver-By notify mode)"
	RelayedTrace  Action = "relayed (Deliver-By trace mode)"
	DelayedNotify Action = "delayed (Deliver-By notify mode)"
	Expanded      Action = "expanded (to multi-recipient alias)"
)

// notes are the remarks behind the addresses of the list of successes.
var notes = map[Action]string{
	Delivered:     "successfully delivered to mailbox",
	DeliveredList: "successfully delivered to mailing list",
	Relayed:       "relayed to non-DSN-aware mailer",
	RelayedNotify: "Deliver-By notify: relayed",
	RelayedTrace:  "Deliver-By trace: relayed",
	Expanded:      "expanded by alias",
}

// ActionOf is the action for what became of a recipient; "" for what is not reported.
func ActionOf(s envelope.State) Action {
	switch s {
	case envelope.Failed:
		return Failed
	case envelope.Pending:
		return Delayed
	case envelope.Delivered:
		return Delivered
	case envelope.Relayed:
		return Relayed
	case envelope.RelayedNotify:
		return RelayedNotify
	case envelope.RelayedTrace:
		return RelayedTrace
	case envelope.Expanded:
		return Expanded
	}
	return ""
}

// Recipient is one address that a report tells about.
type Recipient struct {
	*envelope.Recipient
	Action Action
	// ActualType and Actual are the address that the mailer saw: "rfc822" and "user@host", "X-Unix" and "|program".
	// An empty Actual leaves X-Actual-Recipient out (PrivacyOptions noactualrecipient).
	ActualType, Actual string
	// DiagnosticType is the mailer's type of replies (T= of its M line, third part): "SMTP" or "X-Unix"; "" means SMTP.
	DiagnosticType string
	RemoteType     string // the mailer's type of hosts (T=, first part), for Remote-MTA; "" means DNS
	Unsaid         bool   // a success that the text for people does not tell
}

// Report is what a DSN tells. Envelope, Hostname, ID and Now must be set.
type Report struct {
	Kind       Kind
	Envelope   *envelope.Envelope // the message that is reported about
	Recipients []Recipient        // in the order in which they are to be listed
	ID         string             // queue ID of the report; it makes the boundary
	Hostname   string             // macro j
	To         string             // for the To field, as it is to be shown
	Copy       string             // who gets it too, in a To field of his own; "" means nobody
	CopyLast   bool               // that field stands behind the other
	ErrorsTo   []string           // whom the message's Errors-To field names, where it counts: they get it too
	Now        time.Time

	Received string // macro _ of the message: "root@localhost", "client.test [192.0.2.1]"
	// ReceivedFrom is the name of the client's host for Received-From-MTA; "" leaves the field out (local mail).
	ReceivedFrom string
	Header       []envelope.Field // of the message, ready to be shown; nil takes Envelope.Header
	Transcript   io.Reader        // of the session, with what becomes of the message; nil: it is unavailable
	ErrorHeader  string           // text of the option ErrorHeader, expanded; "" means none
	HeaderOnly   bool             // RET=HDRS, nobodyreturn: the body is not brought back
	Plain        bool             // SendMimeErrors is off

	Overdue bool // what Delay tells of is that the time of BY= is over

	Waited time.Duration // how long the message has been in the queue, as Timeout.queuewarn says it; for Delay's subject
	Limit  time.Duration // Timeout.queuereturn, for Will-Retry-Until of those delayed without a reply; 0 leaves the field out
}

// Fields returns the header fields that the report brings along; From, Date, Message-Id and Received come from the
// configuration's H lines as for any message.
func (r *Report) Fields() []envelope.Field {
	var list []envelope.Field
	add := func(name, value string) { list = append(list, envelope.Field{Name: name, Value: " " + value}) }
	if r.Copy != "" && !r.CopyLast {
		add("To", r.Copy)
	}
	add("To", r.To)
	if r.Copy != "" && r.CopyLast {
		add("To", r.Copy)
	}
	for _, to := range r.ErrorsTo {
		add("To", to)
	}
	if !r.Plain {
		add("MIME-Version", "1.0")
		add("Content-Type", "multipart/report; report-type=delivery-status;\n\tboundary=\""+r.boundary()+"\"")
		if r.eightBit() {
			add("Content-Transfer-Encoding", "8bit")
		}
	}
	add("Subject", r.subject())
	add("Auto-Submitted", "auto-generated ("+r.cause()+")")
	return list
}

func (r *Report) eightBit() bool { return r.Envelope.Flags.EightBit }

func (r *Report) boundary() string {
	return r.ID + "." + decimal(r.Now.Unix()) + "/" + r.Hostname
}

func (r *Report) subject() string {
	switch r.Kind {
	case Delay:
		return r.Warning()
	case Receipt:
		return "Return receipt"
	case Postmaster:
		return "Postmaster notify: see transcript for details"
	}
	return "Returned mail: see transcript for details"
}

// Warning is the subject of a report about delays.
func (r *Report) Warning() string {
	if r.Overdue {
		return "Warning: Delivery time (" + decimal(r.Envelope.DeliverBy.Seconds()) + "s) exceeded"
	}
	return "Warning: could not send message for past " + Words(r.Waited)
}

func (r *Report) cause() string {
	switch r.Kind {
	case Delay:
		return "warning-timeout"
	case Receipt:
		return "return-receipt"
	case Postmaster:
		return "postmaster-notification"
	}
	return "failure"
}

// header is the header of the original message, without what is not sent to anybody.
func (r *Report) header() []envelope.Field {
	if r.Header != nil {
		return r.Header
	}
	var list []envelope.Field
	for _, f := range r.Envelope.Header {
		switch {
		case strings.EqualFold(f.Name, "Bcc"), strings.Contains(f.Flags, "x"):
			continue
		case f.Template:
			if !strings.EqualFold(f.Name, "Return-Path") {
				continue
			}
			f.Value = " <" + r.Envelope.Sender + ">"
		}
		list = append(list, f)
	}
	return list
}

// reason is what the text for people says about a recipient's failure: the peer's reply, or what an exit code means.
func (rc *Recipient) reason() string {
	d := firstLine(rc.Status.Diagnostic)
	if d == "" {
		return ""
	}
	if n, ok := exitCode(d); ok {
		if t := status.FromExit(n); t.Exit == n {
			return t.Text
		}
	}
	return d
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimRight(s, "\r")
}

func exitCode(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' || n > 1000 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// shown is the address for the text for people, cut in the middle where it is very long.
func (rc *Recipient) shown() string { return shorten(oneLine(rc.Addr), 203) }

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	half := (n - 3) / 2
	return s[:half] + "..." + s[len(s)-half:]
}

// oneLine takes line breaks out of what peers said, so that nobody can forge a field.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == 0 {
			return ' '
		}
		return r
	}, s)
}
