package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gosendmail/internal/dns"
	"gosendmail/internal/envelope"
	"gosendmail/internal/guard"
	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/mailers"
	"gosendmail/maps"
	"gosendmail/queue"
	"gosendmail/rules"
)

// deliverSoon hands an accepted message to the background. What the session knows of it stays in memory for the
// delivery.
func (s *Server) deliverSoon(m *message) {
	e := m.entry
	m.entry = nil
	s.inflight.Store(m.env, m)
	if !s.runner.Submit(s.deliveries, e, m.env) {
		s.inflight.Delete(m.env)
	}
}

// deliverNow delivers before the client gets its answer (DeliveryMode=interactive).
func (s *Server) deliverNow(ctx context.Context, m *message) {
	e := m.entry
	m.entry = nil
	s.inflight.Store(m.env, m)
	err := s.Deliver(ctx, e, m.env)
	if cerr := e.Close(); cerr != nil || err != nil && !s.later(e.ID(), err) {
		m.log(logErr, 1, "%v", errors.Join(err, cerr))
	}
}

// unresolvable leaves a recipient whose address cannot be looked up now to a queue run, which finds its mailer anew.
func (m *message) unresolvable(r *envelope.Recipient, to rules.Triple, st status.Status) {
	if m.unresolved == nil {
		m.unresolved = map[*envelope.Recipient]string{}
	}
	m.unresolved[r] = to.Mailer
	r.Triple, r.Status = rules.Triple{Host: to.Host}, st // the host says where he stands in the queue file
	m.putOff(r)
}

// allUnresolved reports whether nobody can be delivered to now since no address could be looked up: the message is
// left to a queue run, as if it had been tried.
func (m *message) allUnresolved() bool {
	pending := m.env.PendingRecipients()
	for _, r := range pending {
		if _, ok := m.unresolved[r]; !ok {
			return false
		}
	}
	return len(pending) > 0
}

// attempted counts an attempt.
func (m *message) attempted() {
	m.env.Tries++
	m.env.LastTry = m.srv.now()
}

// Deliver makes one attempt for everyone who is pending, tells the outcome to the log and where it is due to the
// sender, and leaves in the queue what is to be tried again. It implements queue.Deliverer.
func (s *Server) Deliver(ctx context.Context, e *queue.Entry, env *envelope.Envelope) error {
	// What is wrong with one message must not end the others; the queue file stays as it was.
	return guard.Try("delivery of "+e.ID(), func() error { return s.deliver(ctx, e, env) })
}

func (s *Server) deliver(ctx context.Context, e *queue.Entry, env *envelope.Envelope) error {
	// A queue run that ends lets what it began come to its end; only Close cuts it off.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(s.deliveries, guard.From(s.deliveries).Func("delivery", cancel))()
	ctx, end := maps.WithScope(s.resolverLimits(ctx, env.Tries == 0))
	defer end()
	var m *message
	if v, ok := s.inflight.LoadAndDelete(env); ok {
		m = v.(*message)
	} else {
		m = s.fromQueue(ctx, e, env)
	}
	m.entry = e
	m.selected, _ = ctx.Value(onDemand{}).(bool)
	return m.attempt(ctx)
}

// resolverLimits gives the look-ups of an attempt the limits of first or of later attempts (Timeout.resolver.*).
func (s *Server) resolverLimits(ctx context.Context, first bool) context.Context {
	t := &s.site.Config.Settings.Timeout
	if first {
		return dns.WithLimits(ctx, t.ResolverRetransFirst, t.ResolverRetryFirst)
	}
	return dns.WithLimits(ctx, t.ResolverRetransNormal, t.ResolverRetryNormal)
}

