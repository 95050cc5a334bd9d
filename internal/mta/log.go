package mta

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
)

// The priorities that this package logs with.
const (
	logAlert  = maillog.Alert
	logErr    = maillog.Err
	logNotice = maillog.Notice
	logInfo   = maillog.Info
	logDebug  = maillog.Debug
)

// log writes a line about the message, if LogLevel is at least level.
func (m *message) log(pri maillog.Priority, level int, format string, args ...any) {
	m.srv.Log.Logf(level, pri, m.id, format, args...)
}

// sysErr logs a failure of ours.
func (m *message) sysErr(format string, args ...any) {
	m.srv.Log.SysErr(m.id, m.srv.Caller.Name, fmt.Sprintf(format, args...))
}

// logFrom writes the from= line, once.
func (m *message) logFrom() {
	if m.logged || !m.srv.Log.Enabled(maillog.LevelCollect) {
		return
	}
	m.logged = true
	env := m.env
	m.srv.Log.From(m.id, &maillog.From{
		Sender: env.SenderText, Size: env.Size, Class: env.Class, Rcpts: m.recipients(), MsgID: m.messageID,
		BodyType: cmp.Or(m.bodyType, env.Body), Proto: m.proto, Daemon: m.daemon, Relay: m.relay,
	})
}

// recipients counts the recipients for the log: also those that failed after their address was understood, but for
// programs that were named themselves and names that stand for nobody.
func (m *message) recipients() int {
	n := 0
	for _, r := range m.env.Recipients {
		mailer := m.site.Mailer(r.Triple.Mailer)
		failed := r.State == envelope.Failed && (mailer == nil ||
			r.Alias == nil && (mailer.Name == "prog" || r.Status.Enhanced == loopCode))
		if r.State != envelope.Expanded && r.State != envelope.Duplicate && !failed {
			n++
		}
	}
	return max(n, m.thrownAway)
}

// toLine is what a to= line tells beside its recipients.
type toLine struct {
	mailer    string
	host      string // $h of the group
	start     time.Time
	peer      *mailers.Peer
	status    status.Status
	text      string // stat= as it stands; "" means that status tells it
	dsn       string // dsn= where text is given
	attempted bool   // there was an attempt: xdelay= and dsn= belong to the line
	refused   bool   // by rules or tables, before any attempt: dsn= and reply= belong to the line
	// quarantine is why the message is held, where it is.
	quarantine string
}

// logTo writes the to= line of recipients with the same outcome.
func (m *message) logTo(rcpts []*envelope.Recipient, l toLine) {
	level := maillog.LevelDelivered
	switch {
	case l.text != "" || l.status.Temporary():
		level = maillog.LevelDeferred
	case l.status.Permanent():
		level = maillog.LevelFailures
	}
	if !m.srv.Log.Enabled(level) {
		return
	}
	now := m.srv.now()
	t := &maillog.To{Delay: now.Sub(m.env.Created), Mailer: l.mailer, Pri: m.env.Priority, Stat: l.text, DSN: l.dsn, Quarantine: l.quarantine}
	for _, r := range rcpts {
		t.Rcpts = append(t.Rcpts, r.Addr)
	}
	if c := m.controller(rcpts[0], l.refused); c != nil && (l.attempted || l.refused) {
		if t.Ctladdr = c.Addr; c.UID >= 0 {
			t.Ctladdr = maillog.CtladdrText(c.Addr, c.UID, c.GID)
		}
	}
	if l.attempted {
		x := now.Sub(l.start)
		t.XDelay = &x
		t.Relay = relayText(l, m.site.options.notation())
		if l.status.Enhanced != (status.Enhanced{}) {
			t.DSN = l.status.Enhanced.String()
		}
		t.Stat, t.Reply = statText(l.status)
		if tooLargeFor(l.status) { // as the original tells it
			t.Ctladdr, t.Stat, t.Reply = "", status.FromExit(l.status.Exit).Text, strconv.Itoa(l.status.Exit)
		}
	}
	if l.refused {
		t.Stat = l.status.Text
		t.DSN = l.status.Enhanced.String()
		t.Reply = replyText(l.status)
		t.Relay = rcpts[0].Triple.Host
	}
	m.srv.Log.To(level, m.id, t)
}

// controller is whose rights a delivery has, where that is a user of this host. Its UID is negative where the log says
// none.
func (m *message) controller(r *envelope.Recipient, refused bool) *envelope.Ctladdr {
	if refused && r.Alias == nil {
		return nil
	}
	if r.Triple.Mailer != "prog" && r.Triple.Mailer != "*file*" && !refused {
		return m.env.SenderCtladdr
	}
	addr := ""
	switch {
	case r.Ctladdr != nil && r.Ctladdr.UID >= 0:
		return r.Ctladdr
	case r.Ctladdr != nil:
		addr = r.Ctladdr.Addr
	case r.Alias != nil:
		addr = r.Alias.Addr
	default:
		return nil
	}
	switch { // what a list of root names has root's rights in the log alone
	case !ofList(r.Alias):
	case ofList(r.Alias.Alias):
		return &envelope.Ctladdr{UID: -1, Addr: addr}
	default:
		return &envelope.Ctladdr{Addr: addr}
	}
	// The original shows no group there, whatever the default user's is.
	return &envelope.Ctladdr{UID: m.site.options.DefaultUser.UID, Addr: addr}
}

// ofList reports whether a recipient is a file of addresses.
func ofList(r *envelope.Recipient) bool { return r != nil && r.Triple.Mailer == "*include*" }

// relayText is relay=: the peer that answered, or the host of a mailer that has no peer.
func relayText(l toLine, n notation) string {
	const most = 40 // bytes of a name
	switch {
	case l.peer == nil:
		return maillog.Shorten(l.host, most)
	case l.peer.Addr.IsValid():
		return maillog.Shorten(l.peer.Name, most) + " " + n.bracketed(l.peer.Addr)
	}
	return l.peer.Name
}

// statText is stat= and, for what a peer refused, reply= with its words.
func statText(s status.Status) (stat, reply string) {
	if s.Success() {
		return s.Text, ""
	}
	if s.Remote != "" && (s.Scope == status.OfRecipient || s.Diagnostic != "" && s.Diagnostic[0] >= '4') {
		reply = cmp.Or(s.LastLine, s.Diagnostic)
	}
	return s.Text, reply
}
