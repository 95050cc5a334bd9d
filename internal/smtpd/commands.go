package smtpd

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"gosendmail/internal/status"
)

// verb is a command.
type verb struct {
	do      func(c *conn, name, arg string)
	anyone  bool // takes its course for refused clients, too
	decided bool // a method of Session decides it; others are shown to OtherSession
}

// verbFor returns the command of an upper-case name (RFC 5321 section 4.1.1 and the extensions of doc.go).
func verbFor(name string) (verb, bool) {
	switch name {
	case "HELO", "EHLO":
		return verb{do: (*conn).hello, anyone: true, decided: true}, true
	case "MAIL":
		return verb{do: (*conn).mailFrom, decided: true}, true
	case "RCPT":
		return verb{do: (*conn).rcptTo, decided: true}, true
	case "DATA":
		return verb{do: (*conn).data, decided: true}, true
	case "RSET":
		return verb{do: (*conn).reset, anyone: true}, true
	case "NOOP":
		return verb{do: (*conn).noop, anyone: true}, true
	case "QUIT":
		return verb{do: (*conn).sayGoodbye, anyone: true}, true
	case "VRFY", "EXPN":
		return verb{do: (*conn).verify, decided: true}, true
	case "HELP":
		return verb{do: (*conn).help, decided: true}, true
	case "ETRN":
		return verb{do: (*conn).etrn, decided: true}, true
	case "VERB":
		return verb{do: (*conn).verbose}, true
	case "AUTH":
		return verb{do: (*conn).auth, decided: true}, true
	case "STARTTLS":
		return verb{do: (*conn).startTLS, decided: true}, true
	case "SEND", "SAML", "SOML", "TURN":
		return verb{do: (*conn).notImplemented}, true
	}
	return verb{}, false
}

// command carries out one line.
func (c *conn) command(line string) {
	c.step()
	name, arg := splitCommand(line)
	upper := strings.ToUpper(name)
	v, known := verbFor(upper)
	known = known || upper == "BDAT" && c.srv.cfg.Chunking
	first := c.commands == 0
	c.commands++
	if !known {
		c.unknown(upper, line, first)
		return
	}
	c.last = upper
	if upper == "BDAT" {
		c.bdat(arg) // whatever else is wrong, its octets are no commands
		return
	}
	if strings.IndexByte(line, 0) >= 0 {
		c.badCommand(say(501, syntax552, "NUL characters are not allowed in commands"))
		return
	}
	if c.refused != nil && !v.anyone {
		c.badCommand(*c.refused)
		return
	}
	if o, ok := c.sess.(OtherSession); ok && !v.decided && upper != "QUIT" {
		if r := o.Other(c.ctx, line); r.Code >= 400 {
			c.reply(r)
			return
		}
	}
	v.do(c, name, arg)
}

// splitCommand takes the first word from a line; blanks around name and argument go.
func splitCommand(line string) (name, arg string) {
	line = strings.Trim(line, " \t")
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimLeft(line[i:], " \t")
}

// unknown answers what is no command. Web browsers that were made to talk to us are cut off.
func (c *conn) unknown(upper, line string, first bool) {
	switch upper {
	case "GET", "POST", "CONNECT", "USER":
		if first || c.feat.endOnHTTP {
			c.noticer().Proxy(c.ctx, line)
		}
		if first {
			c.closing(status.Enhanced{4, 7, 0}, "Rejecting open proxy "+c.client())
			return
		}
		if c.feat.endOnHTTP {
			c.closing(status.Enhanced{4, 7, 0}, "HTTP command "+c.client())
			return
		}
	case "DEBUG", "WIZ", "SHOWQ":
		c.noticer().Trapdoor(c.ctx, strings.ToLower(upper))
	}
	if o, ok := c.sess.(OtherSession); ok {
		if r := o.Other(c.ctx, line); r.Code >= 400 {
			c.badCommand(r)
			return
		}
	}
	c.badCommand(say(500, status.Enhanced{5, 5, 1}, `Command unrecognized: "`+clean(line)+`"`))
}

func (c *conn) notImplemented(name, arg string) {
	c.badCommand(say(502, status.Enhanced{5, 5, 1}, `Command not implemented: "`+clean(strings.TrimRight(name+" "+arg, " "))+`"`))
}

