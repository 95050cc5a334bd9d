package dsn

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Date shows a time as the original's header fields do: "Sun, 1 Nov 2026 05:05:07 +0900 (JST)", or GMT without an
// offset.
func Date(t time.Time) string {
	const day = "Mon, 2 Jan 2006 15:04:05 "
	if _, offset := t.Zone(); offset == 0 {
		return t.Format(day) + "GMT"
	}
	return t.Format(day + "-0700 (MST)")
}

// WriteBody writes the body of the report with LF line ends.
func (r *Report) WriteBody(out io.Writer) error {
	w := bufio.NewWriter(out)
	p := printer{w: w, r: r}
	if !r.Plain {
		p.line("This is a MIME-encapsulated message")
		p.line("")
		p.part("")
	}
	p.people()
	if !r.Plain {
		p.part("message/delivery-status")
		p.delivery()
	}
	p.original()
	if p.err == nil {
		p.err = w.Flush()
	}
	if p.err != nil {
		return fmt.Errorf("dsn: write report %s: %w", r.ID, p.err)
	}
	return nil
}

// printer writes the parts; after an error it does nothing more.
type printer struct {
	w   *bufio.Writer
	r   *Report
	err error
}

func (p *printer) line(s string) {
	if p.err == nil {
		_, p.err = p.w.WriteString(s + "\n")
	}
}

// part begins a part of the multipart body.
func (p *printer) part(contentType string, more ...string) {
	p.line("--" + p.r.boundary())
	if contentType != "" {
		p.line("Content-Type: " + contentType)
	}
	for _, field := range more {
		p.line(field)
	}
	p.line("")
}

const rule = "    **********************************************"

// people writes the text for people.
func (p *printer) people() {
	r := p.r
	if r.Kind == Delay && !p.has(Failed) {
		for _, s := range []string{rule,
			"    **      THIS IS A WARNING MESSAGE ONLY      **",
			"    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **",
			rule, ""} {
			p.line(s)
		}
	}
	p.line("The original message was received at " + Date(r.Envelope.Created))
	p.line("from " + oneLine(r.Received))
	if r.Kind == Postmaster && r.Envelope.ID != "" {
		p.line("with id " + r.Envelope.ID)
	}
	p.line("")
	if r.ErrorHeader != "" && r.Kind != Receipt {
		p.line(strings.TrimRight(r.ErrorHeader, "\n"))
		p.line("")
	}
	p.failures()
	p.delays()
	p.successes()
	p.transcript()
}

func (p *printer) has(a Action) bool {
	for i := range p.r.Recipients {
		if p.r.Recipients[i].Action == a {
			return true
		}
	}
	return false
}

func (p *printer) failures() {
	first := true
	for i := range p.r.Recipients {
		rc := &p.r.Recipients[i]
		if rc.Action != Failed {
			continue
		}
		if first {
			p.line("   ----- The following addresses had permanent fatal errors -----")
			first = false
		}
		p.line(rc.shown())
		if reason := rc.reason(); reason != "" {
			p.line("    (reason: " + shorten(oneLine(reason), 203) + ")")
		}
		p.expandedFrom(rc)
	}
	if !first {
		p.line("")
	}
}

// delays lists who still waits when the time of BY= is over; of other delays the transcript alone tells.
func (p *printer) delays() {
	if !p.r.Overdue || !p.has(Delayed) {
		return
	}
	p.line("   ----- The following addresses had transient non-fatal errors -----")
	for i := range p.r.Recipients {
		if rc := &p.r.Recipients[i]; rc.Action == Delayed {
			p.line(rc.shown())
			p.expandedFrom(rc)
		}
	}
	p.line("")
}

// expandedFrom names the alias, list or user that stands for an address.
func (p *printer) expandedFrom(rc *Recipient) {
	if rc.Alias != nil {
		p.line("    (expanded from: " + shorten(oneLine(rc.Alias.Addr), 203) + ")")
	}
}

func (p *printer) successes() {
	first := true
	for i := range p.r.Recipients {
		rc := &p.r.Recipients[i]
		note, ok := notes[rc.Action]
		if !ok || rc.Unsaid {
			continue
		}
		if first {
			p.line("   ----- The following addresses had successful delivery notifications -----")
			first = false
		}
		p.line(rc.shown() + "  (" + note + ")")
		p.expandedFrom(rc)
	}
	if !first {
		p.line("")
	}
}