// fromQueue makes a message of what the queue kept.
func (s *Server) fromQueue(ctx context.Context, e *queue.Entry, env *envelope.Envelope) *message {
	site := s.site
	m := s.newMessage(site, s.macros, e.ID())
	m.env = env
	m.oldHeader = oldStyleHeader(env.Header)
	m.restoreMacros()
	m.queued = true
	if env.Flags.Response {
		env.Sender = "" // whatever name it goes by here
	}
	for _, r := range env.Recipients {
		if c := r.Ctladdr; c != nil && c.Addr != "" && r.Alias == nil {
			r.Alias = &envelope.Recipient{Addr: c.Addr, State: envelope.Expanded}
		}
	}
	if !s.handedIn {
		env.Priority += int64(site.options.RetryFactor)
		m.size = env.Size + m.queuedSize()
		env.Message = "" // of the last attempt
	}
	m.set("{ntries}", itoa(int64(env.Tries)))
	if env.EnvID != "" {
		m.set("{envid}", env.EnvID)
	}
	text := env.SenderText
	if text == "" {
		text = "<" + env.Sender + ">"
	}
	if a, refusal := m.resolve(ctx, text, forSender); refusal == nil {
		m.sender = a
		m.senderMailer = site.Mailer(a.MailerName())
		m.localSender(ctx)
	}
	if s.handedIn {
		m.takeUp(&s.waiting)
	}
	m.defineSender(ctx, text)
	for i := range env.Header {
		m.learn(&env.Header[i])
	}
	return m
}

// attempt is one delivery attempt of a message in the queue.
func (m *message) attempt(ctx context.Context) error {
	if err := m.adoptParts(); err != nil {
		return err
	}
	if m.site.options.MaxHopCount > 0 && m.hops > m.site.options.MaxHopCount {
		m.tooManyHops()
		return m.finish(ctx)
	}
	m.expandAll(ctx)
	parts, err := m.split(ctx)
	defer func() { // also where a part panics
		for _, c := range parts {
			if cerr := c.entry.Close(); cerr != nil {
				c.log(logErr, maillog.LevelSerious, "%v", cerr)
			}
			if c.waits != nil {
				m.srv.later(c.id, c.waits)
			}
		}
	}()
	if err != nil {
		return err
	}
	err = m.deliverAll(ctx)
	for _, c := range parts {
		c.transcript.Reset()
		c.transcript.Write(m.transcript.Bytes()) // the owner hears the whole session, as from the original
		c.exit = m.exit
		if cerr := c.deliverAll(ctx); c.waits == nil || cerr != error(c.waits) {
			err = errors.Join(err, cerr)
		}
	}
	return err
}

// deliverAll makes one attempt for all who are pending, aliases being expanded and lists with an owner split off, and
// finishes the message.
func (m *message) deliverAll(ctx context.Context) error {
	sent, left := 0, len(m.env.PendingRecipients())
	var groups []*group
	late := m.env.Overdue(envelope.ByReturn, m.srv.now()) // to be returned, not to be delivered any more
	if !late {
		groups = m.groups()
	}
	if len(groups) == 0 && !m.queued && !late {
		m.logWaiting()
	}
	for _, g := range groups {
		if ctx.Err() != nil {
			break
		}
		sent = m.checkpoint(sent, left)
		m.deliverInTurn(ctx, g)
		sent += delivered(g)
		left -= len(g.rcpts)
	}
	if m.waits != nil && m.untouched() {
		return m.waits
	}
	m.env.Flags.Split = true // as the original marks what went through its splitting
	if m.waits == nil {
		m.env.LastTry = m.srv.now()
		if len(groups) > 0 || m.queued || !m.holds() {
			m.env.Tries++
		}
	}
	err := m.finish(ctx)
	if err == nil && m.waits != nil {
		return m.waits
	}
	return err
}

// checkpoint writes the queue file anew before the next delivery where CheckpointInterval recipients, or more, have got
// the message since it was written: a crash does not repeat their deliveries. It returns how many that are now. left
// are those still to be delivered.
func (m *message) checkpoint(sent, left int) int {
	if limit := m.site.options.CheckpointInterval; limit <= 0 || sent < checkpointAfter(limit, left) {
		return sent
	}
	if err := m.store(); err != nil { // the old file holds, which a crash would have repeat more
		m.log(logErr, maillog.LevelSerious, "checkpoint: %v", err)
	}
	return 0
}

// checkpointAfter is after how many deliveries a checkpoint is due: CheckpointInterval, or one in a hundred of those
// left where that is more, since each writes all that are left anew.
func checkpointAfter(interval, left int) int { return max(interval, left/100) }

func delivered(g *group) (n int) {
	for _, r := range g.rcpts {
		if r.State.Taken() {
			n++
		}
	}
	return n
}

