package mta

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// finish tells the sender what he is to know and ends the message or leaves the rest of it in the queue. Reports are
// safe in the queue before a recipient leaves it, so that a crash repeats a report rather than losing it; what cannot
// be told now is kept and told by a later run.
func (m *message) finish(ctx context.Context) error {
	env := m.env
	now := m.srv.now()
	limits := m.site.timeouts
	expired := ""
	if m.waits == nil && len(env.PendingRecipients()) > 0 {
		expired = m.expire(now)
	}
	err := m.report(ctx, expired)
	pending := env.PendingRecipients()
	if m.waits == nil && len(pending) > 0 && !env.Flags.Warning && !m.quiet {
		warns := limits.WarnDue(env, now)
		if late := !warns && env.Overdue(envelope.ByNotify, now); warns || late {
			err = errors.Join(err, m.warn(ctx, pending, late))
		}
	}
	gone, err := m.depart(ctx, err)
	if gone && m.srv.Log.Enabled(maillog.LevelExpansion) {
		m.log(logInfo, maillog.LevelExpansion, "done; delay=%s, ntries=%d", interval(now.Sub(env.Created)), env.Tries)
	}
	return err
}

// depart removes the message where nobody waits, every report is safe and all parts stand by themselves; else what is
// left to do stays in the queue. reported is why a report could not be stored; gone is set where the message was
// removed.
func (m *message) depart(ctx context.Context, reported error) (gone bool, err error) {
	switch {
	case len(m.env.PendingRecipients()) > 0 || len(m.env.Parts) > 0 || reported != nil:
		return false, errors.Join(reported, m.store())
	case m.lost && !m.dropLetter(ctx):
		if err := m.store(); err != nil {
			return false, err // a later run comes to the same end
		}
		return false, m.lose()
	}
	return true, m.entry.Remove()
}

// store writes the queue file anew: with those who wait, and the outcomes of which the sender is yet to be told.
func (m *message) store() error {
	m.noteOwed()
	return m.entry.Update(m.env)
}

// noteOwed marks the recipients of whom the sender is yet to be told.
func (m *message) noteOwed() {
	owed := map[*envelope.Recipient]bool{}
	for _, r := range m.reportable() {
		owed[r] = true
	}
	for _, r := range m.env.Recipients {
		r.Owed = owed[r]
	}
}

// lose sets a message aside that can be neither delivered nor returned.
func (m *message) lose() error {
	m.log(logAlert, 0, "Losing ./qf%s: savemail panic", m.id)
	m.sysErr("savemail: cannot save rejected email anywhere")
	return m.entry.Lose(errors.New("savemail panic"))
}

// loopCode is the enhanced code of what goes round in circles (RFC 3463 section 3.5).
var loopCode = status.Enhanced{5, 4, 6}

// reportable returns the recipients of whom the sender is to hear now: failures unless NOTIFY says otherwise, successes
// where it asks for them.
func (m *message) reportable() []*envelope.Recipient {
	var list []*envelope.Recipient
	children := m.children()
	for _, r := range m.env.Recipients {
		if m.quiet && r.State == envelope.Failed {
			continue // whoever handed the message in is told at once
		}
		if !m.reported[r] && (r.Owed || m.due(r, children[r])) {
			list = append(list, r)
		}
	}
	return list
}

// due reports whether the sender is to hear of the outcome of a recipient, who was expanded to so many.
func (m *message) due(r *envelope.Recipient, children int) bool {
	n := r.Notify
	if m.failuresOnly && r.State != envelope.Failed {
		return false
	}
	switch r.State {
	case envelope.Failed:
		return !m.quiet && n&envelope.NotifyNever == 0 && (n == 0 || n&envelope.NotifyFailure != 0)
	case envelope.Expanded:
		return m.receipts(n) && (r.List || children > 1)
	case envelope.Delivered, envelope.Relayed:
		return m.receipts(n) && m.reportsSuccess(r)
	case envelope.RelayedNotify, envelope.RelayedTrace:
		return true // BY= asked for it
	}
	return false
}

// receipts reports whether a success is told: the sender asked, and the site allows it (PrivacyOptions=noreceipts).
func (m *message) receipts(n envelope.Notify) bool {
	return n&envelope.NotifySuccess != 0 && !m.site.options.privacy.has(noReceipts)
}

