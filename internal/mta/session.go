package mta

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/macro"
	"gosendmail/internal/maillog"
	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
	"gosendmail/internal/tlsconf"
	"gosendmail/maps"
)

// Session is one SMTP client. Its methods are the commands that have a meaning; smtpd calls them one at a time.
type Session struct {
	srv    *Server
	site   *setup
	daemon *Daemon
	macros *macro.Table // of the connection, above the site's

	local  netip.AddrPort
	client client
	relay  string         // the client as logs show it
	reject *status.Status // what check_relay said; every command but a few is answered with it

	began    time.Time // of the greeting pause
	features []string  // what is not offered and the words of srv_features, the last counts
	helo     string    // what the client called itself; "" before HELO and EHLO
	extended bool      // the last greeting was EHLO
	bad      int       // recipients refused in this session

	msg   *message // the transaction; nil between transactions
	ghost *message // the last transaction whose MAIL was refused, until another one begins
	id    string   // for the log between transactions

	tls           *tls.ConnectionState // nil without TLS
	handshaking   *tlsconf.Keeper      // what the handshake is made with
	exchange      sasl.Exchange        // the AUTH under way
	authenticated *sasl.Identity       // nil before AUTH

	counted bool   // against ClientConnectionCountLimit
	over    bool   // a message was cut off, and the dialogue with it; the log has it
	silent  bool   // nothing is to be told of a client that came and went: it issued a command, or was refused
	throw   bool   // check_relay: its messages are taken and thrown away
	hold    string // check_relay: why its messages are held; "" means they are not
}

// NewSession begins a session. remote is invalid for standard input (-bs): the client is then the user who runs us.
func (s *Server) NewSession(d *Daemon, local, remote netip.AddrPort) *Session {
	site := s.site
	c := &Session{srv: s, site: site, daemon: d, local: local, macros: macro.NewTable(s.macros), id: s.spool.NewID()}
	c.client = client{addr: remote.Addr().Unmap(), port: remote.Port()}
	if !remote.IsValid() {
		c.client = client{name: s.Caller.Name + "@localhost", resolve: resolveOK}
	}
	return c
}

// Connect looks the client up, runs check_relay and returns the greeting. A client that check_relay refuses is greeted
// all the same, as the original does, and hears the refusal as the answer to its commands; only 421 ends the connection
// at once.
func (c *Session) Connect(ctx context.Context) status.Reply {
	if crowded := c.enter(); crowded != nil {
		return *crowded
	}
	if c.client.addr.IsValid() {
		c.client = lookupClient(ctx, c.site.Resolver(), c.site.options.notation(), netip.AddrPortFrom(c.client.addr, c.client.port))
		c.client.ident = askIdent(ctx, c.local, netip.AddrPortFrom(c.client.addr, c.client.port), identPort, c.site.options.Timeout.Ident)
	}
	c.relay = c.client.text()
	if c.client.addr.IsValid() {
		c.srv.countClient()
	}
	c.defineClient(ctx)
	c.setTime()
	if refusal := c.checkRelay(ctx); refusal != nil {
		c.reject = refusal
		return refusal.Reply()
	}
	if refusal := c.readFeatures(ctx); refusal != nil {
		c.reject = refusal
		return refusal.Reply()
	}
	return c.Greeting(ctx)
}

// enter obeys ClientConnectionCountLimit: a client with too many connections is turned away before anything is looked
// up for it.
func (c *Session) enter() *status.Reply {
	if !c.client.addr.IsValid() {
		return nil
	}
	limit := c.site.options.ClientConnectionCountLimit
	ok, first := c.srv.rates.enter(c.client.addr, limit)
	if ok {
		c.counted = true
		return nil
	}
	c.silent = true
	c.relay = c.site.options.notation().bracketed(c.client.addr)
	if first {
		c.log(logNotice, maillog.LevelMalformed, "rejecting connections from %s: %d open, max %d", c.relay, limit, limit)
	}
	r := reply(421, status.Enhanced{4, 7, 0}, c.site.Hostname()+" Too many open connections.")
	r.Close = true
	return &r
}