// early refuses clients that sent more than the command whose reply they have to wait for (RFC 2920 section 3.1): what
// follows may be somebody else's words, brought in by a proxy or a smuggled message.
func (c *conn) early() bool {
	if c.feat.earlyCommands || c.s.buffered() == 0 {
		return false
	}
	c.noticer().Early(c.ctx, c.last)
	c.badCommand(say(554, proto550, "SMTP protocol error"))
	c.refuse(say(550, order500, "Command rejected"))
	return true
}

// hello carries out HELO and EHLO.
func (c *conn) hello(name, arg string) {
	upper := strings.ToUpper(name)
	if c.early() {
		return
	}
	c.slowDown(&c.helos, c.srv.limits.Helo, "HELO/EHLO")
	if arg == "" {
		c.reply(say(501, order500, name+" requires domain address"))
		return
	}
	if !c.srv.cfg.AllowBogusHelo && !validHelo(arg) {
		c.reply(say(501, order500, "Invalid domain name"))
		return
	}
	r, keywords := c.sess.Helo(c.ctx, upper, arg)
	r.Enhanced = noEnhanced
	if r.Code >= 400 {
		c.reply(r)
		return
	}
	c.helo = true
	c.mail, c.rcpts = false, 0
	if c.refused != nil {
		keywords = []string{"ENHANCEDSTATUSCODES"}
	}
	if upper == "EHLO" {
		r.Lines = append(r.Lines[:len(r.Lines):len(r.Lines)], keywords...)
	}
	c.reply(r)
}

// validHelo accepts what a domain or an address literal may be made of, and a little more, as the original does.
func validHelo(name string) bool {
	if len(name) > 255 {
		return false
	}
	for i := range len(name) {
		switch ch := name[i]; {
		case ch >= '0' && ch <= '9' || ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z':
		case strings.IndexByte("[].-_#:", ch) >= 0:
		default:
			return false
		}
	}
	return true
}

// path checks what MAIL and RCPT have in common and splits their argument. bad, if not nil, answers what is wrong.
func (c *conn) path(arg, want string) (path, params string, bad *status.Reply) {
	rest, word, ok := keyword(arg, want)
	if !ok {
		r := say(501, syntax552, `Syntax error in parameters scanning "`+clean(word)+`"`)
		return "", "", &r
	}
	path, params, err := scanPath(rest)
	if err != nil {
		r := say(553, order500, err.Error())
		return "", "", &r
	}
	if !c.srv.cfg.UTF8 && !asciiOnly(path) {
		r := say(553, status.Enhanced{5, 6, 7}, clean(path)+"... Address has non-ASCII characters, SMTPUTF8 is not available")
		return "", "", &r
	}
	return path, params, nil
}

func (c *conn) allowed() allowed {
	_, by := c.sess.(DeliverBySession)
	return allowed{dsn: !c.feat.noDSN, by: by && !c.feat.noDSN, utf8: c.srv.cfg.UTF8, maxSize: c.srv.cfg.MaxMessageSize}
}

// mailFrom carries out MAIL.
func (c *conn) mailFrom(_, arg string) {
	c.issued("MAIL")
	switch {
	case c.srv.cfg.NeedMailHelo && !c.helo:
		c.reply(say(503, order500, "Polite people say HELO first"))
		return
	case c.mail:
		c.reply(say(503, proto550, "Sender already specified"))
		return
	}
	path, params, bad := c.path(arg, "FROM")
	if bad != nil {
		c.reply(*bad)
		return
	}
	m, wrong := parseMailParams(params, c.allowed())
	if wrong != nil {
		c.reply(*wrong)
		return
	}
	var r status.Reply
	if m.by != nil {
		r = c.sess.(DeliverBySession).MailBy(c.ctx, path, &m.opts, m.by)
	} else {
		r = c.sess.Mail(c.ctx, path, &m.opts)
	}
	c.mail, c.rcpts = r.Code < 400, 0
	c.reply(r)
}

// rcptTo carries out RCPT.
func (c *conn) rcptTo(_, arg string) {
	if !c.mail {
		c.reply(say(503, order500, "Need MAIL before RCPT"))
		return
	}
	path, opts, bad := c.recipient(arg)
	if bad != nil {
		c.noticer().Misspoken(c.ctx, bad.Lines[0])
		c.reply(*bad)
		return
	}
	r := c.sess.Rcpt(c.ctx, path, &opts)
	if r.Code < 400 {
		c.rcpts++
	}
	if r.Delay > 0 {
		c.delay(r.Delay)
	}
	c.reply(r)
}

