package testmode_test

import (
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strings"
)

// generator makes commands of the test mode for one configuration, the same ones for the same seed.
type generator struct {
	*rand.Rand
	rulesets, maps, mailers, classes []string // of the configuration, beside those that all have
	addrs                            []string
}

// defined finds names in a configuration by what their lines begin with.
func defined(text, pattern string, more ...string) []string {
	for _, m := range regexp.MustCompile(`(?m)^`+pattern).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(more, m[1]) {
			more = append(more, m[1])
		}
	}
	return more
}

func newGenerator(seed int64, text string) *generator {
	return &generator{
		Rand: rand.New(rand.NewSource(seed)), addrs: addresses(2000),
		rulesets: defined(text, `S([A-Za-z0-9_]+)`, "0", "1", "2", "3", "4", "5"),
		maps:     defined(text, `K(\w+)\s`, "host", "aliases", "aliases.files", "Alias0"),
		mailers:  defined(text, `M(\w+),`, "prog", "*file*", "*include*"),
		classes:  defined(text, `[CF](\w|\{\w+\})`, "w", "m", "k", "e", "n", "s", "q", "t", "{persistentMacros}", "{checkMIMEFieldHeaders}"),
	}
}

func (g *generator) pick(list ...string) string { return list[g.Intn(len(list))] }

func (g *generator) host() string {
	return g.pick("remote.test", "mail.example.test", "nosuch.test", "alias.test", "aonly.test", "nullmx.test", "virt.test", "routed.test",
		"a.sub.test", "err.test", "local.test", "bad.test", "closed.test", "gen.test", "in.test", "x.in.test", "relay.test", "olddomain.test",
		"bithost.BITNET", "uuhost.UUCP", "x.REDIRECT", "[127.0.2.7]", "[IPv6:::1]", "mail", "q.test", "d.test", "")
}

func (g *generator) addr() string {
	if g.Intn(2) == 0 {
		return g.addrs[g.Intn(len(g.addrs))]
	}
	a := g.pick("alice", "bob", "root", "nosuch", "info", "err", "spam", "plus+x", "alice+tag", "a.b", "\"q u\"", "postmaster", "x!y") + "@" + g.host()
	return fmt.Sprintf(g.pick("%s", "<%s>", "Name <%s>", "%s (c)", "<@relay.test:%s>"), a)
}

func (g *generator) ip() string {
	return g.pick("127.0.0.1", "127.0.2.7", "127.0.2.8", "127.0.2.9", "10.1.2.3", "10.2.3.4", "10.9.1.1", "IPv6:::1", "192.0.2.1")
}

// commands makes n lines at least.
func (g *generator) commands(n int) string {
	var b strings.Builder
	b.WriteString("/tryflags er\n")
	kinds := []func() string{g.client, g.client, g.check, g.check, g.check, g.parse, g.try, g.other, g.names, g.rewrite, g.rewrite, g.rewrite,
		g.rewrite, g.table, g.show, g.settings, g.odd, g.debug, g.header}
	for lines := 1; lines < n; {
		text := kinds[g.Intn(len(kinds))]() + "\n"
		lines += strings.Count(text, "\n")
		b.WriteString(text)
	}
	return b.String()
}

// client sets what is known of a client.
func (g *generator) client() string {
	return ".D" + g.pick("{client_addr}"+g.ip(), g.pick("{client_name}", "{client_ptr}", "s", "{mail_addr}")+g.host(), "{client_resolve}OK",
		"{client_resolve}FAIL", "{client_resolve}TEMP", "{client_resolve}FORGED", "{auth_type}PLAIN", "{auth_type}", "{verify}OK", "{verify}",
		"{deliveryMode}d", "{deliveryMode}i", "f"+g.addr(), "{daemon_flags}c u", "{daemon_flags}")
}

// check asks whether a step of a session is allowed.
func (g *generator) check() string {
	switch g.Intn(5) {
	case 0, 1:
		return "check_mail " + g.addr()
	case 2, 3:
		return "check_rcpt " + g.addr()
	}
	return "check_relay " + g.host() + " $| " + g.ip()
}

func (g *generator) parse() string {
	if g.Intn(8) == 0 {
		return "/sender " + g.addr() + "\n$f\n$x\n$z\n/parse " + g.addr()
	}
	return "/tryflags " + g.pick("hs", "hr", "es", "er", "H", "e", "S", "R", "sH", "x") + "\n/parse " + g.addr()
}

func (g *generator) try() string {
	return "/try " + g.pick(append(g.mailers, "smtp", "local", "esmtp", "relay", "nosuch", "LOCAL")...) + g.pick(" ", "  ", "\t") + g.addr()
}

// other runs rulesets that few commands reach.
func (g *generator) other() string {
	set := g.pick(append(g.rulesets, "check_compat", "check_data", "check_etrn", "check_vrfy", "check_eoh", "tls_client", "tls_rcpt", "queuegroup",
		"trust_auth", "greet_pause", "authinfo", "srv_features")...)
	return set + g.pick(" ", "  ", "\t") + g.addr() + g.pick("", " $| "+g.addr(), " $| "+g.ip())
}

func (g *generator) names() string {
	return g.pick("/canon ", "/mx ", "/canon ", "/MX ", "/gethostbyname ") + g.pick(g.host(), "remote.test", "a b", "a..b", ".", "Mail.Example.TEST", "x.y.")
}

func (g *generator) rewrite() string {
	return g.pick("3,0", "3", "0", "3,1,4", "3,2,4", "4", "96", "3,0,4", "1", "2", "5", "98", "97", "10", "11", "21", "9", "8", "3,", ",3", "3,,4",
		"3,nosuch", "nosuch,3", "03", "3x", "-1", "300", "canonify,parse", "PARSE") + " " + g.addr()
}