// Greeting is what the client is greeted with.
func (c *Session) Greeting(ctx context.Context) status.Reply {
	return status.Reply{Code: 220, Lines: strings.Split(c.greeting(), "\n")}
}

// checkRelay runs the ruleset with the client's name and address.
func (c *Session) checkRelay(ctx context.Context) *status.Status {
	if !c.client.addr.IsValid() {
		return nil
	}
	v := c.check(ctx, "check_relay", c.client.proven(), c.client.tagged(c.client.addr))
	if v == nil {
		return nil
	}
	return c.relayRefusal(v)
}

// greeting is SmtpGreetingMessage with the word ESMTP after its first word.
func (c *Session) greeting() string {
	text := c.expand(c.site.options.SmtpGreetingMessage)
	first, rest, _ := strings.Cut(text, " ")
	if !strings.HasPrefix(rest, "ESMTP") {
		first += " ESMTP"
	}
	if rest != "" {
		first += " " + rest
	}
	return first
}

// defineClient sets the macros that tell who the client is and where it came in.
func (c *Session) defineClient(ctx context.Context) {
	cl := &c.client
	c.set("_", c.relay)
	c.set("{client_name}", cl.proven())
	c.set("{client_ptr}", cl.name)
	c.set("{load_avg}", fmt.Sprint(c.srv.load()))
	c.set("{client_resolve}", cl.resolve)
	if cl.addr.IsValid() {
		c.set("{client_addr}", cl.tagged(cl.addr))
		c.set("{client_port}", fmt.Sprint(cl.port))
		perClient, open, total := c.srv.rates.begin(cl.addr)
		c.set("{client_rate}", fmt.Sprint(perClient))
		c.set("{client_connections}", fmt.Sprint(open))
		c.set("{total_rate}", fmt.Sprint(total))
	}
	if a := c.local.Addr(); a.IsValid() {
		c.set("{if_name}", c.srv.localName(ctx, a))
		if !a.IsLoopback() {
			c.set("{if_addr}", cl.tagged(a))
			c.set("{if_family}", family(a))
		}
	}
	c.daemon.define(c.set)
	if c.daemon != nil && c.daemon.Family == "" { // standard input: rules know the message for a submission
		c.set("{daemon_flags}", c.srv.submissionFlags(false))
	}
}

func family(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "inet"
	}
	return "inet6"
}

// set defines a macro of the connection from text that may come from outside.
func (c *Session) set(name, value string) { c.macros.Define(name, quoteMacro(value)) }

// setTime sets the macros of the current time, for the greeting and for rulesets between transactions.
func (c *Session) setTime() { setTimeMacros(c.macros, c.srv.now().In(c.site.options.zone)) }

// expand expands a template with the macros of the connection, or of the transaction where there is one.
func (c *Session) expand(template string) string {
	if c.msg != nil {
		return c.msg.expand(template)
	}
	return expandText(template, c.macros)
}

// Helo answers HELO and EHLO; the list holds the keywords of EHLO.
func (c *Session) Helo(ctx context.Context, verb, name string) (status.Reply, []string) {
	esmtp := strings.EqualFold(verb, "EHLO")
	if name == "" && !c.site.options.AllowBogusHELO {
		return reply(501, status.Enhanced{5, 0, 0}, verb+" requires domain address"), nil
	}
	if !validHelo(name) {
		if !c.site.options.AllowBogusHELO {
			return reply(501, status.Enhanced{5, 0, 0}, "Invalid domain name"), nil
		}
		name = strings.Map(heloChar, name)
	}
	c.dropMessage(ctx)
	c.helo, c.extended = name, esmtp
	c.set("s", name)
	c.set("r", c.protocol())
	hello := fmt.Sprintf("%s Hello %s, pleased to meet you", c.site.Hostname(), c.relay)
	var keywords []string
	if esmtp {
		keywords = c.keywords(ctx)
	}
	return status.Reply{Code: 250, Lines: []string{hello}}, keywords
}

