package mta

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/queue"
)

// finish tells the sender what he is to know and ends the message or leaves the rest of it in the queue. Reports are safe in the
// queue before the message is removed, so that a crash repeats a report rather than losing it.
func (m *message) finish(ctx context.Context) error {
	env := m.env
	now := m.srv.now()
	limits := m.site.timeouts
	expired := (limits.Expired(env, now) || m.deadlinePassed(now, "R")) && len(env.PendingRecipients()) > 0
	if expired {
		m.expire()
	}
	var errs []error
	if list := m.reportable(); len(list) > 0 && !m.quiet {
		errs = append(errs, m.report(ctx, list, expired))
	}
	if pending := env.PendingRecipients(); len(pending) > 0 {
		if (limits.WarnDue(env, now) || m.deadlinePassed(now, "N") && !env.Flags.Warning) && !m.quiet {
			errs = append(errs, m.warn(ctx, pending))
		}
		errs = append(errs, m.entry.Update(env))
		return errors.Join(errs...)
	}
	if m.lost {
		return errors.Join(append(errs, m.lose())...)
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, m.entry.Update(env))
	}
	if m.srv.Log.Enabled(maillog.LevelExpansion) {
		m.log(logInfo, maillog.LevelExpansion, "done; delay=%s, ntries=%d", interval(now.Sub(env.Created)), env.Tries)
	}
	return m.entry.Remove()
}

// lose sets a message aside that can be neither delivered nor returned.
func (m *message) lose() error {
	m.log(logAlert, 0, "Losing ./qf%s: savemail panic", m.id)
	m.sysErr("savemail: cannot save rejected email anywhere")
	return m.entry.Lose(errors.New("savemail panic"))
}

// deadlinePassed reports whether the sender wanted by now to have the message back (RFC 2852, BY=...;R) or to be told of the
// delay (N).
func (m *message) deadlinePassed(now time.Time, want string) bool {
	text, mode, ok := strings.Cut(m.env.DeliverBy, ";")
	seconds, err := strconv.ParseInt(text, 10, 64)
	return ok && err == nil && strings.HasPrefix(mode, want) && now.After(m.env.Created.Add(time.Duration(seconds)*time.Second))
}

// expire fails everyone who waited longer than Timeout.queuereturn allows.
func (m *message) expire() {
	limit := m.site.timeouts.Return.For(m.env)
	text := "Message could not be delivered for " + dsn.Words(limit)
	m.transcript.WriteString(text + "\nMessage will be deleted from queue\n")
	for _, r := range m.env.PendingRecipients() {
		s := r.Status
		s.Exit, s.Code, s.Enhanced = status.Unavailable, 554, status.Enhanced{4, 4, 7}
		s.Text = text
		r.Status = s
		r.State = envelope.Failed
	}
}

// reportable returns the recipients of whom the sender is to hear now: failures unless NOTIFY says otherwise, successes where
// it asks for them.
func (m *message) reportable() []*envelope.Recipient {
	var list []*envelope.Recipient
	for _, r := range m.env.Recipients {
		if m.reported[r] {
			continue
		}
		n := r.Notify
		switch r.State {
		case envelope.Failed:
			if n&envelope.NotifyNever != 0 || n != 0 && n&envelope.NotifyFailure == 0 {
				continue
			}
		case envelope.Expanded:
			if n&envelope.NotifySuccess == 0 || m.children(r) < 2 && !m.hasOwner(r) {
				continue
			}
		case envelope.Delivered, envelope.Relayed:
			if n&envelope.NotifySuccess == 0 || !m.reportsSuccess(r) {
				continue
			}
		default:
			continue
		}
		list = append(list, r)
	}
	return list
}

// hasOwner tells a mailing list, whose members' failures are its owner's affair.
func (m *message) hasOwner(alias *envelope.Recipient) bool { return m.lists[alias] }

// actionOf is what a report says became of a recipient.
func (m *message) actionOf(r *envelope.Recipient) dsn.Action {
	if r.State == envelope.Expanded && m.hasOwner(r) {
		return dsn.DeliveredList
	}
	return dsn.ActionOf(r.State)
}

// children counts what an alias was expanded to.
func (m *message) children(alias *envelope.Recipient) (n int) {
	for _, r := range m.env.Recipients {
		if r.Alias == alias {
			n++
		}
	}
	return n
}

