package drac

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// maxSessions bounds how many sessions are remembered whose address and login stand in different lines.
const maxSessions = 10_000

// loginFormat is how a POP or IMAP server logs that somebody logged in: what stands between the time and host of the
// line and its end. ADDR stands for the client's address. A server that tells the address when the session begins and
// the success in another line has two expressions, each with the process number as its first group.
type loginFormat struct{ server, session, success string }

// loginFormats are held against the whole line, from the program's name on: what a stranger sends, as a name that is
// refused or to another program, cannot look like a login.
var loginFormats = []loginFormat{
	{"dovecot", "", `(?:dovecot(?:\[\d+\])?: )?(?:Info: )?(?:pop3|imap)-login(?:\[\d+\])?: (?:Info: )?(?:Login|Logged in): user=<[^<>]+>, method=[\w-]+, rip=ADDR(?:,.*)?`},
	{"dovecot 0.99", "", `(?:dovecot: )?(?:pop3|imap)-login: Login: \S+ \[ADDR\]`},
	{"qpopper", "", `(?:(?:in\.)?q?popper[^\s:]*:|\[popper\]) \([^()]*\) POP login by user "[^"]+" at \([^()]*\) ADDR(?: \[.*\])?`},
	{"qpopper, at the end of a session", "", `(?:(?:in\.)?q?popper[^\s:]*:|\[popper\]) Stats: \S+ \d+ \d+ \d+ \d+ (?:\S+ )?ADDR(?: \[.*\])?`},
	{"UW ipop3d and imapd", "", `(?:ipop[23]s?d|imaps?d)(?:\[\d+\])?: (?:Login|Authenticated|Auth|APOP) user=\S+ host=(?:\S+ )?\[ADDR\].*`},
	{"courier", "", `(?:courier-?)?(?:pop3|imap)(?:login|d|d-ssl)(?:\[\d+\])?: (?:INFO: )?LOGIN, user=[^\s,]+, ip=\[ADDR\](?:,.*)?`},
	{"cyrus", "", `(?:[\w.-]+/)?(?:pop3|imap)[ds]?(?:\[\d+\])?: login: (?:[^\s\[\]]+ )?\[ADDR\] \S+ \S+.*`},
	{"vpopmail", "", `vpopmail(?:\[\d+\])?: vchkpw[\w-]*: (?:\([\w-]+\) )?login success \S+:ADDR`},
	{"perdition", "", `perdition(?:[.\w-]*)(?:\[\d+\])?: Auth: ADDR(?::\d+)?-?>\S+ user="[^"\s]*" server="[^"\s]*" port="[^"\s]*" status="ok"`},
	{"teapop", "", `teapop(?:\[\d+\])?: Successful login for \S+ .*\[ADDR\]`},
	{"solid-pop3d with --enable-logextend", "", `(?:spop3d|solid-pop3d)(?:\[\d+\])?: user \S+ authenticated - ADDR`},
	{"solid-pop3d", `(?:spop3d|solid-pop3d)\[(\d+)\]: connect from ADDR`, `(?:spop3d|solid-pop3d)\[(\d+)\]: user \S+ authenticated`},
	{"popa3d", `popa3d\[(\d+)\]: Session from ADDR`, `popa3d\[(\d+)\]: Authentication passed for \S+`},
	{"vm-pop3d", "", `vm-pop3d(?:\[\d+\])?: User \S+ logged in from ADDR`},
	{"gnu-pop3d", "", `gnu-pop3d(?:\[\d+\])?: User \S+ logged in with mailbox \S+ from ADDR`},
}

// lineHead is the time and the host before the program's name, as syslogd, journalctl and servers with a log of their
// own write them.
const lineHead = `^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) (?:\S+ )??`

// Logins finds the addresses of successful logins in lines of a log. It is not for concurrent use.
type Logins struct {
	formats  []compiledFormat
	sessions map[string]netip.Addr // by format and process number
}

type compiledFormat struct {
	server           string
	session, success *regexp.Regexp
}

// NewLogins takes expressions (RE2) whose group named addr, or else whose first one, is the client's address; without
// any it knows the lines of Dovecot, qpopper, UW, Courier, Cyrus, vpopmail and others.
func NewLogins(expressions ...string) (*Logins, error) {
	l := &Logins{sessions: map[string]netip.Addr{}}
	for _, x := range expressions {
		re, err := regexp.Compile(x)
		if err != nil {
			return nil, fmt.Errorf("drac: expression for logins: %w", err)
		}
		if re.NumSubexp() == 0 {
			return nil, fmt.Errorf("drac: expression for logins: %q has no group for the client's address", x)
		}
		l.formats = append(l.formats, compiledFormat{server: x, success: re})
	}
	if len(expressions) > 0 {
		return l, nil
	}
	whole := func(x string) *regexp.Regexp {
		return regexp.MustCompile(lineHead + "(?:" + strings.ReplaceAll(x, "ADDR", `(?P<addr>[0-9A-Fa-f.:]+)`) + `)\s*$`)
	}
	for _, f := range loginFormats {
		c := compiledFormat{server: f.server, success: whole(f.success)}
		if f.session != "" {
			c.session = whole(f.session)
		}
		l.formats = append(l.formats, c)
	}
	return l, nil
}

// Line returns the client's address if the line tells of a login, and whose words these are.
func (l *Logins) Line(line string) (addr netip.Addr, server string, ok bool) {
	for _, f := range l.formats {
		if f.session != nil {
			if m := f.session.FindStringSubmatch(line); m != nil {
				l.remember(f.server+m[1], parseAddr(m[2]))
				return addr, "", false
			}
		}
		m := f.success.FindStringSubmatch(line)
		switch {
		case m == nil:
			continue
		case f.session != nil:
			addr = l.sessions[f.server+m[1]]
			delete(l.sessions, f.server+m[1])
		default:
			addr = parseAddr(m[max(1, f.success.SubexpIndex("addr"))])
		}
		return addr, f.server, addr.IsValid()
	}
	return addr, "", false
}

// remember keeps the address of a session until its login. Sessions without one are forgotten when there are too many.
func (l *Logins) remember(session string, addr netip.Addr) {
	if len(l.sessions) >= maxSessions {
		clear(l.sessions)
	}
	l.sessions[session] = addr
}

func parseAddr(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