// protocol is $r.
func (c *Session) protocol() string {
	if !c.extended {
		return "SMTP"
	}
	p := "ESMTP" // RFC 3848
	if c.tls != nil {
		p += "S"
	}
	if c.authenticated != nil {
		p += "A"
	}
	return p
}

// validHelo takes the characters of names and address literals.
func validHelo(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return heloChar(r) != r }) < 0
}

func heloChar(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("[].-_#:", r):
		return r
	}
	return '?'
}

// keywords are the answer to EHLO, in the original's order.
func (c *Session) keywords(ctx context.Context) []string {
	list := []string{"ENHANCEDSTATUSCODES"}
	if c.reject != nil {
		return list
	}
	o := &c.site.options
	add := func(when bool, keyword string) {
		if when {
			list = append(list, keyword)
		}
	}
	add(c.offers("P"), "PIPELINING")
	add(c.offers("X") && !o.privacy.has(noExpn), "EXPN")
	add(true, "8BITMIME")
	add(o.Chunking, "CHUNKING")
	if o.MaxMessageSize > 0 {
		add(true, "SIZE "+itoa(o.MaxMessageSize))
	} else {
		add(true, "SIZE")
	}
	add(c.offers("D"), "DSN")
	add(c.offers("E") && !o.privacy.has(noEtrn) && !(c.daemon != nil && c.daemon.Has('E')), "ETRN")
	mechanisms, err := c.authMechanisms(ctx)
	if err != nil {
		c.log(logErr, maillog.LevelSerious, "AUTH: the back end does not say what it can do: %v", err)
	}
	add(len(mechanisms) > 0, "AUTH "+strings.Join(mechanisms, " "))
	add(len(mechanisms) > 0 && o.AuthOldClients, "AUTH="+strings.Join(mechanisms, " "))
	add(c.offersTLS(ctx), "STARTTLS")
	if min := o.DeliverByMin; min > 0 {
		add(true, "DELIVERBY "+itoa(int64(min/time.Second)))
	} else {
		add(min == 0, "DELIVERBY")
	}
	add(true, "HELP")
	return list
}

// deliveryMode is DeliveryMode, of the daemon where it has one of its own.
func (c *Session) deliveryMode() byte {
	if c.daemon != nil && c.daemon.Mode != "" {
		return c.daemon.Mode[0]
	}
	return c.site.options.DeliveryMode
}

// deferring lets maps with -D alone in delivery mode deferred.
func (c *Session) deferring(ctx context.Context) context.Context {
	if c.deliveryMode() == deliverDeferred {
		return maps.WithDeferred(ctx)
	}
	return ctx
}

// Features are what the configuration does not offer and then the words of ruleset srv_features for this client: a
// capital letter takes a service away, a small one gives it, the last one counts (op.txt 5.1.4.17).
func (c *Session) Features(context.Context) []string { return c.features }

// readFeatures asks ruleset srv_features, which may also refuse the client for now.
func (c *Session) readFeatures(ctx context.Context) *status.Status {
	v := c.site.Check(ctx, c.site.EnvWith(c.macros), "srv_features", c.client.proven(), c.client.tagged(c.client.addr), true, CheckOptions{})
	c.features = nil
	if v.Failed {
		return c.closedForNow()
	}
	if !c.site.options.dsn() {
		c.features = append(c.features, "D")
	}
	if !v.Resolved {
		return nil
	}
	words := strings.Fields(c.site.Sets.Join(v.Return[1:], ' ', true))
	if len(words) > 0 && strings.EqualFold(words[0], "temp") {
		return c.closedForNow()
	}
	c.features = append(c.features, words...)
	return nil
}

// closedForNow refuses a client because srv_features wants it, or could not say what the client may do.
func (c *Session) closedForNow() *status.Status {
	c.log(logErr, maillog.LevelCollect, "ERROR: srv_features=tempfail, relay=%s, access temporarily disabled", c.relay)
	return &status.Status{Exit: status.TempFail, Code: 450, Enhanced: status.Enhanced{4, 3, 0}, Text: "Please try again later."}
}