// reportsSuccess reports whether a success is ours to tell: not where the peer promised to do so, and not for what an alias
// was expanded to, since that is told of the alias.
func (m *message) reportsSuccess(r *envelope.Recipient) bool {
	if r.State != envelope.Delivered {
		return true
	}
	mailer := m.site.Mailer(r.Triple.Mailer)
	return mailer != nil && mailer.Flags.Has('l') || r.Triple.Mailer == "prog" || r.Triple.Mailer == "*file*"
}

// report makes one DSN about the given recipients and puts it into the queue.
func (m *message) report(ctx context.Context, list []*envelope.Recipient, expired bool) error {
	failed := failures(list)
	rep := &dsn.Report{Kind: dsn.Receipt, Envelope: m.env}
	subject := "Return receipt"
	if len(failed) > 0 {
		rep.Kind = dsn.Failure
		subject = failed[len(failed)-1].Status.Text
		if m.inherited {
			subject = "Unable to deliver mail"
		}
		if expired {
			rep.Limit = m.site.timeouts.Return.For(m.env)
			subject = "Cannot send message for " + dsn.Words(rep.Limit)
		}
	}
	rep.HeaderOnly = rep.Kind == dsn.Receipt || m.headerOnly()
	for _, r := range list {
		rep.Recipients = append(rep.Recipients, m.reportRecipient(r, m.actionOf(r)))
		m.markReported(r)
	}
	if len(failed) > 0 && (m.exit == status.Software || m.exit == status.Config) {
		rep.Copy = "postmaster" // it is for him to mend
	}
	err := m.sendReport(ctx, rep, subject)
	if err == nil && len(failed) > 0 {
		if copyTo := m.expand(m.site.options.PostmasterCopy); copyTo != "" && m.env.Sender != "" {
			rep.Kind, rep.Copy = dsn.Postmaster, ""
			err = m.send(ctx, rep, copyTo, "postmaster notify: "+subject)
		}
	}
	return err
}

// headerOnly reports whether reports bring the header back without the body: as the sender or the site has it, and for mass
// mailings.
func (m *message) headerOnly() bool {
	return m.env.Flags.NoReturn || m.site.options.privacy.has(noBodyReturn)
}

func failures(list []*envelope.Recipient) []*envelope.Recipient {
	var out []*envelope.Recipient
	for _, r := range list {
		if r.State == envelope.Failed {
			out = append(out, r)
		}
	}
	return out
}

// markReported remembers that nothing more is to be told of a recipient.
func (m *message) markReported(r *envelope.Recipient) {
	if m.reported == nil {
		m.reported = map[*envelope.Recipient]bool{}
	}
	m.reported[r] = true
}

// sendReport finds out to whom a report goes: the sender, or where there is none the postmaster, or nobody.
func (m *message) sendReport(ctx context.Context, rep *dsn.Report, subject string) error {
	if m.env.Sender != "" && !m.env.Flags.Response {
		what := "DSN: "
		return m.send(ctx, rep, m.returnPath(), what+subject)
	}
	if rep.Kind != dsn.Failure {
		return nil
	}
	if m.env.Flags.Response && m.toPostmaster() {
		m.lost = true
		return nil
	}
	to := m.expand(m.site.options.DoubleBounceAddress)
	if to == "" {
		m.log(logInfo, maillog.LevelMalformed, "double bounce dropped: %s", subject)
		return nil
	}
	rep.Kind, rep.Copy = dsn.Postmaster, ""
	what := "postmaster notify: "
	if m.env.Flags.Response {
		what = "return to sender: "
	}
	return m.send(ctx, rep, to, what+subject)
}

// returnPath is where reports go.
func (m *message) returnPath() string {
	if m.env.SenderText != "" {
		return m.env.SenderText
	}
	return "<" + m.env.Sender + ">"
}

// toPostmaster reports whether the message was a double bounce already: another one would go the same way.
func (m *message) toPostmaster() bool {
	to := m.expand(m.site.options.DoubleBounceAddress)
	for _, r := range m.env.Recipients {
		for p := r; p != nil; p = p.Alias {
			if strings.EqualFold(bareAddress(p.Addr), to) || strings.EqualFold(bareAddress(p.Final), to) {
				return true
			}
		}
	}
	return to == ""
}