// recipient reads the argument of RCPT. bad, if not nil, answers what is wrong.
func (c *conn) recipient(arg string) (path string, opts smtp.RcptOptions, bad *status.Reply) {
	path, params, bad := c.path(arg, "TO")
	switch {
	case bad != nil:
	case onlyComment(path):
		r := say(501, order500, "Missing recipient")
		bad = &r
	default:
		opts, bad = parseRcptParams(params, c.allowed())
	}
	return path, opts, bad
}

// data carries out DATA: the message is read to its end whatever the session thinks of it.
func (c *conn) data(_, _ string) {
	switch {
	case !c.mail:
		c.reply(say(503, order500, "Need MAIL command"))
		return
	case c.rcpts == 0:
		c.reply(say(503, order500, "Need RCPT (recipient)"))
		return
	}
	if c.early() { // a message that nobody waited for: not one of its lines is taken for a command
		c.sess.Reset(c.ctx)
		c.mail, c.rcpts, c.quit = false, 0, true
		return
	}
	if r := c.sess.StartData(c.ctx); len(r.Lines) > 0 {
		c.reply(r)
		if r.Code != 354 {
			return
		}
	} else {
		c.reply(say(354, noEnhanced, "End data with <CR><LF>.<CR><LF>"))
	}
	if err := c.s.flush(); err != nil {
		c.lost(err)
		return
	}
	c.s.borrow()
	d := newDataReader(c.s, c.feat, c.srv.cfg.MaxMessageSize, c.srv.cfg.Timeouts.DataBlock)
	r := c.sess.Data(c.ctx, d)
	lost := d.drain()
	c.s.giveBack()
	c.mail, c.rcpts = false, 0
	c.endOfMessage(r, d.err, lost)
}

// endOfMessage gives the session's answer to a message, or what was wrong with how it came.
func (c *conn) endOfMessage(r status.Reply, problem, lost error) {
	if lost != nil {
		if !c.quit {
			c.lost(lost)
		}
		return
	}
	var fault status.Status
	if errors.As(problem, &fault) {
		r = fault.Reply()
	}
	if r.Code < 300 {
		c.s.settle()
	}
	c.reply(r)
}

func (c *conn) reset(_, _ string) {
	c.sess.Reset(c.ctx)
	c.mail, c.rcpts = false, 0
	c.reply(say(250, ok200, "Reset state"))
}

func (c *conn) noop(_, _ string) {
	c.slowDown(&c.noops, c.srv.limits.Noop, "NOOP")
	c.reply(say(250, ok200, "OK"))
}

// verbose refuses VERB: the transcript of deliveries that it asked for has no place in a server whose deliveries do not
// belong to the dialogue.
func (c *conn) verbose(_, _ string) {
	c.slowDown(&c.noops, c.srv.limits.Noop, "VERB")
	c.reply(say(502, status.Enhanced{5, 7, 0}, "Verbose unavailable"))
}

func (c *conn) sayGoodbye(_, _ string) {
	c.reply(say(221, ok200, c.srv.cfg.HostName+" closing connection"))
	c.quit = true
}

// verify carries out VRFY and EXPN.
func (c *conn) verify(name, arg string) {
	expand := strings.EqualFold(name, "EXPN")
	c.slowDown(&c.verifies, c.srv.limits.Verify, strings.ToUpper(name))
	need := c.srv.cfg.NeedVerifyHelo
	if expand {
		need = c.srv.cfg.NeedExpandHelo
	}
	c.issued(strings.ToUpper(name))
	switch {
	case need && !c.helo:
		c.reply(say(503, order500, "I demand that you introduce yourself first"))
		return
	case expand && c.feat.noEXPN:
		c.reply(say(502, status.Enhanced{5, 7, 0}, "Sorry, we do not allow this operation"))
		return
	case !c.srv.cfg.UTF8 && !asciiOnly(arg):
		c.reply(say(553, status.Enhanced{5, 6, 7}, clean(arg)+"... Address has non-ASCII characters, SMTPUTF8 is not available"))
		return
	}
	if expand {
		c.reply(c.sess.Expand(c.ctx, arg))
		return
	}
	c.reply(c.sess.Verify(c.ctx, arg))
}

func (c *conn) help(_, arg string) { c.reply(c.sess.Help(c.ctx, arg)) }

func (c *conn) etrn(_, arg string) {
	if c.feat.noETRN {
		c.reply(say(502, status.Enhanced{5, 7, 0}, "Sorry, we do not allow this operation"))
		return
	}
	c.issued("ETRN")
	c.slowDown(&c.etrns, c.srv.limits.Etrn, "ETRN")
	c.reply(c.sess.Etrn(c.ctx, arg))
}