// expandAll expands aliases, and works the priority out anew where the original does.
func (m *message) expandAll(ctx context.Context) {
	if m.routed {
		return
	}
	if !m.rereads {
		m.route(ctx)
		return
	}
	m.env.Priority += int64(m.site.options.RetryFactor)
	m.route(ctx)
	if m.env.Body == "" && m.env.Flags.EightBit && written(m.env.Header, "mime-version") {
		m.env.Body = envelope.Body8BitMIME // it says so itself
	}
	m.rereads = false
	m.priorityOf(m.bodySize + m.queuedSize())
}

// tooManyHops fails everyone: the message is going round in circles.
func (m *message) tooManyHops() {
	env := m.env
	to := ""
	if list := env.PendingRecipients(); len(list) > 0 {
		to = list[0].Addr
	}
	via := m.get("{client_name}")
	if via == "" {
		via = m.get("_")
		via, _, _ = strings.Cut(via, " ")
		if strings.HasSuffix(via, "@localhost") {
			via = "localhost"
		}
	}
	text := "Too many hops " + itoa(int64(m.hops)) + " (" + itoa(int64(m.site.options.MaxHopCount)) + " max): from " +
		env.SenderText + " via " + via + ", to " + to
	m.sysErr("%s", text)
	m.exit = status.Unavailable
	s := status.Status{Exit: status.Unavailable, Code: 554, Enhanced: loopCode, Text: text,
		Diagnostic: "554 " + loopCode.String() + " Too many hops"}
	m.transcript.WriteString(replyText(s) + "\n")
	for _, r := range env.PendingRecipients() {
		m.settle(r, s)
	}
}

// group is what one mailer takes in one go.
type group struct {
	mailer *mailers.Mailer
	host   string
	rcpts  []*envelope.Recipient
}

// groups sorts the pending recipients by mailer, host and whose rights the delivery has, in the order in which they
// stand.
func (m *message) groups() []*group {
	var list []*group
	open := map[groupKey]*group{} // that may take more
	for _, r := range m.env.Recipients {
		if r.State != envelope.Pending || m.waiting(r) {
			continue
		}
		mailer := m.site.Mailer(r.Triple.Mailer)
		if mailer == nil {
			m.unknownMailer(r)
			continue
		}
		if m.held(r, mailer) {
			continue
		}
		key := keyOf(r, mailer)
		if g := open[key]; g != nil && len(g.rcpts) < recipientLimit(mailer) {
			g.rcpts = append(g.rcpts, r)
			continue
		}
		g := &group{mailer, r.Triple.Host, []*envelope.Recipient{r}}
		list = append(list, g)
		open[key] = g
	}
	return list
}

// groupKey is what recipients of one group share.
type groupKey struct {
	mailer *mailers.Mailer
	host   string
	ctl    envelope.Ctladdr // whose rights the delivery has, where they count
	owned  bool             // there is such a user
}

func keyOf(r *envelope.Recipient, mailer *mailers.Mailer) groupKey {
	k := groupKey{mailer: mailer, host: strings.ToLower(r.Triple.Host)}
	if c := r.Ctladdr; ownRights(mailer) && c != nil {
		k.ctl, k.owned = envelope.Ctladdr{User: c.User, UID: c.UID, GID: c.GID}, true
	}
	return k
}

// recipientLimit is how many recipients one delivery may have: one without F=m, else what r= says.
func recipientLimit(mailer *mailers.Mailer) int {
	switch {
	case !mailer.Flags.Has('m'):
		return 1
	case mailer.MaxRecipients > 0:
		return mailer.MaxRecipients
	}
	return 100
}

// ownRights reports whether a mailer runs with the rights of its recipients' controlling users.
func ownRights(m *mailers.Mailer) bool {
	return m.Flags.Has('o') || m.Name == "prog" || m.Name == "*file*"
}

func (m *message) unknownMailer(r *envelope.Recipient) {
	s := status.Status{Exit: status.Config, Code: 554, Enhanced: status.Enhanced{5, 3, 5},
		Text: "buildaddr: unknown mailer " + r.Triple.Mailer}
	m.log(logErr, 0, "SYSERR(%s): %s", m.srv.Caller.Name, s.Text)
	s.Exit, s.Code, s.Enhanced = status.TempFail, 451, status.Enhanced{4, 3, 5}
	m.settle(r, s)
}