// needsAuth tells whether srv_features asks the client to authenticate.
func (c *Session) needsAuth() bool {
	i := slices.IndexFunc(c.features, func(f string) bool { return f == "l" })
	return i >= 0 && !slices.Contains(c.features[i:], "L")
}

// offers tells whether a service is left to the client, by the capital letter that takes it away.
func (c *Session) offers(letter string) bool {
	for _, f := range slices.Backward(c.features) {
		if strings.EqualFold(f, letter) {
			return f != letter
		}
	}
	return true
}

// GreetPause is how long the client must wait for its greeting: milliseconds that ruleset greet_pause returns after $#.
func (c *Session) GreetPause(ctx context.Context) time.Duration {
	if !c.client.addr.IsValid() {
		return 0
	}
	v := c.site.Check(ctx, c.site.EnvWith(c.macros), "greet_pause", c.client.proven(), c.client.tagged(c.client.addr), true, CheckOptions{})
	if !v.Resolved {
		return 0
	}
	c.began = c.srv.now()
	ms, err := strconv.Atoi(v.Return.Parts().Mailer)
	if err != nil || ms < 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// EarlyTalk refuses a client that did not wait.
func (c *Session) EarlyTalk(ctx context.Context) status.Reply {
	c.log(logInfo, maillog.LevelMalformed, "rejecting commands from %s [%s] due to pre-greeting traffic after %d seconds",
		c.client.name, c.addressText(), int(c.srv.now().Sub(c.began)/time.Second))
	c.reject = &status.Status{Exit: status.Unavailable, Code: 550, Enhanced: status.Enhanced{5, 0, 0}, Text: "Command rejected"}
	return status.Reply{Code: 554, Lines: []string{c.site.Hostname() + " ESMTP not accepting messages"}}
}

// refused returns the answer to a command of a client that check_relay refused.
func (c *Session) refused() (status.Reply, bool) {
	if c.reject == nil {
		return status.Reply{}, false
	}
	return c.reject.Reply(), true
}

// Reset ends the transaction, if there is one.
func (c *Session) Reset(ctx context.Context) { c.dropMessage(ctx) }

// Close ends the session; cause tells why, where it was not QUIT.
func (c *Session) Close(ctx context.Context, cause error) {
	c.lost(cause)
	c.dropMessage(ctx)
	c.idle()
	if c.counted {
		c.srv.rates.leave(c.client.addr)
		c.srv.rates.end(c.client.addr)
	}
}

// dropMessage forgets a transaction that came to nothing; the log tells of it as the original's does.
func (c *Session) dropMessage(ctx context.Context) {
	if c.msg == nil && c.ghost != nil {
		c.ghost.logFrom()
		c.endMessage()
	}
	if c.msg == nil {
		return
	}
	c.msg.logFrom()
	c.endMessage()
}

// endMessage makes room for the next transaction.
func (c *Session) endMessage() {
	c.msg, c.ghost = nil, nil
	c.id = c.srv.spool.NewID()
}

func reply(code int, e status.Enhanced, text string) status.Reply {
	return status.Reply{Code: code, Enhanced: e, Lines: []string{text}}
}

// Client is the client as replies and notices name it.
func (c *Session) Client() string { return c.relay }

// Other runs check_other for a command without a ruleset of its own, told with the first digit of the reply that it
// would get.
func (c *Session) Other(ctx context.Context, line string) status.Reply {
	digit := "5"
	verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
	switch verb {
	case "NOOP", "RSET", "VERB":
		digit = "2"
	}
	v := c.check(ctx, "check_other", line, digit)
	if v == nil {
		return status.Reply{Code: 250}
	}
	if refusal := c.probe().obey(v, ""); refusal != nil {
		return refusal.Reply()
	}
	return status.Reply{Code: 250}
}
