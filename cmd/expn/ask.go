package main

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"

	"gosendmail/internal/dialogue"
	"gosendmail/internal/maillog"
)

// serve asks one host for its addresses.
func (x *expander) serve(ctx context.Context, host string, users []string) {
	if reason := x.given[host]; reason != "" {
		x.giveUp(host, users, mx|guess, reason)
		return
	}
	if users = x.redirected(host, users); len(users) == 0 {
		return
	}
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
		x.lookUpMX(ctx, true, host, host+": could not resolve name", users)
		return
	}
	conn, err := dialogue.Dial(ctx, host, x.port, step)
	if err != nil {
		if left := x.lookUpMX(ctx, false, host, "", users); len(left) > 0 {
			x.giveUp(host, left, mx, host+": Could not connect: "+dialogue.Reason(err))
		}
		return
	}
	defer conn.Close()
	if users = x.greeting(ctx, conn, host, users); len(users) == 0 {
		return
	}
	answer, err := x.command(conn, "helo "+x.self)
	x.show(answer)
	if err != nil && !errors.Is(err, dialogue.ErrGarbled) {
		x.giveUp(host, users, 0, lost(host, err, "sending helo to "+host))
		return
	}
	for i, u := range users {
		if reason := x.expand(conn, host, u); reason != "" {
			x.giveUp(host, append(users[i+1:], u), 0, reason)
			break
		}
	}
	answer, _ = x.command(conn, "quit") // nothing depends on it
	x.show(answer)
}

// lost words the loss of a connection.
func lost(host string, err error, during string) string {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return "Timed out during " + during
	}
	return host + ": lost connection"
}

// greeting reads a greeting. Where it is none of a server that is willing, the users go to another; those for whom
// there is none are given up, or asked for in spite of the code.
func (x *expander) greeting(ctx context.Context, conn *dialogue.Conn, host string, users []string) []string {
	lines, err := conn.Reply()
	x.show(lines)
	switch {
	case err != nil && !errors.Is(err, dialogue.ErrGarbled):
		x.giveUp(host, users, 0, lost(host, err, "greeting with "+host))
		return nil
	case err == nil && strings.HasPrefix(lines[len(lines)-1], "220"):
		return users
	}
	x.say(x.verbose+x.watch+x.debug, "%s: NOT 220 greeting: %s\n", host, maillog.Visible(lines[len(lines)-1]))
	left := x.lookUpMX(ctx, false, host, "", users)
	if err != nil {
		if len(left) > 0 {
			x.giveUp(host, left, 0, host+": did not talk SMTP")
		}
		return nil
	}
	return left
}

func (x *expander) command(conn *dialogue.Conn, text string) ([]string, error) {
	x.say(x.watch, ">>> %s\n", maillog.Visible(text))
	if err := conn.Send(text); err != nil {
		return nil, err
	}
	return conn.Reply()
}

func (x *expander) show(lines []string) {
	for _, l := range lines {
		x.say(x.watch, "%s\n", maillog.Visible(l))
	}
}

// rank orders answers: the better are higher.
func rank(code string) int {
	switch code {
	case "550":
		return 1
	case "252":
		return 2
	case "251", "551":
		return 3
	case "250":
		return 4
	}
	return 0
}

// question asks for an address by EXPN and by VRFY, as it is and, where it is the host's own, by its user part: some
// servers have one only, or know lists by the one and users by the other. The best answer counts, and of equal ones the
// first; of 251 the last.
func (x *expander) question(conn *dialogue.Conn, host, u string) (best []string, reason string) {
	try := []string{u}
	if i := strings.LastIndexByte(u, '@'); i > 0 && x.spell(u[i+1:]) == x.spell(host) {
		try = append(try, u[:i])
	}
	top := 0
	for _, verb := range []string{"expn", "vrfy"} {
		for _, t := range try {
			lines, err := x.command(conn, verb+" "+t)
			switch {
			case errors.Is(err, dialogue.ErrGarbled):
				return nil, host + ": garbled reply to '" + verb + " " + t + "'"
			case err != nil:
				return nil, lost(host, err, verb+"'ing "+t+" on "+host)
			}
			r := rank(lines[len(lines)-1][:3])
			if r > top || r == 3 && top == 3 {
				best, top = lines, r
			}
			if r == 4 {
				return best, ""
			}
		}
	}
	if top == 0 {
		reason = host + ": expn/vrfy not implemented"
	}
	return best, reason
}