// deliverGroup makes one attempt for a group and settles each of its recipients.
func (m *message) deliverGroup(ctx context.Context, g *group) {
	start := m.srv.now()
	rcpts := m.compatible(ctx, g)
	if len(rcpts) == 0 {
		return
	}
	if !g.mailer.Flags.Has('z') { // the original names them from the last to the first but for LMTP
		rcpts = slices.Clone(rcpts)
		slices.Reverse(rcpts)
	}
	job := m.job(ctx, g, rcpts)
	if g.mailer.Name == "*file*" {
		// as the original, which says only how it went
	} else if g.mailer.Path != "[IPC]" {
		via := g.mailer.Name
		if g.host != "" {
			via = g.host + " via " + via
		}
		m.say("%s... Connecting to %s...", names(rcpts), via)
	} else if m.watch != nil {
		job.Connecting = func(host string) { m.say("%s... Connecting to %s via %s...", names(rcpts), host, g.mailer.Name) }
		job.Reusing = func(protocol, host string) {
			m.say("%s... Using cached %s connection to %s via %s...", names(rcpts), protocol, host, g.mailer.Name)
		}
		job.Farewell = m.show
	}
	talk := &dialogue{m: m, job: job, program: g.mailer.Path != "[IPC]" && g.mailer.Path != "[LPC]" && !g.mailer.Flags.Has('z')}
	job.Exchange = talk.exchange
	outcomes := make([]outcome, 0, len(rcpts))
	report := func(r *envelope.Recipient, s status.Status) {
		outcomes = append(outcomes, outcome{r, s, job.Peer, talk.take()})
	}
	job.PutOff = func(r *envelope.Recipient, s status.Status, peer *mailers.Peer) {
		m.quote(talk.take())
		m.transcribe(r, s)
		m.logTo([]*envelope.Recipient{r}, toLine{mailer: g.mailer.Name, start: start, peer: peer, host: g.host, status: s, attempted: true})
	}
	job.Note = talk.note
	job.Warn = func(text string) { m.log(logNotice, maillog.LevelNetwork, "%s", text) }
	if err := m.srv.agents().Deliver(ctx, job, report); err != nil {
		s := status.As(err)
		for _, r := range rcpts {
			report(r, s)
		}
	}
	m.record(g, job, outcomes, start)
	m.quote(talk.take())
}

type outcome struct {
	rcpt   *envelope.Recipient
	status status.Status
	peer   *mailers.Peer // nil: none was reached
	said   []string      // before it
}

// record settles the outcomes of a group and writes them to the log, recipients with the same outcome on one line.
func (m *message) record(g *group, job *mailers.Job, outcomes []outcome, start time.Time) {
	m.faults(outcomes)
	for i := range outcomes {
		o := &outcomes[i]
		o.status = m.worded(g, o.status)
		m.settle(o.rcpt, o.status)
		if tooLargeFor(o.status) {
			m.env.Flags.NoReturn = true
			o.said = append(o.said, "552 5.2.3 "+o.status.Text)
		}
		if m.exit == status.OK && o.status.Permanent() {
			m.exit = o.status.Exit
			switch {
			case isFault(o.status.Err):
				m.exit = status.Software
			case strings.HasPrefix(o.status.Text, unknownExit):
				m.exit = -1
			}
		}
		if reached(g.mailer, o.status) {
			m.countTo(g.mailer.Name)
		}
		m.quote(o.said)
		m.transcribe(o.rcpt, o.status)
		if o.status.Temporary() {
			m.say("%s... %s", o.rcpt.Addr, o.status.Text)
		}
		m.handedOn(g.mailer, o)
	}
	done := make([]bool, len(outcomes))
	for i := range outcomes {
		if done[i] {
			continue
		}
		var same []*envelope.Recipient
		for j := i; j < len(outcomes); j++ {
			if !done[j] && outcomes[i].peer == outcomes[j].peer && alike(outcomes[i].status, outcomes[j].status) &&
				(i == j || outcomes[i].status.Scope != status.OfRecipient) {
				done[j] = true
				same = append(same, outcomes[j].rcpt)
			}
		}
		s := outcomes[i].status
		if s.Success() {
			m.say("%s... %s", names(same), s.Text)
		}
		protocol, odd := errors.AsType[*mailers.ProtocolError](s.Err)
		if odd {
			m.log(maillog.Crit, maillog.LevelNetwork, "%s: %s", s.Remote, protocol)
		}
		if err := s.Err; err != nil && !isFault(err) && !odd && !mailers.IsLost(err) &&
			!errors.Is(err, mailers.ErrLate) && !tooLargeFor(s) {
			level := maillog.LevelMalformed
			if g.mailer.Path == "[IPC]" || g.mailer.Path == "[FILE]" {
				level = maillog.LevelExpansion // stat= tells it
			}
			m.log(logErr, level, "mailer %s: %v", g.mailer.Name, err)
		}
		m.logTo(same, toLine{mailer: g.mailer.Name, start: start, peer: outcomes[i].peer, host: g.host, status: s,
			attempted: true})
	}
}