// transcript writes what the session said.
func (p *printer) transcript() {
	if p.r.Transcript == nil {
		p.line("   ----- Transcript of session is unavailable -----")
		p.line("")
		return
	}
	begun := false
	p.copyLines(p.r.Transcript, func() {
		if !begun {
			p.line("   ----- Transcript of session follows -----")
			begun = true
		}
	})
	if begun {
		p.line("")
	}
}

// copyLines copies text whose lines may be long; before is called ahead of the first.
func (p *printer) copyLines(from io.Reader, before func()) {
	in := bufio.NewReader(from)
	last := byte('\n')
	for p.err == nil {
		chunk, err := in.ReadSlice('\n')
		if len(chunk) > 0 {
			before()
			chunk = bytes.TrimSuffix(chunk, []byte("\r\n"))
			if len(chunk) == 0 {
				chunk = []byte("\n")
			} else if err == nil && chunk[len(chunk)-1] != '\n' {
				chunk = append(chunk[:len(chunk):len(chunk)], '\n')
			}
			last = chunk[len(chunk)-1]
			_, p.err = p.w.Write(chunk)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			if p.err == nil && !errors.Is(err, io.EOF) {
				p.err = err
			}
			break
		}
	}
	if last != '\n' {
		p.line("")
	}
}

// delivery writes the message/delivery-status part (RFC 3464 section 2).
func (p *printer) delivery() {
	r := p.r
	if r.Envelope.EnvID != "" {
		p.line("Original-Envelope-Id: " + oneLine(r.Envelope.EnvID))
	}
	p.line("Reporting-MTA: dns; " + r.Hostname)
	if r.ReceivedFrom != "" {
		p.line("Received-From-MTA: DNS; " + oneLine(r.ReceivedFrom))
	}
	p.line("Arrival-Date: " + Date(r.Envelope.Created))
	if by := r.Envelope.DeliverBy; by.Set() {
		p.line("Deliver-By-Date: " + Date(r.Envelope.Created.Add(by.Time))) // RFC 2852 section 4.1.5
	}
	for i := range r.Recipients {
		if r.Recipients[i].Action != "" {
			p.recipient(&r.Recipients[i])
		}
	}
	p.line("")
}

func (p *printer) recipient(rc *Recipient) {
	p.line("")
	if rc.Orcpt != "" {
		p.line("Original-Recipient: " + oneLine(rc.Orcpt))
	}
	final := rc.Final
	if final == "" {
		final = "RFC822; " + strings.Trim(rc.Addr, "<>")
	}
	p.line("Final-Recipient: " + oneLine(final))
	if rc.Actual != "" {
		p.line("X-Actual-Recipient: " + rc.ActualType + "; " + oneLine(rc.Actual))
	}
	p.line("Action: " + string(rc.Action))
	p.line("Status: " + rc.code())
	if rc.Status.Remote != "" {
		p.line("Remote-MTA: " + cmp.Or(rc.RemoteType, "DNS") + "; " + strings.TrimSuffix(oneLine(rc.Status.Remote), "."))
	}
	if d := firstLine(rc.Status.Diagnostic); d != "" {
		kind := rc.DiagnosticType
		if kind == "" {
			kind = "SMTP"
		}
		p.line("Diagnostic-Code: " + kind + "; " + oneLine(d))
	}
	if !rc.Tried.IsZero() {
		p.line("Last-Attempt-Date: " + Date(rc.Tried))
	}
	// As the original: not where the peer put this very recipient off.
	if rc.Action == Delayed && rc.Status.Diagnostic == "" && p.r.Limit > 0 {
		p.line("Will-Retry-Until: " + Date(p.r.Envelope.Created.Add(p.r.Limit)))
	}
}