// reportRecipient is what a report tells of one recipient.
func (m *message) reportRecipient(r *envelope.Recipient, action dsn.Action) dsn.Recipient {
	out := dsn.Recipient{Recipient: r, Action: action}
	mailer := m.site.Mailer(r.Triple.Mailer)
	if mailer != nil {
		out.DiagnosticType, out.RemoteType = mailer.DiagType, mailer.MTAType
		shown := *r
		out.Recipient = &shown
		if mailer.Path != "[IPC]" {
			shown.Status.Remote = ""
		}
		if mailer.DiagType == "X-Unix" && r.Status.Permanent() {
			shown.Status.Diagnostic = exitCode(r.Status)
		}
	}
	if !m.site.options.privacy.has(noActualRecipient) {
		out.ActualType, out.Actual = "rfc822", r.Triple.User
		if r.Triple.Mailer == "prog" || r.Triple.Mailer == "*file*" {
			out.ActualType, out.Actual = "X-Unix", strings.Trim(out.Actual, `"`)
		} else if !strings.Contains(out.Actual, "@") {
			out.Actual += "@" + m.site.Hostname()
		}
	}
	return out
}

// unknownExit begins the words for an exit code that sysexits does not name.
const unknownExit = "unknown mailer error "

// exitCode is what a program or a file ended with, as a number.
func exitCode(s status.Status) string {
	if n, ok := strings.CutPrefix(s.Text, unknownExit); ok {
		return n
	}
	return strconv.Itoa(s.Exit)
}

// warn tells the sender that the message is still being tried.
func (m *message) warn(ctx context.Context, pending []*envelope.Recipient) error {
	if m.env.Sender == "" || m.env.Flags.Response || m.env.Class < 0 {
		return nil
	}
	limits := m.site.timeouts
	rep := &dsn.Report{Kind: dsn.Delay, Envelope: m.env, HeaderOnly: m.headerOnly(),
		Waited: limits.Warn.For(m.env), Limit: limits.Return.For(m.env)}
	for _, r := range pending {
		if r.Notify != 0 && r.Notify&envelope.NotifyDelay == 0 {
			continue
		}
		rep.Recipients = append(rep.Recipients, m.reportRecipient(r, dsn.Delayed))
		r.Delayed = true
	}
	m.env.Flags.Warning = true
	if len(rep.Recipients) == 0 {
		return nil
	}
	subject := fmt.Sprintf("Warning: could not send message for past %s", dsn.Words(rep.Waited))
	m.transcript.WriteString(subject[:9] + "message still undelivered after " + dsn.Words(rep.Waited) +
		"\nWill keep trying until message is " + dsn.Words(rep.Limit) + " old\n")
	return m.send(ctx, rep, m.returnPath(), "sender notify: "+subject)
}

// send writes a report as a message of its own and queues it. what is for the log.
func (m *message) send(ctx context.Context, rep *dsn.Report, to, what string) error {
	b := m.srv.newMessage(m.site, m.srv.macros, m.srv.spool.NewID())
	entry, err := m.srv.spool.Group("").CreateAs(ctx, b.id)
	if err != nil {
		return fmt.Errorf("mta: report about %s: %w", m.id, err)
	}
	b.entry = entry
	b.rename(entry.ID())
	b.daemonSender(ctx)
	b.env.Body = m.env.Body
	r := &envelope.Recipient{Addr: to, Primary: true, Notify: envelope.NotifyNever}
	a, refusal := b.resolve(ctx, to, forRecipient)
	if refusal != nil {
		b.abort()
		return m.undeliverableReport(ctx, rep, to, refusal)
	}
	r.Notify = 0
	r.Triple = a.Triple()
	r.Final = b.finalRecipient(to, a)
	b.env.Recipients = []*envelope.Recipient{r}
	if rep.Copy != "" {
		c := &envelope.Recipient{Addr: rep.Copy, Primary: true}
		if a, refusal := b.resolve(ctx, rep.Copy, forRecipient); refusal == nil {
			c.Triple, c.Final = a.Triple(), b.finalRecipient(rep.Copy, a)
			b.env.Recipients = []*envelope.Recipient{c, r}
		}
	}
	m.fill(rep, b, to)
	if err := b.writeReport(rep, m.reportSize(rep)); err != nil {
		return errors.Join(fmt.Errorf("mta: report about %s: %w", m.id, err), entry.Abort())
	}
	m.log(logInfo, maillog.LevelErrors, "%s: %s", b.id, what)
	m.srv.deliverSoon(b)
	return nil
}