// actionOf is what a report says became of a recipient.
func (m *message) actionOf(r *envelope.Recipient) dsn.Action {
	if r.State == envelope.Expanded && r.List {
		return dsn.DeliveredList
	}
	return dsn.ActionOf(r.State)
}

// children counts what each alias was expanded to.
func (m *message) children() map[*envelope.Recipient]int {
	n := map[*envelope.Recipient]int{}
	for _, r := range m.env.Recipients {
		if r.Alias != nil {
			n[r.Alias]++
		}
	}
	return n
}

// reportsSuccess reports whether a success is ours to tell: not where the peer promised to do so, and not for what an
// alias was expanded to, since that is told of the alias.
func (m *message) reportsSuccess(r *envelope.Recipient) bool {
	if r.State != envelope.Delivered {
		return true
	}
	return m.isFinal(r.Triple.Mailer)
}

// isFinal reports whether a mailer delivers for good here, so that nobody behind it could report on a delivery.
func (m *message) isFinal(name string) bool {
	mailer := m.site.Mailer(name)
	return mailer != nil && mailer.Flags.Has('l') || name == "prog" || name == "*file*"
}

// report makes one DSN about those of whom the sender is to hear, and the postmaster's copy, and puts them into the
// queue: both or none. expired is what the log says where the message waited too long.
func (m *message) report(ctx context.Context, expired string) error {
	list := m.reportable()
	if m.quiet && len(failures(m.env.Recipients)) > 0 {
		m.seekSender(ctx)
	}
	if len(list) == 0 {
		return nil
	}
	failed := failures(list)
	rep := &dsn.Report{Kind: dsn.Receipt, Envelope: m.env}
	subject := "Return receipt"
	if len(failed) > 0 {
		rep.Kind = dsn.Failure
		subject = m.subjectOf(failed)
		if expired != "" {
			rep.Limit, subject = m.site.timeouts.Return.For(m.env), expired
		}
	}
	rep.HeaderOnly = rep.Kind == dsn.Receipt || m.headerOnly()
	if m.site.options.UseErrorsTo && m.env.Sender != "" {
		rep.ErrorsTo = m.splitList(m.errorsTo, false)
	}
	rep.Recipients = m.reportRecipients(list, rep.Kind == dsn.Failure)
	if len(failed) > 0 && (m.exit == status.Software || m.exit == status.Config || slices.ContainsFunc(failed, ourFault)) {
		rep.Copy = "postmaster" // it is for him to mend
		if m.sender != nil {    // the original keeps addressees sorted
			to := m.sender.Triple()
			rep.CopyLast = to.Host == "" && to.User < rep.Copy
		}
	}
	var out outbox
	defer out.abort()
	if len(failed) == 0 || !m.saveLetter(ctx) {
		if err := m.toSender(ctx, &out, rep, subject); err != nil || m.lost {
			return err
		}
	}
	copyTo := m.expand(m.site.options.PostmasterCopy)
	if copyTo != "" && len(failed) > 0 && !m.env.Flags.Response && m.env.Class >= 0 {
		rep.Kind, rep.Copy, rep.ErrorsTo, rep.HeaderOnly = dsn.Postmaster, "", nil, true
		if err := m.write(ctx, &out, rep, copyTo, "postmaster notify: "+subject); err != nil {
			return err
		}
	}
	if err := out.commit(); err != nil {
		return fmt.Errorf("mta: report about %s: %w", m.id, err)
	}
	for _, r := range list {
		m.markReported(r)
	}
	m.post(&out)
	return nil
}

// subjectOf is what the log says of a report about recipients who failed: those of a split part who failed before it
// was split have no say.
func (m *message) subjectOf(failed []*envelope.Recipient) string {
	if m.inherited {
		failed = slices.DeleteFunc(slices.Clone(failed), m.waiting)
	}
	if len(failed) == 0 {
		return "Unable to deliver mail"
	}
	return m.subject(failed[len(failed)-1])
}

// ourFault reports whether a recipient failed by a mistake in our configuration or in the DNS about us.
func ourFault(r *envelope.Recipient) bool { return isFault(r.Status.Err) }

// subject is what the log says of a report about a recipient: what is wrong with him, or with his address.
func (m *message) subject(r *envelope.Recipient) string {
	switch {
	case tooLargeFor(r.Status):
		return status.FromExit(r.Status.Exit).Text
	case (m.routed || m.srv.handedIn) && m.env.Message != "":
		return m.env.Message
	}
	return r.Status.Text
}