var (
	movedLine = regexp.MustCompile(`^[25]51([- ]).*<(.+)>`)
	knownLine = regexp.MustCompile(`^250[- ](?:2\.\d{1,3}\.\d{1,3} )?(.+)`)
	wordsOf   = map[string]string{"550": "USER UNKNOWN", "553": "USER AMBIGUOUS", "252": "REFUSED TO VRFY"}
)

// expand asks for one address and takes or queues what it stands for. It returns why the host is of no use.
func (x *expander) expand(conn *dialogue.Conn, host, u string) (reason string) {
	if x.valid == 0 {
		x.say(x.verbose, "%s ->\n", maillog.Visible(compact(u, host)))
	}
	lines, reason := x.question(conn, host, u)
	if reason != "" {
		return reason
	}
	name := x.names[at{u, host}]
	e := &expansion{expander: x, host: host, u: u, name: name}
	for _, l := range lines {
		x.say(x.watch, "%s\n", maillog.Visible(l))
		if m := movedLine.FindStringSubmatch(l); m != nil {
			l = "250" + m[1] + "<" + m[2] + ">"
		}
		if m := knownLine.FindStringSubmatch(l); m != nil {
			e.take(m[1], len(lines) == 1)
			continue
		}
		words := wordsOf[l[:3]]
		switch {
		case words == "":
			return host + ": did not grok '" + l + "'"
		case x.valid > 0:
			x.say(1, "%s\n", maillog.Visible("@"+host+":"+u+" ("+name+") "+words))
		default:
			x.tell(x.final(u, host, name, words))
		}
	}
	if x.valid > 0 {
		e.decide()
	}
	return ""
}

// expansion is the answer for one address. With -a nothing of it is taken until all is seen.
type expansion struct {
	*expander
	host, u, name string
	valid         int // addresses that can be written to
	last          string
	ends, more    []parsed
}

// take takes one line of the answer.
func (e *expansion) take(text string, alone bool) {
	r := e.parse(text, e.host, e.name, alone)
	e.last = r.name
	end := r.host == ""
	if end {
		r.host = e.host
	} else {
		r.host = e.follow(r.host, r.addr)
		// The server itself would have expanded it, if it could.
		end = e.spell(r.host) == e.spell(e.host) || e.levels > 0 && e.level[at{e.u, e.host}] >= e.levels
	}
	switch {
	case e.expander.valid > 0:
		if writable(r.addr) {
			e.valid++
		}
		if end {
			e.ends = append(e.ends, r)
		} else {
			e.more = append(e.more, r)
		}
	case end:
		e.tell(e.final(r.addr, r.host, r.name, ""))
	default:
		e.tell(e.queue(r.host, r.addr, r.name, e.level[at{e.u, e.host}]))
	}
}

// decide takes the answer if enough of it can be written to, and the address itself otherwise.
func (e *expansion) decide() {
	share, all := 0.0, len(e.ends)+len(e.more)
	if all > 0 {
		share = float64(e.valid) / float64(all)
	}
	e.trace("%.2f of %s can be written to", share, compact(e.u, e.host))
	if share < required(e.expander.valid) {
		if share > 0 {
			e.say(e.verbose+e.watch+e.debug, "Tossing some valid to avoid invalid %s\n", maillog.Visible(compact(e.u, e.host)))
		}
		e.say(e.verbose, "%s ->\n", maillog.Visible(compact(e.u, e.host)))
		e.tell(e.final(e.u, e.host, e.last, ""))
		return
	}
	e.say(e.verbose, "%s ->\n", maillog.Visible(compact(e.u, e.host)))
	for _, r := range e.more {
		e.tell(e.queue(r.host, r.addr, r.name, e.level[at{e.u, e.host}]))
	}
	for _, r := range e.ends {
		e.tell(e.final(r.addr, r.host, r.name, ""))
	}
}

// required is the share that -a asks for.
func required(n int) float64 {
	switch n {
	case 1:
		return 0.8
	case 2:
		return 1
	case 3:
		return 0.9
	}
	return 1 - 1/float64(n-3)
}