// table asks a map.
func (g *generator) table() string {
	return "/map " + g.pick(append(g.maps, "nosuch", "HOST", "Access", "alias1")...) + g.pick(" ", " ", " ", "  ", "\t") +
		g.pick(g.addr(), g.host(), "alice@", "postmaster", "From:bad.test", "Connect:10.2", "127.0.2.7", "\"a\"", "a b", "", "10.1", "remote.test")
}

// show prints rulesets, mailers, macros and classes.
func (g *generator) show() string {
	const letters = "acdefghjklmnopqrsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_&*+-~=!@#$%^()[]|;:,.?/"
	switch g.Intn(6) {
	case 0:
		return "=S" + g.pick("", " ", "  ") + g.pick(append(g.rulesets, "nosuch", "99", "199", "200", "300", "parse", "x y")...)
	case 1:
		return "=M"
	case 2, 3:
		return "$=" + g.pick(append(g.classes, "nosuch", "{nosuch}", "", "{", "x")...)
	case 4:
		return "$" + string(letters[g.Intn(len(letters))])
	}
	return "${" + g.pick("client_addr", "client_name", "addr_type", "opMode", "deliveryMode", "verify", "mail_addr", "currHeader", "hdrlen", "nosuch",
		"daemon_flags", "quarantine", "sendmail", "x y", "") + "}"
}

// settings define macros and classes, well and badly.
func (g *generator) settings() string {
	name := g.pick("x", "y", "{abc}", "{a_b}", "{}", "{", "Z", "0", "", "{a b}")
	switch g.Intn(3) {
	case 0:
		return ".D" + name + g.pick("", " ", "v", " $w $x", "$?x a $| b $.", "$$", "$(a$)", "#c", "\\#c", "a\tb", "$&w", "${abc}x", "$") + "\n$" + name
	case 1:
		return ".C" + name + g.pick("", " ", " a b c", " A.B.C", " $=w", " $w $j", " 1  2\t3") + "\n$=" + name
	}
	return g.pick(".", "..", ".X", ". D", "=", "=X", "=s0", "-", "-x", "- d", "/", "/x", "/ mx", "?", "? x", "#", "# x", "   ", "")
}

// odd is what people and programs mistype.
func (g *generator) odd() string {
	switch g.Intn(12) {
	case 0:
		return "3 " + strings.Repeat(g.pick("a", "a.", "(", "<", "\"", "a,", " ", "@", "\\", "x@y,"), 1+g.Intn(1200))
	case 1:
		return g.pick("/parse ", "/try smtp ", "/canon ", "/mx ", "/map host ") + strings.Repeat(g.pick("b", "b.", "(b", "0123456789"), 20+g.Intn(40))
	case 2:
		b := make([]byte, 1+g.Intn(40))
		for i := range b {
			if b[i] = byte(1 + g.Intn(255)); b[i] == '\n' || b[i]&0xe0 == 0x80 { // what follows operators has no name in common
				b[i] = ' '
			}
		}
		return g.pick("3 ", "/parse ", "/try smtp ", "0 ") + string(b)
	case 3:
		return strings.Repeat("z", 2000+g.Intn(200))
	case 4:
		return g.pick("3", "3 ", "check_rcpt", "nosuch", "3\t", "/parse", "/parse ", "/try", "/try smtp", "/try smtp ", "/map", "/map host", "/map host ",
			"/canon", "/mx", "/tryflags", "/expand", "/header", "/quit1", "/sender")
	case 5:
		return "/expand " + g.pick("a b", "$j", "\x81j", "x\x81wy", "\x81?x a \x81| b \x81.")
	}
	return g.pick("/parse ", "3,0 ", "/try local ") + g.pick("<>", "<", ">", "\"", "\"a", "(", "(a", ")", "a)", "a@b,c@d", "\\a", "\\", "\"\\\"", "a@", "@b", "@",
		",", ";", ":", "a:", "a:b;", "|x y", "/a/b", "\"|x y\"", "\"/a b\"", ":include:/x", "\":include:/x\"", "@a:b@c", "@a,@b:c@d", "a@[1.2.3.4", "$x", "a$*b",
		"a\x7fb", "a\xe9b@c", "a\x90b", "a\xffb", "Full Name <a@b> (c) x", "a@b@c", "a%b%c@d", "a!b!c", "<<a>>", "<a> <b>", "a (b (c) d)", "a \"b\" c")
}

// debug raises levels of -d for a few commands.
func (g *generator) debug() string {
	levels := g.pick("21.2", "21.4", "21.10", "21.12", "21.15", "21.19", "21.35", "21.36", "60.1", "60.5", "20.1", "24.4", "24.5", "24.6", "12.1", "33.1",
		"35.9", "48.2", "61.11", "12.1,33.1,35.9", "20.9,24.9,33.9", "35.9,48.2", "21.4,60.1", "0")
	text := "-d" + levels + "\n"
	for range 1 + g.Intn(4) {
		text += g.pick(g.parse(), g.try(), g.check(), g.rewrite(), g.table(), g.header(), g.client()) + "\n"
	}
	return text + "-d0-99.0"
}

// header checks a field.
func (g *generator) header() string {
	name := g.pick("Subject", "From", "To", "Cc", "Bcc", "Message-Id", "Received", "Return-Path", "X-Y", "Content-Type", "Resent-To", "", "a b", "Sender")
	return "/header " + name + g.pick(":", ": ", " : ", "", ":\t") + g.pick("x", "", g.addr(), "a \"b\" (c)", "<x@y>", "text/plain; charset=x", "a:b:c")
}
