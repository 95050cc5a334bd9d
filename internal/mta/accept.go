package mta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
	"gosendmail/queue"
)

// Mail begins a transaction. addr is the reverse path as the client wrote it, with its angle brackets.
func (c *Session) Mail(ctx context.Context, addr string, opts *smtp.MailOptions) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	if c.mustAuthenticate() {
		return reply(530, status.Enhanced{5, 7, 0}, "Authentication required")
	}
	if c.msg != nil {
		return reply(503, status.Enhanced{5, 5, 0}, "Sender already specified")
	}
	o := &c.site.options
	if c.helo == "" && o.privacy.has(needMailHelo) {
		return reply(503, status.Enhanced{5, 0, 0}, "Polite people say HELO first")
	}
	ctx = c.deferring(ctx)
	m := c.srv.newMessage(c.site, c.macros, c.id)
	c.msg, c.ghost = m, nil
	m.beginSession(c)
	if c.helo == "" {
		m.authWarning("%s didn't use HELO protocol", c.relay)
	}
	if refusal := c.sender(ctx, m, addr, opts); refusal != nil {
		if m.rejected == nil {
			m.rejected = refusal
		}
		c.forget(m)
		return refusal.Reply()
	}
	return reply(250, status.Enhanced{2, 1, 0}, clipped(addr)+"... Sender ok")
}

// MailBy is Mail with the BY parameter (RFC 2852).
func (c *Session) MailBy(ctx context.Context, addr string, opts *smtp.MailOptions, by *smtp.DeliverByOptions) status.Reply {
	seconds := int64(by.Time / time.Second)
	minimum := int64(c.site.options.DeliverByMin / time.Second)
	if by.Mode == smtp.DeliverByReturn && (seconds <= 0 || seconds < minimum) {
		return reply(555, status.Enhanced{5, 5, 2}, fmt.Sprintf("time %d less than %d", seconds, max(minimum, 1)))
	}
	r := c.Mail(ctx, addr, opts)
	if c.msg != nil && r.Code < 400 {
		mode := envelope.ByNotify
		if by.Mode == smtp.DeliverByReturn {
			mode = envelope.ByReturn
		}
		c.msg.env.DeliverBy = envelope.DeliverBy{Mode: mode, Time: by.Time, Trace: by.Trace}
	}
	return r
}

// forget drops a transaction whose MAIL was refused; the log has the refusal already and the identifier serves the next
// one.
func (c *Session) forget(m *message) {
	c.msg, c.ghost = nil, m
}

// sender does what MAIL asks for: it returns nil, or why the sender is refused.
func (c *Session) sender(ctx context.Context, m *message, addr string, opts *smtp.MailOptions) *status.Status {
	o := &c.site.options
	if refusal := m.setSender(ctx, addr); refusal != nil {
		return refusal
	}
	caller, local := c.srv.Caller, !c.client.addr.IsValid()
	if local && caller.UID != 0 && !c.site.trusted(caller.Name) && !m.isCaller() {
		m.authWarning("%s owned process doing -bs", caller.Name)
	}
	if refusal := m.mailOptions(opts); refusal != nil {
		return refusal
	}
	if opts != nil {
		c.trustAuth(ctx, m, addr, opts.Auth)
	}
	m.set("{mail_from}", addr) // for delay_checks where _FFR_MAIL_MACRO is set, as by Debian
	if v := m.check(ctx, "check_mail", addr); v != nil {
		if refusal := m.obey(v, addr); refusal != nil {
			return refusal
		}
	}
	if o.MaxMessageSize > 0 && opts != nil && opts.Size > o.MaxMessageSize {
		return &status.Status{Exit: status.Unavailable, Code: 552, Enhanced: status.Enhanced{5, 2, 3},
			Text: fmt.Sprintf("Message size exceeds fixed maximum message size (%d)", o.MaxMessageSize)}
	}
	if opts != nil {
		if err := c.srv.spool.Group("").Space(opts.Size); errors.Is(err, queue.ErrNoSpace) {
			m.log(logAlert, 0, "low on space (%s needs %d bytes + %d blocks in %s), max avail: %d",
				c.client.name, opts.Size, o.MinFreeBlocks, o.QueueDirectory, freeBlocks(o.QueueDirectory))
			return &status.Status{Exit: status.TempFail, Code: 452, Enhanced: status.Enhanced{4, 4, 5},
				Text: "Insufficient disk space; try again later"}
		}
	}
	return nil
}

// mailOptions keeps the parameters of MAIL.
func (m *message) mailOptions(opts *smtp.MailOptions) *status.Status {
	if opts == nil {
		return nil
	}
	env := m.env
	switch opts.Body {
	case "", smtp.Body7Bit, smtp.Body8BitMIME:
		env.Body = string(opts.Body)
	default:
		return &status.Status{Exit: status.Usage, Code: 501, Enhanced: status.Enhanced{5, 5, 4},
			Text: "Unknown BODY type " + string(opts.Body)}
	}
	env.Size = opts.Size
	if opts.Size > 0 {
		m.set("{msg_size}", itoa(opts.Size))
	}
	if m.site.options.dsn() {
		env.Ret = envelope.Return(opts.Return)
		env.Flags.RetParam = opts.Return != ""
		env.Flags.NoReturn = opts.Return == smtp.DSNReturnHeaders
		env.EnvID = opts.EnvelopeID
		m.set("{dsn_ret}", strings.ToLower(string(opts.Return)))
		m.set("{dsn_envid}", opts.EnvelopeID)
		m.set("{envid}", opts.EnvelopeID)
	}
	return nil
}