// exitMeans are the codes for what programs end with (sysexits).
var exitMeans = map[int]string{
	status.Usage: "5.5.4", status.DataErr: "5.5.2", status.NoUser: "5.1.1", status.NoHost: "5.1.2",
	status.NoInput: "5.3.0", status.CantCreat: "5.3.0", status.NoPerm: "5.3.0",
	status.Unavailable: "5.5.0", status.Software: "5.5.0", status.OSFile: "5.5.0", status.Protocol: "5.5.0", status.Config: "5.5.0",
}

// code is the Status field: what a program's end means, what is known, or the general code of the action's class.
func (rc *Recipient) code() string {
	e := rc.Status.Enhanced
	// Some codes are ours, not the program's: too old, too late, too large.
	said := e == status.Enhanced{4, 4, 7} || e == status.Enhanced{5, 4, 7} || e == status.Enhanced{5, 2, 3}
	if n, ok := exitCode(rc.Status.Diagnostic); ok && rc.Action == Failed && !said {
		return cmp.Or(exitMeans[n], "5.0.0")
	}
	code := rc.Status.Enhanced.String()
	if rc.Action == Delivered && (code == "" || code == "2.0.0") {
		return "2.1.5" // RFC 3463 section 3.2: the address is valid, which says more than that the action succeeded
	}
	if code != "" {
		return code
	}
	switch rc.Action {
	case Failed:
		return "5.0.0"
	case Delayed:
		return "4.0.0"
	}
	return "2.0.0"
}

// original brings back the message or its header.
func (p *printer) original() {
	r := p.r
	switch {
	case r.Plain && r.HeaderOnly:
		p.line("   ----- Message header follows -----")
		p.line("")
	case r.Plain:
		p.line("   ----- Original message follows -----")
		p.line("")
	case r.HeaderOnly && r.eightBit(): // as the original, which goes by the message that it does not bring back
		p.part("text/rfc822-headers", "Content-Transfer-Encoding: 8bit")
	case r.HeaderOnly:
		p.part("text/rfc822-headers")
	case r.eightBit():
		p.part("message/rfc822", "Content-Transfer-Encoding: 8bit")
	default:
		p.part("message/rfc822")
	}
	for _, f := range r.header() {
		p.field(&f)
	}
	p.line("")
	switch {
	case !r.HeaderOnly:
		if p.body() {
			p.line("")
		}
	case r.Plain:
		p.line("   ----- Message body suppressed -----")
		p.line("")
	}
	if !r.Plain {
		p.line("--" + r.boundary() + "--")
		p.line("")
	}
}

func (p *printer) field(f *envelope.Field) { p.line(f.Name + ":" + strings.TrimRight(f.Value, "\n")) }

// body brings the body back; ended reports whether its last line had an end of its own.
func (p *printer) body() (ended bool) {
	if p.err != nil || p.r.Envelope.Open == nil {
		return true
	}
	body, err := p.r.Envelope.Open()
	if err != nil {
		p.err = err
		return true
	}
	ended, err = p.quoted(body)
	p.err = errors.Join(err, body.Close())
	return ended
}

// quoted copies the body; a line that could begin a message in a mailbox is quoted, and the last line gets an end.
func (p *printer) quoted(body io.Reader) (ended bool, err error) {
	in := bufio.NewReader(body)
	start, last := true, byte('\n')
	for {
		piece, err := in.ReadSlice('\n')
		if start && bytes.HasPrefix(piece, []byte("From ")) {
			p.w.WriteByte('>')
		}
		if len(piece) > 0 {
			p.w.Write(piece)
			last = piece[len(piece)-1]
		}
		start = err == nil
		if err == io.EOF {
			if last != '\n' {
				p.w.WriteByte('\n')
			}
			return last == '\n', nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
	}
}

// Words shows a time span as the original does: "1 second", "4 hours", "1 week, 1 day, 2 hours".
func Words(d time.Duration) string {
	s := int64(d / time.Second)
	if s <= 0 {
		return "zero seconds"
	}
	var parts []string
	for _, unit := range [...]struct {
		name string
		size int64
	}{{"week", 604800}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		n := s / unit.size
		s -= n * unit.size
		switch {
		case n == 1:
			parts = append(parts, "1 "+unit.name)
		case n > 1:
			parts = append(parts, decimal(n)+" "+unit.name+"s")
		}
	}
	return strings.Join(parts, ", ")
}
