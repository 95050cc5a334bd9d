package mailers

import (
	"errors"
	"fmt"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

// pipelineBatch is how many RCPTs go out before their answers are read: few enough that commands and answers fit the
// buffers of any TCP, so that neither side waits for the other (RFC 2920 section 3.1).
const pipelineBatch = 100

// errUnusable says that all recipients were reported but the session must not be used again.
var errUnusable = errors.New("session is not usable")

// transaction is one message on a session.
type transaction struct {
	s      *session
	job    *Job
	rcpts  []Rcpt
	answer func(*envelope.Recipient, status.Status) // takes what the peer says, or its silence
	done   func(*envelope.Recipient, status.Status) // takes what another host would not change
	cfg    *Config

	taken    []Rcpt   // recipients that RCPT accepted, in order
	welcomes []string // what RCPT was answered for each of them
	reported map[*envelope.Recipient]bool
	lost     *lostError // how the connection ended, where it did
	odd      bool       // there was a reply that the command cannot have
}

// run delivers. Every recipient is reported unless the error is a lostError that befell the session before the peer had
// answered anything; then none is. A nil error means that the session can be used again.
func (t *transaction) run() error {
	t.reported = map[*envelope.Recipient]bool{}
	t.dropBad()
	t.screen()
	if len(t.rcpts) == 0 {
		return nil
	}
	mail, err := t.mailCommand()
	if err != nil {
		for _, r := range t.rcpts {
			t.own(r, status.As(err))
		}
		return nil
	}
	// RSET first on a session that was kept, as the original does: a peer that has lost patience says so to it, or
	// closes.
	reset := t.s.messages > 0
	t.s.messages++
	if t.s.caps.has("PIPELINING") {
		err = t.pipelined(mail, reset)
	} else {
		err = t.stepwise(mail, reset)
	}
	var lost *lostError
	if errors.As(err, &lost) && (len(t.reported) > 0 || lost.doing == "RCPT") {
		return t.afterRcpt(err)
	}
	if err == nil && t.odd {
		return errUnusable
	}
	return err
}

// dropBad reports recipients whose address would be another command to the peer.
func (t *transaction) dropBad() {
	good := make([]Rcpt, 0, len(t.rcpts))
	for _, r := range t.rcpts {
		if hasControl(r.User) {
			t.own(r, badAddress(r.User))
		} else {
			good = append(good, r)
		}
	}
	t.rcpts = good
}

func hasControl(addr string) bool { return strings.ContainsAny(addr, "\r\n\x00") }

func badAddress(addr string) status.Status {
	st := status.FromExit(status.DataErr)
	st.Code, st.Enhanced, st.Text = 553, status.Enhanced{5, 1, 3}, fmt.Sprintf("Address %q contains a line break", addr)
	return st
}

// all reports those who have not been reported yet.
func (t *transaction) all(st status.Status) {
	for _, r := range t.rcpts {
		t.one(r, st)
	}
}

// one takes what the peer says of a recipient.
func (t *transaction) one(r Rcpt, st status.Status) {
	if !t.reported[r.Recipient] {
		t.reported[r.Recipient] = true
		t.answer(r.Recipient, st)
	}
}

// own takes what we say of a recipient.
func (t *transaction) own(r Rcpt, st status.Status) {
	if !t.reported[r.Recipient] {
		t.reported[r.Recipient] = true
		t.done(r.Recipient, st)
	}
}

// stepwise waits for every answer before the next command.
func (t *transaction) stepwise(mail string, reset bool) error {
	s := t.s
	if reset {
		if r, err := s.command("RSET", s.t.Rset, "RSET"); err != nil || !r.good() {
			return orLost(s, "RSET", err)
		}
	}
	r, err := s.command("MAIL", s.t.Mail, mail)
	if err != nil {
		return err
	}
	if !r.good() {
		return t.refused(r, phaseMail)
	}
	for _, rc := range t.rcpts {
		r, err := s.command("RCPT", s.t.Rcpt, t.rcptCommand(rc))
		if err != nil {
			return err
		}
		if err := t.answered(rc, r); err != nil {
			return err
		}
	}
	if len(t.taken) == 0 {
		return nil
	}
	if r, err = s.command("DATA", s.t.DataInit, "DATA"); err != nil {
		return t.afterRcpt(err)
	}
	if r.Code != 354 {
		return t.refused(r, phaseData)
	}
	return t.body()
}

// orLost makes a lostError of a refusal of RSET: nothing was attempted, another connection may do.
func orLost(s *session, doing string, err error) error {
	if err == nil {
		err = s.lost(doing, errors.New("refused"))
	}
	return err
}

// pipelined sends RSET if needed, MAIL, the RCPTs and DATA in one write, in several if there are many recipients.
func (t *transaction) pipelined(mail string, reset bool) error {
	s := t.s
	if reset {
		s.queueCommand("RSET")
	}
	s.queueCommand(mail)
	var mailReply reply
	for from := 0; from < len(t.rcpts); from += pipelineBatch {
		batch := t.rcpts[from:min(from+pipelineBatch, len(t.rcpts))]
		for _, rc := range batch {
			s.queueCommand(t.rcptCommand(rc))
		}
		last := from+len(batch) == len(t.rcpts)
		if last && from == 0 {
			s.queueCommand("DATA")
		}
		if err := s.flush("RCPT", s.t.Mail); err != nil {
			return err
		}
		if from == 0 {
			var err error
			if mailReply, err = t.readMail(reset); err != nil {
				return err
			}
		}
		if err := t.readRcpts(batch, mailReply); err != nil {
			return err
		}
		if !mailReply.good() && !last {
			t.all(mailReply.status(phaseMail, s.peer.Name))
			return nil
		}
		if last && from > 0 {
			if len(t.taken) == 0 {
				return nil
			}
			s.queueCommand("DATA")
			if err := s.flush("DATA", s.t.DataInit); err != nil {
				return t.afterRcpt(err)
			}
		}
	}
	return t.readData(mailReply)
}

// readMail reads the answers to RSET and MAIL.
func (t *transaction) readMail(reset bool) (reply, error) {
	if reset {
		r, err := t.s.read("RSET", t.s.t.Rset)
		if err != nil || !r.good() {
			return r, orLost(t.s, "RSET", err)
		}
	}
	r, err := t.s.read("MAIL", t.s.t.Mail)
	if err == nil && (r.Code == 421 || !r.proper()) {
		// After 3xx the peer waits for something that is not a command: nothing more can be made of this session.
		t.all(r.status(phaseMail, t.s.peer.Name))
		return r, errUnusable
	}
	return r, err
}

// readRcpts reads one answer for each of batch. After a refused MAIL they mean nothing, and MAIL's answer counts.
func (t *transaction) readRcpts(batch []Rcpt, mail reply) error {
	for _, rc := range batch {
		r, err := t.s.read("RCPT", t.s.t.Rcpt)
		if err != nil {
			if !mail.good() {
				t.all(mail.status(phaseMail, t.s.peer.Name))
				return errUnusable
			}
			return err
		}
		if !mail.good() {
			t.one(rc, mail.status(phaseMail, t.s.peer.Name))
			continue
		}
		if err := t.answered(rc, r); err != nil {
			return err
		}
	}
	return nil
}

// readData reads DATA's answer. A peer may take DATA although it took no recipient; then an empty message ends it
// (RFC 2920 section 3.1).
func (t *transaction) readData(mail reply) error {
	s := t.s
	r, err := s.read("DATA", s.t.DataInit)
	if len(t.taken) == 0 {
		if err != nil {
			return errUnusable
		}
		if r.Code == 354 {
			return t.emptyMessage()
		}
		if r.Code == 421 {
			return errUnusable
		}
		return nil
	}
	if err != nil {
		return t.afterRcpt(err)
	}
	if r.Code != 354 {
		return t.refused(r, phaseData)
	}
	return t.body()
}

func (t *transaction) emptyMessage() error {
	t.s.bw.WriteString(".\r\n")
	if t.s.flush(finalDot, t.s.t.DataFinal) != nil {
		return errUnusable
	}
	// The peer took no recipient, so that its answer changes nothing; LMTP gives none (RFC 2033 section 4.2).
	if !t.s.lmtp {
		if r, err := t.s.read(finalDot, t.s.t.DataFinal); err != nil || r.Code == 421 {
			return errUnusable
		}
	}
	return nil
}

// answered notes the answer to one RCPT.
func (t *transaction) answered(rc Rcpt, r reply) error {
	if r.good() {
		t.taken, t.welcomes = append(t.taken, rc), append(t.welcomes, r.first())
		return nil
	}
	st := r.status(phaseRcpt, t.s.peer.Name)
	if r.Code == 421 {
		t.all(st)
		return errUnusable
	}
	t.one(rc, st)
	t.odd = t.odd || !r.proper()
	return nil
}

// refused reports all who wait with the peer's answer to MAIL, DATA or the final dot. Success before the dot is none: a
// peer that says 250 to DATA has not seen the message.
func (t *transaction) refused(r reply, p phase) error {
	if r.good() && p != phaseDot {
		t.all(r.unexpected(p, t.s.peer.Name))
		return errUnusable
	}
	if r.good() {
		for i, rc := range t.taken {
			t.one(rc, t.taking(i, r))
		}
		return nil
	}
	t.all(r.status(p, t.s.peer.Name))
	if r.Code == 421 || !r.proper() {
		return errUnusable
	}
	return nil
}

// taking is the outcome for the i-th recipient that RCPT took by the answer to the message. Receipts tell what RCPT was
// answered, as the original's do.
func (t *transaction) taking(i int, r reply) status.Status {
	st := r.status(phaseDot, t.s.peer.Name)
	if st.Success() {
		st.Diagnostic = t.welcomes[i]
	}
	return st
}

// afterRcpt turns a loss into an answer for all who wait.
func (t *transaction) afterRcpt(err error) error {
	var lost *lostError
	if errors.As(err, &lost) {
		t.lost = lost
		t.all(lost.status())
		return errUnusable
	}
	return err
}

// body sends the message after 354 and reads the verdicts.
func (t *transaction) body() error {
	s := t.s
	s.bw.Reset(&deadlineWriter{s: s})
	w := newMessageWriter(s.bw, t.job.Mailer, true)
	err := w.message(t.job, t.conversion())
	if err == nil {
		_, err = s.bw.WriteString(".\r\n")
	}
	if err == nil {
		err = s.bw.Flush()
	}
	s.bw.Reset(s.transport)
	if err != nil {
		// Closing without the final dot makes the peer forget the message.
		return t.bodyFailed(err)
	}
	if s.exchange != nil {
		s.exchange(true, ".")
	}
	if s.lmtp {
		return t.lmtpVerdicts()
	}
	r, err := s.read(finalDot, s.t.DataFinal)
	if err != nil {
		return t.afterRcpt(err)
	}
	return t.refused(r, phaseDot)
}

// bodyFailed reports a message that did not go through: ours if it could not be read, the connection's otherwise.
func (t *transaction) bodyFailed(err error) error {
	var st status.Status
	var src *sourceError
	switch {
	case errors.As(err, &st):
	case errors.As(err, &src):
		st = status.Status{Exit: status.IOErr, Code: 451, Enhanced: status.Enhanced{4, 3, 0}, Text: "Deferred: cannot read the message", Err: err}
	default:
		return t.afterRcpt(t.s.lost("message", err))
	}
	for _, r := range t.rcpts {
		t.own(r, st)
	}
	return errUnusable
}

// lmtpVerdicts reads one answer for each recipient that RCPT took (RFC 2033 section 4.2).
func (t *transaction) lmtpVerdicts() error {
	for i, rc := range t.taken {
		r, err := t.s.read(finalDot, t.s.t.DataFinal)
		if err != nil {
			return t.afterRcpt(err)
		}
		t.own(rc, t.taking(i, r)) // it has the message
		if r.Code == 421 {
			t.all(r.status(phaseDot, t.s.peer.Name))
			return errUnusable
		}
	}
	return nil
}

// deadlineWriter moves the deadline with every block of the message (Timeout.datablock).
type deadlineWriter struct{ s *session }

func (d *deadlineWriter) Write(p []byte) (int, error) {
	d.s.deadline(d.s.t.DataBlock)
	return d.s.transport.Write(p)
}

// mailCommand builds MAIL with the parameters that the peer offers. A message that the peer cannot take is an error of
// type status.Status.
func (t *transaction) mailCommand() (string, error) {
	e, caps := t.job.Envelope, t.s.caps
	if limit := caps.size(); limit > 0 && e.Size > limit {
		st := status.FromExit(status.Unavailable)
		st.Code, st.Enhanced, st.Remote = 552, status.Enhanced{5, 2, 3}, t.s.peer.Name
		st.Text = fmt.Sprintf("Message is too large; %d bytes max", limit)
		return "", st
	}
	if err := t.inTime(); err != nil {
		return "", err
	}
	if hasControl(t.job.Sender) {
		return "", badAddress(t.job.Sender)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL From:<%s>", t.job.Sender)
	if caps.has("SIZE") && e.Size > 0 {
		fmt.Fprintf(&b, " SIZE=%d", e.Size)
	}
	if body := t.bodyParameter(); body != "" {
		b.WriteString(" BODY=" + body)
	}
	if caps["AUTH"] != "" && e.AuthParam != "" && (t.s.loggedIn || !t.cfg.AuthParamNeedsLogin) {
		b.WriteString(" AUTH=" + authParam(e.AuthParam))
	}
	if caps.has("DSN") {
		if e.EnvID != "" {
			b.WriteString(" ENVID=" + xtext(e.EnvID))
		}
		switch {
		case !e.Flags.RetParam && e.Ret == "":
		case e.Ret == envelope.ReturnHeaders, e.Ret == "" && e.Flags.NoReturn:
			b.WriteString(" RET=HDRS")
		default:
			b.WriteString(" RET=FULL")
		}
	}
	if caps.has("DELIVERBY") && e.DeliverBy.Set() {
		b.WriteString(" BY=" + t.timeLeft().String())
	}
	return b.String(), nil
}

// authParam is the value for AUTH= (RFC 4954 section 5).
func authParam(author string) string {
	if author == "<>" {
		return author
	}
	return xtext(author)
}

// bodyParameter is the value for BODY= (RFC 6152).
func (t *transaction) bodyParameter() string {
	e := t.job.Envelope
	switch {
	case !t.s.caps.has("8BITMIME"):
		return ""
	case e.Body == envelope.Body8BitMIME && !e.Flags.EightBit:
		return envelope.Body7Bit
	case e.Body != "":
		return e.Body
	case e.Flags.EightBit && t.cfg.EightBit == Mime8 && !t.job.Mailer.Flags.Has('8'):
		return envelope.Body8BitMIME
	}
	return ""
}

func (t *transaction) conversion() conversion {
	eight := t.s.caps.has("8BITMIME") && !t.job.Mailer.Flags.Has('7')
	return conversion{
		cfg: t.cfg,
		to7: !eight && mayConvert(t.job, t.cfg.EightBit),
		to8: eight && t.job.Mailer.Flags.Has('9'),
		tag: mayTag(t.job, t.cfg.EightBit),
	}
}

// rcptCommand builds RCPT with the DSN parameters (RFC 3461) that the peer offers.
func (t *transaction) rcptCommand(rc Rcpt) string {
	var b strings.Builder
	fmt.Fprintf(&b, "RCPT To:<%s>", userOf(t.job.Mailer, rc.User))
	if !t.s.caps.has("DSN") {
		return b.String()
	}
	if n := notifyText(t.notify(rc)); n != "" {
		b.WriteString(" NOTIFY=" + n)
	}
	if typ, addr, ok := strings.Cut(rc.Orcpt, ";"); ok {
		b.WriteString(" ORCPT=" + typ + ";" + xtext(addr))
	}
	return b.String()
}

// notifyText is the value for NOTIFY=; "" where the sender asked for nothing.
func notifyText(n envelope.Notify) string {
	if n&envelope.NotifyImplied != 0 {
		return ""
	}
	if n&envelope.NotifyNever != 0 {
		return "NEVER"
	}
	var words []string
	for _, w := range []struct {
		flag envelope.Notify
		word string
	}{{envelope.NotifySuccess, "SUCCESS"}, {envelope.NotifyFailure, "FAILURE"}, {envelope.NotifyDelay, "DELAY"}} {
		if n&w.flag != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// xtext encodes a DSN parameter (RFC 3461 section 4).
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unquoted is an address without its quotes; a backslash protects what follows, and goes.
func unquoted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] != '"' && s[i] != '\\':
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// userOf strips what F=s and F=B strip, and the bar that marks programs.
func userOf(m *Mailer, user string) string {
	if m.Flags.Has('s') {
		user = unquoted(user)
	}
	if m.Name == "prog" {
		return strings.TrimPrefix(user, "|")
	}
	if m.Flags.Has('s') {
		return user
	}
	if m.Flags.Has('B') {
		return strings.TrimLeft(user, `\`)
	}
	return user
}
