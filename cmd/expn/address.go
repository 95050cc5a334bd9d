package main

import (
	"regexp"
	"strings"

	"gosendmail/internal/maillog"
)

// parsed is an address of an answer or of the command line.
type parsed struct {
	host string // the server to ask for it; "" if none is named
	addr string
	name string // the full name beside it
}

const hostChars = `[-A-Za-z_.0-9+]+`

var (
	inAngles   = regexp.MustCompile(`^<(.*)>$`)
	withAngles = regexp.MustCompile(`^([^<>]*)<([^<>]*)>([^<>]*)$`)
	withParens = regexp.MustCompile(`^([^()]*)\(([^()]*)\)([^()]*)$`)
	routeAddr  = regexp.MustCompile(`^@(` + hostChars + `):(.+)$`)
	plainAddr  = regexp.MustCompile(`^(.+)@(` + hostChars + `)$`)
	bangAddr   = regexp.MustCompile(`^(` + hostChars + `)!(.+)$`)
	userAlone  = regexp.MustCompile(`^` + hostChars + `$`)
	canBeSent  = regexp.MustCompile(`.@` + hostChars + `$|^@` + hostChars + `:.|^` + hostChars + `!.|^` + hostChars + `$`)
)

// writable reports whether mail could be sent to an address.
func writable(addr string) bool { return !strings.HasPrefix(addr, `\`) && canBeSent.MatchString(addr) }

// parse takes an address apart that server named. One that stands alone may also be a user of that server, or a UUCP
// path.
func (x *expander) parse(text, server, name string, alone bool) parsed {
	addr, names := text, []string{name}
	if m := inAngles.FindStringSubmatch(addr); m != nil {
		addr = strings.TrimSpace(m[1])
	}
	if m := withAngles.FindStringSubmatch(addr); m != nil {
		addr = strings.TrimSpace(m[2])
		names = append([]string{strings.TrimSpace(m[3]), strings.TrimSpace(m[1])}, names...)
	}
	if m := withParens.FindStringSubmatch(addr); m != nil {
		names = append([]string{strings.TrimSpace(m[2])}, names...)
		first, last := strings.TrimSpace(m[1]), strings.TrimSpace(m[3])
		if (first == "") == (last == "") {
			x.say(x.verbose+x.watch, "Could not parse %s\n", maillog.Visible(addr))
			return x.checked(parsed{"", addr, firstOf(names)}, text)
		}
		addr = first + last
	}
	r := parsed{"", addr, firstOf(names)}
	if m := routeAddr.FindStringSubmatch(addr); m != nil {
		r.host, r.addr = x.complete(m[1], server, m[2]), m[2]
	} else if m := plainAddr.FindStringSubmatch(addr); m != nil {
		r.host = x.complete(m[2], server, addr)
	} else if m := bangAddr.FindStringSubmatch(addr); alone && m != nil {
		r.host = x.complete(m[1], server, addr)
	} else if alone && userAlone.MatchString(addr) {
		r.host = server
	} else if alone {
		x.say(1, "Could not parse %s\n", maillog.Visible(addr))
	}
	return x.checked(r, text)
}

// checked leaves files and quoted users, programs among them, to the server that named them.
func (x *expander) checked(r parsed, text string) parsed {
	if strings.HasPrefix(r.addr, `"`) || strings.HasPrefix(r.addr, "/") {
		r.host = ""
		if x.valid > 0 {
			r.addr = text
		}
	}
	return r
}

func firstOf(names []string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// compact is an address with the server that is asked for it, unless it names that itself.
func compact(u, host string) string {
	if containsFold(u, host) {
		return u
	}
	return u + " (@" + host + ")"
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// maxUndo bounds how far back the hosts of an address are followed, since servers can name each other.
const maxUndo = 20

// final takes an address as it is, in the simplest form, and returns the line of -v.
func (x *expander) final(addr, host, name, reason string) string {
	if strings.Contains(reason, "Non-existent domain") {
		if _, ok := x.beforeLocal[at{addr, host}]; ok {
			for n := 0; n < maxUndo && x.beforeLocal[at{addr, host}] != ""; n++ {
				host = x.beforeLocal[at{addr, host}]
			}
			reason = host + ": could not locate"
		} else if x.valid > 0 {
			x.say(1, "%s\n", maillog.Visible("@"+host+":"+addr+" ("+name+") Non-existent domain"))
			return ""
		}
	}
	text := ""
	if name != "" {
		text = name + " "
	}
	text += "<" + x.simplest(addr, host) + ">"
	line := text
	if reason != "" {
		line += " " + reason
	}
	if x.valid == 0 {
		text = line
	}
	x.results = append(x.results, text)
	return "\t" + line + "\n"
}

// simplest is an address with the host that it belongs to.
func (x *expander) simplest(addr, host string) string {
	if !strings.Contains(addr, "@") {
		return addr + "@" + host
	}
	if containsFold(addr, host) {
		return addr
	}
	if i := strings.LastIndexByte(addr, '@'); i > 0 && i+1 < len(addr) {
		if meant, ok := x.redirect[at{addr, addr[i+1:]}]; ok {
			addr = addr[:i+1] + meant
		}
	}
	if x.valid == 0 {
		if strings.Contains(host, ".") {
			addr += "[@" + host + "]"
		}
		return addr
	}
	first, domain, dotted := strings.Cut(host, ".")
	if dotted && strings.HasSuffix(addr, "@"+first) {
		return addr + "." + domain
	}
	unrolled := false
	for n := 0; n < maxUndo && x.before[at{addr, host}] != ""; n++ {
		b := x.before[at{addr, host}]
		x.say(x.verbose, "Unrolling MX expnasion: @%s:%s -> @%s:%s\n", host, maillog.Visible(addr), b, maillog.Visible(addr))
		host, unrolled = b, true
	}
	switch {
	case unrolled && containsFold(addr, host):
		return addr
	case dotted:
		return "@" + host + ":" + addr
	}
	return addr
}