// headerOnly reports whether reports bring the header back without the body: as the sender or the site has it, and for
// mass mailings.
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

// toSender finds out to whom a report goes: the sender, or where there is none the postmaster, or nobody.
func (m *message) toSender(ctx context.Context, out *outbox, rep *dsn.Report, subject string) error {
	if m.env.Sender != "" && !m.env.Flags.Response {
		return m.write(ctx, out, rep, m.returnPath(), "DSN: "+subject)
	}
	if rep.Kind != dsn.Failure {
		return nil
	}
	to := m.expand(m.site.options.DoubleBounceAddress)
	if to != "" && m.env.Flags.Response && m.toPostmaster() {
		m.lost = true
		return nil
	}
	if to == "" && m.env.Flags.Response {
		return nil
	}
	if to == "" {
		m.log(logInfo, maillog.LevelMalformed, "double bounce dropped: %s", subject)
		return nil
	}
	rep.Kind, rep.Copy, rep.ErrorsTo = dsn.Postmaster, "", nil
	what := "postmaster notify: "
	if m.env.Flags.Response {
		what = "return to sender: "
	}
	return m.write(ctx, out, rep, to, what+subject)
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
		if r.State != envelope.Failed {
			continue
		}
		for p := r; p != nil; p = p.Alias {
			if strings.EqualFold(bareAddress(p.Addr), to) || strings.EqualFold(bareAddress(p.Final), to) {
				return true
			}
		}
	}
	return to == ""
}

// reportRecipients is what a report tells of those whose turn it is. A report of failures in a header says of lists,
// for programs, that they were expanded.
func (m *message) reportRecipients(due []*envelope.Recipient, failure bool) (list []dsn.Recipient) {
	turn := make(map[*envelope.Recipient]bool, len(due))
	for _, r := range due {
		turn[r] = true
	}
	children := m.children()
	for _, r := range m.env.Recipients {
		switch {
		case turn[r]:
			list = append(list, m.reportRecipient(r, m.actionOf(r)))
		case failure && m.namesLists && r.State == envelope.Expanded && children[r] > 1:
			named := m.reportRecipient(r, m.actionOf(r))
			named.Unsaid = true
			list = append(list, named)
		}
	}
	return list
}