// Rcpt adds a recipient. addr is the forward path as the client wrote it.
func (c *Session) Rcpt(ctx context.Context, addr string, opts *smtp.RcptOptions) status.Reply {
	if r, no := c.refused(); no {
		return r
	}
	m := c.msg
	if m == nil {
		return reply(503, status.Enhanced{5, 0, 0}, "Need MAIL before RCPT")
	}
	o := &c.site.options
	if o.MaxRecipientsPerMessage > 0 && m.named >= o.MaxRecipientsPerMessage {
		m.log(logNotice, 6, "Too many recipients")
		return reply(452, status.Enhanced{4, 5, 3}, "Too many recipients")
	}
	if m.flooded() {
		m.log(logInfo, 5, "%s: Possible SMTP RCPT flood, shutting down connection.", c.relay)
		r := reply(421, status.Enhanced{4, 7, 0}, c.site.Hostname()+" Too many bad recipients; closing connection")
		r.Close = true
		return r
	}
	delay := c.throttle()
	answer := c.named(c.deferring(ctx), m, addr, opts)
	answer.Delay = delay
	return answer
}

// named answers RCPT of a recipient who may be named.
func (c *Session) named(ctx context.Context, m *message, addr string, opts *smtp.RcptOptions) status.Reply {
	r, refusal := m.recipient(ctx, addr, opts)
	if refusal != nil {
		c.countBad()
		return refusal.Reply()
	}
	m.named++
	if twin := m.sameRecipient(r); twin != nil {
		twin.Notify |= r.Notify
		return reply(250, status.Enhanced{2, 1, 5}, clipped(twin.Addr)+"... Recipient ok")
	}
	if m.discard {
		m.thrownAway++
	} else {
		m.env.Recipients = append(m.env.Recipients, r)
	}
	m.accepted++
	m.set("{nrcpts}", fmt.Sprint(m.accepted))
	if r.Triple.Mailer == "" {
		return reply(250, status.Enhanced{2, 1, 5}, clipped(addr)+"... Recipient ok (will queue)")
	}
	return reply(250, status.Enhanced{2, 1, 5}, clipped(addr)+"... Recipient ok")
}

// countBad counts a recipient that was refused.
func (c *Session) countBad() {
	c.bad++
	if m := c.msg; m != nil {
		m.badRecipients++
		m.set("{nbadrcpts}", fmt.Sprint(m.badRecipients))
	}
}

// flooded reports whether the client named so many wrong recipients that it is cut off: at least BadRcptShutdown, and
// BadRcptShutdownGood percent of all.
func (m *message) flooded() bool {
	o := &m.site.options
	bad := m.badRecipients
	return o.BadRcptShutdown > 0 && bad >= o.BadRcptShutdown && bad*100/(m.named+bad) >= o.BadRcptShutdownGood
}

// recipient resolves and verifies one forward path: the rulesets, then for local mailers aliases and accounts.
func (m *message) recipient(ctx context.Context, addr string, opts *smtp.RcptOptions) (*envelope.Recipient, *status.Status) {
	r := &envelope.Recipient{Addr: addr, Primary: true}
	if refusal := m.rcptOptions(r, opts); refusal != nil {
		return nil, refusal
	}
	a, refusal := m.admit(ctx, addr, forRecipient)
	if refusal != nil {
		m.log(logNotice, 5, "%s", refusal.Text)
		return nil, refusal
	}
	m.setAddress("{rcpt_mailer}", "{rcpt_host}", "{rcpt_addr}", a)
	if v := m.check(ctx, "check_rcpt", addr); v != nil {
		if refusal := m.obey(v, addr); refusal != nil {
			return nil, refusal
		}
	}
	if !a.Status.Success() {
		m.unresolvable(r, a.Triple(), a.Status)
		return r, nil
	}
	r.Triple = a.Triple()
	if m.discard {
		return r, nil // as the original, which looks nobody up for whom nothing is kept
	}
	if refusal := m.verify(ctx, r, a); refusal != nil {
		m.strangers++
		return nil, m.refuse(addr, refusal)
	}
	r.Final = m.finalRecipient(addr, a)
	m.chooseGroup(a)
	return r, nil
}

// refuseQuietly is refuse for senders, whom the original does not log.
func (m *message) refuseQuietly(addr string, s *status.Status) *status.Status {
	out := about(addr, *s)
	return &out
}

// refuse gives a refusal the address that it is about, as replies and logs show it.
func (m *message) refuse(addr string, s *status.Status) *status.Status {
	out := about(addr, *s)
	m.log(logNotice, 5, "%s", out.Text)
	return &out
}

// rcptOptions keeps the parameters of RCPT.
func (m *message) rcptOptions(r *envelope.Recipient, opts *smtp.RcptOptions) *status.Status {
	if opts == nil || !m.site.options.dsn() {
		return nil
	}
	for _, n := range opts.Notify {
		switch n {
		case smtp.DSNNotifyNever:
			r.Notify |= envelope.NotifyNever
		case smtp.DSNNotifySuccess:
			r.Notify |= envelope.NotifySuccess
		case smtp.DSNNotifyFailure:
			r.Notify |= envelope.NotifyFailure
		case smtp.DSNNotifyDelayed:
			r.Notify |= envelope.NotifyDelay
		}
	}
	if opts.OriginalRecipient != "" {
		r.Orcpt = string(opts.OriginalRecipientType) + ";" + opts.OriginalRecipient
	}
	m.set("{dsn_notify}", notifyText(opts.Notify))
	return nil
}

func notifyText(list []smtp.DSNNotify) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = string(n)
	}
	return strings.Join(words, ",")
}