// undeliverableReport gives a report whose addressee cannot be resolved to the postmaster.
func (m *message) undeliverableReport(ctx context.Context, rep *dsn.Report, to string, why *status.Status) error {
	m.log(logNotice, maillog.LevelMalformed, "report to %s: %s", to, why.Text)
	pm := m.expand(m.site.options.DoubleBounceAddress)
	if pm == "" || pm == to {
		m.lost = true
		return nil
	}
	rep.Kind, rep.Copy = dsn.Postmaster, ""
	return m.send(ctx, rep, pm, "postmaster notify: "+why.Text)
}

// daemonSender makes the message one of our own: from MAILER-DAEMON, with the null sender in SMTP.
func (m *message) daemonSender(ctx context.Context) {
	m.env.Flags.Response = true
	m.env.SenderText = "MAILER-DAEMON"
	if n := m.expand(string([]byte{0x81, 'n'})); n != "" {
		m.env.SenderText = n
	}
	if a, refusal := m.resolve(ctx, m.env.SenderText, forSender); refusal == nil {
		m.sender = a
		m.senderMailer = m.site.Mailer(a.MailerName())
	}
	m.set("f", m.env.SenderText)
	m.set("g", m.env.SenderText)
	m.set("_", "localhost")
	m.set("s", "localhost")
	m.set("r", "")
	m.set("x", "Mail Delivery Subsystem")
	m.set("{daemon_flags}", "")
	m.relay = "localhost"
}

// fill gives a report what it tells of this message.
func (m *message) fill(rep *dsn.Report, b *message, to string) {
	rep.ID = b.id
	rep.Hostname = m.site.Hostname()
	rep.To = to
	rep.Now = m.srv.now().In(m.site.options.zone)
	rep.Received = m.get("_")
	if host, _, ok := strings.Cut(rep.Received, " ["); ok && !strings.HasSuffix(rep.Received, "@localhost") {
		rep.ReceivedFrom = host
	}
	rep.Header = m.shownHeader()
	rep.Transcript = bytes.NewReader(m.transcript.Bytes())
	rep.ErrorHeader = m.errorHeader()
	rep.Plain = !m.site.options.SendMimeErrors
}

// errorHeader is what stands above the errors: ErrorHeader, or what is in the file that it names by an absolute path.
func (m *message) errorHeader() string {
	text := m.site.options.ErrorHeader
	if !strings.HasPrefix(text, "/") {
		return m.expand(text)
	}
	c, err := m.site.fileChecker()
	if err != nil {
		return ""
	}
	f, err := c.Open(text, safefile.ErrorHeader)
	if err != nil {
		m.log(logErr, maillog.LevelSerious, "cannot open %s: %s", text, safefile.Reason(err))
		return ""
	}
	defer f.Close()
	var b strings.Builder
	lines := bufio.NewScanner(io.LimitReader(f, maxErrorHeader))
	for lines.Scan() {
		b.WriteString(m.bind(lines.Text(), m.macros) + "\n")
	}
	return b.String()
}

// maxErrorHeader bounds how much of the ErrorHeader file is sent, in bytes.
const maxErrorHeader = 64 << 10

// shownHeader is the header as reports bring it back.
func (m *message) shownHeader() []envelope.Field {
	out := make([]envelope.Field, 0, len(m.env.Header))
	for _, f := range m.env.Header {
		kind := kindOf(f.Name)
		if kind.is(fieldBcc) || strings.EqualFold(f.Name, "full-name") {
			continue
		}
		if f.Template {
			f.Value, f.Template = " <"+m.env.Sender+">", false
		}
		f.Flags = ""
		out = append(out, f)
	}
	return out
}

// writeReport stores header and body of a report and commits it; size counts for its priority.
func (b *message) writeReport(rep *dsn.Report, size int64) error {
	cw := &countingWriter{w: b.entry}
	if err := rep.WriteBody(cw); err != nil {
		return err
	}
	b.env.Size = cw.n
	fields := rep.Fields()
	b.env.Header = append(b.defaults(fields), fields...)
	b.env.Size += headerSize(fields)
	b.complete()
	b.priorityOf(size)
	b.countFrom(size)
	return b.entry.Commit(b.env)
}

// reportSize is what counts for the priority of a report about this message: what the report says is taken for a kilobyte, and for
// nothing where no body comes back.
func (m *message) reportSize(rep *dsn.Report) int64 {
	if rep.HeaderOnly {
		return 0
	}
	return 1024 + m.size
}

type countingWriter struct {
	w *queue.Entry
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
