package mta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/queue"
)

// outbox holds reports that are written and not in the queue yet.
type outbox struct {
	mails []outgoing
}

type outgoing struct {
	m    *message
	what string // for the log
}

// commit puts all reports into the queue, or none. A crash in between may leave some: they are repeated then.
func (o *outbox) commit() error {
	for i := range o.mails {
		b := o.mails[i].m
		err := b.entry.Commit(b.env)
		if err == nil {
			continue
		}
		for _, done := range o.mails[:i] {
			err = errors.Join(err, done.m.entry.Remove())
		}
		return err
	}
	return nil
}

// abort forgets what was not posted.
func (o *outbox) abort() {
	for _, mail := range o.mails {
		mail.m.abort()
	}
	o.mails = nil
}

// post hands the committed reports to the background.
func (m *message) post(o *outbox) {
	for _, mail := range o.mails {
		m.log(logInfo, maillog.LevelErrors, "%s: %s", mail.m.id, mail.what)
		m.srv.deliverSoon(mail.m)
	}
	o.mails = nil
}

// send writes one report and puts it into the queue.
func (m *message) send(ctx context.Context, rep *dsn.Report, to, what string) error {
	var out outbox
	defer out.abort()
	if err := m.write(ctx, &out, rep, to, what); err != nil {
		return err
	}
	if err := out.commit(); err != nil {
		return fmt.Errorf("mta: report about %s: %w", m.id, err)
	}
	m.post(&out)
	return nil
}

// write makes a report as a message of its own. what is for the log.
func (m *message) write(ctx context.Context, out *outbox, rep *dsn.Report, to, what string) error {
	b := m.srv.newMessage(m.site, m.srv.macros, m.srv.spool.NewID())
	entry, err := m.srv.spool.Group("").CreateAs(ctx, b.id)
	if err != nil {
		return fmt.Errorf("mta: report about %s: %w", m.id, err)
	}
	b.entry = entry
	b.rename(entry.ID())
	b.daemonSender(ctx)
	if m.routed || m.env.Flags.Response {
		b.watch = m.watch
	}
	if m.givenUp {
		b.about = m
	}
	b.env.Body = m.env.Body
	b.env.Flags.NoReturn = m.headerOnly()
	if m.namedBefore && !m.queued { // handed in here, in the first attempt: as the original
		b.likeOriginal(m)
	}
	if m.namedBefore || m.srv.handedIn { // the process is still that of the submission
		b.set("{daemon_flags}", m.get("{daemon_flags}"))
	}
	r := &envelope.Recipient{Addr: to, Primary: true, Notify: envelope.NotifyNever}
	a, refusal := b.resolve(ctx, to, forRecipient)
	if refusal == nil && a.Status.Success() {
		r.Triple = a.Triple()
		refusal = b.verify(ctx, r, a)
	}
	if refusal != nil {
		b.abort()
		if refusal.Temporary() {
			return fmt.Errorf("mta: report about %s to %s: %w", m.id, to, refusal)
		}
		return m.undeliverable(ctx, out, rep, r, refusal)
	}
	r.Notify = 0
	r.Triple = a.Triple()
	r.Final = b.finalRecipient(to, a)
	b.env.Recipients = []*envelope.Recipient{r}
	for _, also := range append([]string{rep.Copy}, rep.ErrorsTo...) {
		if a, refusal := b.resolve(ctx, also, forRecipient); also != "" && refusal == nil {
			b.env.Recipients = slices.Insert(b.env.Recipients, len(b.env.Recipients)-1,
				&envelope.Recipient{Addr: also, Primary: true, Triple: a.Triple(), Final: b.finalRecipient(also, a)})
		}
	}
	m.fill(rep, b, to)
	if err := b.compose(rep, m.reportSize(rep)); err != nil {
		b.abort()
		return fmt.Errorf("mta: report about %s: %w", m.id, err)
	}
	out.mails = append(out.mails, outgoing{b, what})
	return nil
}

// seekSender looks for whom nobody writes to in ErrorMode=quiet: the log shows where he cannot be reached.
func (m *message) seekSender(ctx context.Context) {
	if m.env.Sender == "" || m.env.Flags.Response {
		return
	}
	r := &envelope.Recipient{Addr: m.returnPath()}
	a, refusal := m.resolve(ctx, r.Addr, forRecipient)
	if refusal == nil && a.Status.Success() {
		r.Triple = a.Triple()
		refusal = m.verify(ctx, r, a)
	}
	if refusal != nil && refusal.Permanent() {
		m.logTo([]*envelope.Recipient{r}, toLine{mailer: r.Triple.Mailer, status: *refusal, refused: true})
		m.unreturned = r.Addr + "... " + refusal.Text
	}
}

// likeOriginal asks for what the sender of m asked for, should the report itself come back.
func (b *message) likeOriginal(m *message) {
	b.env.EnvID, b.env.Ret = m.env.EnvID, m.env.Ret
	b.env.Flags.RetParam = m.env.Flags.RetParam
	if b.env.Ret != "" && b.env.Flags.NoReturn {
		b.env.Ret = envelope.ReturnHeaders
	}
}

// compose writes the body of a report and makes its envelope; size counts for its priority.
func (b *message) compose(rep *dsn.Report, size int64) error {
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
	return nil
}

// reportSize is what counts for the priority of a report about this message: what the report says is taken for a
// kilobyte, and for nothing where no body comes back.
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