// reportRecipient is what a report tells of one recipient.
func (m *message) reportRecipient(r *envelope.Recipient, action dsn.Action) dsn.Recipient {
	out := dsn.Recipient{Recipient: r, Action: action}
	mailer := m.site.Mailer(r.Triple.Mailer)
	if mailer != nil {
		out.DiagnosticType, out.RemoteType = cmp.Or(mailer.DiagType, "smtp"), mailer.MTAType
		shown := *r
		out.Recipient = &shown
		if mailer.Path != "[IPC]" || r.Status.Scope == status.OfSession {
			shown.Status.Remote = ""
		}
		if mailer.DiagType == "X-Unix" && r.Status.Permanent() && !m.waiting(r) && !tooOld(r.Status.Enhanced) &&
			r.Status.Enhanced != loopCode {
			shown.Status.Diagnostic = exitCode(r.Status)
		}
		if mailer.DiagType == "X-Unix" && action == dsn.Delayed && r.Status.Exit == status.TempFail && r.Status.Diagnostic == "" {
			shown.Status.Diagnostic, shown.Status.Enhanced = exitCode(r.Status), status.Enhanced{4, 2, 0}
		}
	}
	if m.routed && r.State == envelope.Delivered {
		shown := *out.Recipient
		shown.Status.Enhanced = status.Enhanced{2, 1, 5}
		out.Recipient = &shown
	}
	if mailer != nil && mailer.DiagType == "SMTP" && r.Status.Remote == "" {
		out.Recipient = unreachable(out.Recipient)
	}
	if !m.site.options.privacy.has(noActualRecipient) && mailer != nil && r.Triple.User != "" {
		out.ActualType, out.Actual = "rfc822", r.Triple.User
		if r.Triple.Mailer == "prog" || r.Triple.Mailer == "*file*" {
			out.ActualType = "X-Unix"
			if r.Alias != nil && r.Status.Enhanced != loopCode { // of which no mailer heard
				out.Actual = unquote(out.Actual)
			}
			return out
		}
		if mailer.Flags.Has('s') && r.Status.Enhanced != loopCode && !m.waiting(r) {
			out.Actual = unquote(out.Actual) // as the mailer was told
		}
		if strings.HasPrefix(r.Addr, `\`) && !strings.HasPrefix(out.Actual, `\`) {
			out.Actual = `\` + out.Actual // which the expansion has taken off
		}
		if !strings.Contains(out.Actual, "@") {
			out.Actual += "@" + m.site.Hostname()
		}
	}
	return out
}

// unreachable says of a recipient whose host is unknown, or takes no mail, what the original says.
func unreachable(r *envelope.Recipient) *envelope.Recipient {
	shown := *r
	host := strings.TrimSuffix(r.Triple.Host, ".")
	fault, _ := errors.AsType[*mailers.Fault](r.Status.Err)
	switch {
	case r.Status.Exit == status.NoHost && r.Status.Enhanced == status.Enhanced{5, 1, 2}:
		_, name, _ := strings.Cut(r.Status.Text, "(Name server: ")
		name, why, _ := strings.Cut(name, ": ")
		switch asked := strings.TrimSuffix(name, "."); {
		case name != "" && asked != host:
			host = asked // an exchanger
		case name == "" || why == "host not found)":
			shown.Status.Diagnostic = "550 Host unknown"
		}
	case fault != nil && strings.HasPrefix(fault.Text, "MX list for "):
		shown.Status.Enhanced = status.Enhanced{5, 5, 0}
	case r.Status.Code == 556:
		shown.Status.Diagnostic = "556 Host does not accept mail: MX 0 ."
	default:
		return r
	}
	shown.Status.Remote = host
	return &shown
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

// undeliverable gives a report whose addressee cannot be reached to the postmaster.
func (m *message) undeliverable(ctx context.Context, out *outbox, rep *dsn.Report, to *envelope.Recipient, why *status.Status) error {
	m.logTo([]*envelope.Recipient{to}, toLine{mailer: to.Triple.Mailer, status: *why, refused: true})
	if rep.Kind == dsn.Receipt && (m.routed || m.srv.handedIn) {
		m.log(logInfo, maillog.LevelErrors, "%s: DSN: Return receipt", m.srv.spool.NewID())
		m.exit = why.Exit
		return nil
	}
	m.transcribe(to, *why)
	m.unreturned = to.Addr + "... " + why.Text
	m.reason(why.Text, !why.Permanent())
	pm := m.expand(m.site.options.DoubleBounceAddress)
	if pm == "" {
		return nil // double bounces are not wanted
	}
	if pm == to.Addr {
		m.lost = true
		return nil
	}
	rep.Kind, rep.Copy, rep.ErrorsTo = dsn.Postmaster, "", nil
	return m.write(ctx, out, rep, pm, "postmaster notify: "+why.Text)
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
	if host, _, ok := strings.Cut(rep.Received, " ["); ok && !m.queued && !strings.HasSuffix(rep.Received, "@localhost") {
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

// shownHeader is the header as reports bring it back: as it came by SMTP; that of mail handed in here, whose addresses
// may stand without a host, as the local mailer would have it.
func (m *message) shownHeader() []envelope.Field {
	out := make([]envelope.Field, 0, len(m.env.Header))
	local := m.site.Mailer("local")
	if m.get("r") != "" && !m.namedBefore && !m.srv.handedIn {
		local = nil
	}
	for _, f := range m.env.Header {
		kind := kindOf(f.Name)
		if kind.is(fieldCheck) && f.Flags == "" || m.consumed(kind) {
			continue
		}
		if kind.is(fieldBcc) {
			f.Value = ""
		}
		if strings.EqualFold(f.Name, "full-name") {
			continue
		}
		if f.Template {
			f.Value, f.Template = " <"+bareAddress(unquoteMacro(m.get("f")))+">", false
		}
		if f.Nobody() {
			f.Value = " " + m.env.Sender // the owner of a list
		}
		if local != nil && kind.is(fieldFrom|fieldRcpt) && !kind.is(fieldBcc) && strings.TrimSpace(f.Value) != "" {
			f.Value = m.rewriteList(context.Background(), m.envAbove(m.macros), &f, kind, local)
		}
		f.Flags = ""
		out = append(out, f)
	}
	return out
}