// faults tells of mistakes of ours that stood in the way, each once.
func (m *message) faults(outcomes []outcome) {
	var last *mailers.Fault
	for i := range outcomes {
		f, ok := errors.AsType[*mailers.Fault](outcomes[i].status.Err)
		if !ok || f == last {
			continue
		}
		last = f
		m.sysErr("%s", f.Text)
		fmt.Fprintf(&m.transcript, "%s %s\n", f.Codes, f.Text)
	}
}

// tooLargeFor reports whether a mailer takes no message of that size (M=).
func tooLargeFor(s status.Status) bool { return errors.Is(s.Err, mailers.ErrTooLarge) }

func isFault(err error) bool {
	_, ok := errors.AsType[*mailers.Fault](err)
	return ok
}

func alike(a, b status.Status) bool {
	return a.Text == b.Text && a.Enhanced == b.Enhanced && a.Code == b.Code && a.Exit == b.Exit && a.Remote == b.Remote
}

// worded gives an outcome the words with which logs and mailq tell it.
func (m *message) worded(g *group, s status.Status) status.Status {
	if s.Success() {
		s.Text = sentText(g.mailer, s.Text)
		return s
	}
	if s.Text == "" {
		t := status.FromExit(s.Exit)
		s.Text = t.Text
		if s.Enhanced == (status.Enhanced{}) {
			s.Enhanced = t.Enhanced
		}
	}
	if g.mailer.Flags.Has('l') && s.Exit == status.Unavailable && errors.Is(s.Err, fs.ErrNotExist) {
		// A local mailer that is not there is our fault, not the recipient's: mail waits for it.
		t := status.FromExit(status.OSErr)
		t.Err = s.Err
		return t
	}
	return s
}

// sentText is "Sent (what the peer said)"; what LMTP says of single recipients is left out.
func sentText(mailer *mailers.Mailer, text string) string {
	if !strings.HasPrefix(text, "Sent (") || mailer.Flags.Has('z') {
		return "Sent"
	}
	return text
}

// job makes what the mailer needs.
func (m *message) job(ctx context.Context, g *group, rcpts []*envelope.Recipient) *mailers.Job {
	t := macro.NewTable(m.macros)
	j := &mailers.Job{Mailer: g.mailer, Host: g.host, Envelope: m.env}
	t.Define("h", quoteMacro(g.host))
	var from string
	j.Sender, from = m.senderFor(ctx, g.mailer, t)
	t.Define("g", quoteMacro(from))
	if mode := m.get("{opMode}"); m.srv.named || mode == "a" || !m.srv.handedIn && mode != "m" {
		j.From, j.TellFrom = from, true
	}
	for _, r := range rcpts {
		j.Rcpts = append(j.Rcpts, mailers.Rcpt{Recipient: r, User: r.Triple.User})
	}
	if len(rcpts) == 1 {
		t.Define("u", quoteMacro(j.Rcpts[0].User))
	}
	if c := rcpts[len(rcpts)-1].Ctladdr; c != nil {
		t.Define("z", quoteMacro(c.Home))
	}
	j.Header = m.headerFor(ctx, g.mailer, t)
	if !g.mailer.Flags.Has('n') || g.mailer.Path == "[mbox]" { // nobody else writes that line there
		j.FromLine = expandText(m.site.options.UnixFromLine, t)
	}
	j.Expand = func(template, user string) (string, error) {
		ut := macro.NewTable(t)
		ut.Define("u", quoteMacro(user))
		text, problems := macro.Encode(template, m.site.level)
		if len(problems) > 0 {
			return "", errors.New("mta: expand " + template + ": " + problems[0])
		}
		return expandText(text, ut), nil
	}
	return j
}
