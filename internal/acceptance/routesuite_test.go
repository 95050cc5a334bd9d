package acceptance

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/peertest"
)

// routeZone are domains of all kinds; the hosts h0 to h5 listen or not as routeHosts says.
const routeZone = `mail.example.test. A 127.0.0.1
example.test. MX 10 mail.example.test.
h0.route.test. A 127.50.0.1
h1.route.test. A 127.50.0.2
h2.route.test. A 127.50.0.3
h3.route.test. A 127.50.0.4
h4.route.test. A 127.50.0.5
h5.route.test. A 127.50.0.6
one.test. MX 10 h0.route.test.
two.test. MX 10 h1.route.test.
two.test. MX 20 h0.route.test.
dead.test. MX 10 h1.route.test.
dead.test. MX 20 h1.route.test.
busy.test. MX 10 h2.route.test.
shut.test. MX 10 h3.route.test.
full.test. MX 10 h4.route.test.
full.test. MX 20 h5.route.test.
aonly.test. A 127.50.0.1
nothing.test. TXT "no host"
nullmx.test. MX 0 .
hang.test. MX 10 nowhere.hang.test.
half.test. MX 10 nowhere.half.test.
half.test. MX 20 h0.route.test.
alias.test. CNAME one.test.
loop.test. MX 10 mail.example.test.
loop.test. MX 20 h0.route.test.
behind.test. MX 10 h1.route.test.
behind.test. MX 20 mail.example.test.
behind.test. MX 30 h0.route.test.
self.test. A 127.0.0.1
x.servfail.test. MX 10 h0.route.test.
mxservfail.test. MX 10 h.servfail.test.
halfservfail.test. MX 10 h.servfail.test.
halfservfail.test. MX 20 h0.route.test.
`

// routeHosts are the hosts of the zone: h1 refuses connections.
func routeHosts() map[int]peertest.Peer {
	say := func(verb, text string) peertest.Peer {
		return peertest.Peer{Name: verb, Answers: map[string]string{verb: text}}
	}
	return map[int]peertest.Peer{0: {Name: "healthy"}, 2: say("greeting", "421 4.3.2 not now\r\n"), 3: say("greeting", "554 5.3.2 go away\r\n"),
		4: say("RCPT", "452 4.2.2 full\r\n"), 5: {Name: "healthy"}}
}

var routeDomains = []string{"one.test", "two.test", "dead.test", "busy.test", "shut.test", "full.test", "aonly.test", "nothing.test", "nullmx.test", "hang.test",
	"half.test", "alias.test", "loop.test", "behind.test", "self.test", "x.servfail.test", "mxservfail.test", "halfservfail.test", "absent.test",
	"[127.50.0.1]", "[127.50.0.2]", "listed.test", "colon.test", "bracket.test", "square.test", "badlist.test", "mixed.test", "err450.test", "err550.test", "errdsn.test",
	"tolocal.test", "toreject.test", "virt450.test", "virt550.test", "virt.test"}

// routeTable is the mailertable.
const routeTable = `listed.test|esmtp:[h1.route.test],[h0.route.test]
colon.test|esmtp:h1.route.test:h0.route.test
bracket.test|esmtp:[h0.route.test]
square.test|esmtp:[127.50.0.1]
badlist.test|esmtp:[nowhere.test],[h0.route.test]
mixed.test|esmtp:dead.test:busy.test:one.test
err450.test|error:4.2.0:450 come back
err550.test|error:5.7.1:550 go away
errdsn.test|error:nohost 550 not here
tolocal.test|local:bob
toreject.test|error:tempfail try again
`

const routeVirtual = `@virt450.test|error:4.2.0:450 wait
@virt550.test|error:5.1.1:550 no such user
u@virt.test|r@one.test
w@virt.test|bob
`

// routeFallbacks are values of the options under which routes are tried.
var routeFallbacks = []string{"",
	"define(<<confFALLBACK_MX>>,<<h0.route.test>>)dnl\n",
	"define(<<confFALLBACK_MX>>,<<[h0.route.test]>>)dnl\n",
	"define(<<confFALLBACK_MX>>,<<two.test>>)dnl\n",
	"define(<<confFALLBACK_MX>>,<<h1.route.test:h0.route.test>>)dnl\n",
	"define(<<confFALLBACK_MX>>,<<mail.example.test>>)dnl\n",
	"define(<<confFALLBACK_MX>>,<<absent.test>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<h0.route.test>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<[h0.route.test]>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<two.test>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<mail.example.test>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<h1.route.test>>)dnl\n",
	"define(<<confFALLBACK_SMARTHOST>>,<<absent.test>>)dnl\n",
	"define(<<confTRY_NULL_MX_LIST>>,<<True>>)dnl\n",
	"define(<<SMART_HOST>>,<<two.test>>)dnl\n",
	"define(<<SMART_HOST>>,<<[h1.route.test]:[h0.route.test]>>)dnl\n",
}

// routeSeed chooses the recipients that are tried together.
const routeSeed = 3

// queuedLine is what the original logs of a message of which nobody could be tried, but not of one of which somebody
// was.
var queuedLine = regexp.MustCompile(`(?m)^to=.* stat=queued\n`)

var (
	fallbackName = regexp.MustCompile(`relay=\[?(h\d\.route\.test)\]?\.? `) // with or without its brackets and dot, by how it came in
	reportOf     = regexp.MustCompile(`(DSN: )\S+@\S+\.\.\. `)
	anyReason    = regexp.MustCompile(`(?m)^qf M.*\n|^M.*\n|^qf `)
)

// each finds log lines that name several recipients. Which hosts are taken for one, by their exchangers, is the affair
// of FastSplit.
var each = regexp.MustCompile(`(?m)^to=\S+,\S+, .*\n`)

// apart makes a line for each recipient of one.
func apart(line string) (lines string) {
	rcpts, rest, _ := strings.Cut(strings.TrimPrefix(line, "to="), ", ")
	for r := range strings.SplitSeq(rcpts, ",") {
		lines += "to=" + r + ", " + rest
	}
	return lines
}

// routesKnown are why routes differ on purpose, by patterns of the fallbacks and of the recipients; each stands in
// docs/differences.md.
var routesKnown = []struct{ fallback, rcpts, kinds, why string }{
	{"", `half\.|badlist|hang|nothing|absent|mixed`, "exit", "the exit status tells what became of the message, not of a host on the way"},
	{"FALLBACK_MX.*h1.route.test:h0.route.test", "", "", "a list in FallbackMXhost is a list"},
	{"", "err|virt|toreject", "mail", "X-Actual-Recipient is not the text of an error"},
	{"FALLBACK_MX", "servfail", "log queue", "recipients of different domains are delivered apart"},
	{"", `nothing\.test`, "", "a name without addresses is told as one that is not there"},
	{"FALLBACK_SMARTHOST.*(two|mail.example|absent)", "", "exit log mail queue", "a fallback that is this host, or not there, is none; its exchangers are asked for"},
	{"FALLBACK_MX.*absent", "servfail", "exit log mail queue", "likewise"},
	{"FALLBACK", "err|toreject", "log", "the log names what was said last"},
}

// knownRoute says why a route differs on purpose.
func knownRoute(o *outgoing, kind, _, _ string) string {
	all := strings.Join(o.args, " ")
	for _, k := range routesKnown {
		if regexp.MustCompile(k.fallback).MatchString(o.title) && regexp.MustCompile(k.rcpts).MatchString(all) && (k.kinds == "" || strings.Contains(k.kinds, kind)) {
			return k.why
		}
	}
	return ""
}

// TestRoutesAsTheOriginal sends mail to domains of all kinds, by tables and fallbacks of all kinds.
func TestRoutesAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) { write(t, w.path("zone"), routeZone) }, func(t *testing.T, w world) {
		s := newStand(t, w)
		write(t, "/etc/mail/mailertable", routeTable)
		write(t, "/etc/mail/virtusertable", routeVirtual)
		for k, f := range routeFallbacks {
			s.configure(t, fmt.Sprintf("route%d.cf", k), f+
				"FEATURE(<<mailertable>>,<<text -k0 -v1 -z| /etc/mail/mailertable>>)dnl\n"+
				"VIRTUSER_DOMAIN(<<virt.test>>)dnl\nVIRTUSER_DOMAIN(<<virt450.test>>)dnl\nVIRTUSER_DOMAIN(<<virt550.test>>)dnl\n"+
				"FEATURE(<<virtusertable>>,<<text -k0 -v1 -z| /etc/mail/virtusertable>>)dnl\n", "")
		}
		for k, p := range routeHosts() {
			s.listen(t, fmt.Sprintf("127.50.0.%d", k+1), p)
		}
		r := rand.New(rand.NewPCG(routeSeed, 1))
		var all []outgoing
		for k := range routeFallbacks {
			for _, d := range routeDomains {
				o := outgoing{cf: fmt.Sprintf("route%d.cf", k), title: fmt.Sprintf("%q %s", routeFallbacks[k], d)}
				o.args = append(o.args, fmt.Sprintf("u@%s", d))
				if r.IntN(3) == 0 {
					o.args = append(o.args, "v@"+routeDomains[r.IntN(len(routeDomains))])
				}
				all = append(all, o)
			}
		}
		var list []outgoing
		for _, n := range casesOf(t, routeSeed, len(all), 40) {
			list = append(list, all[n])
		}
		got, want := s.bothWays(t, list, func(int) []string { return nil })
		for i := range list {
			for _, l := range []left{got[i], want[i]} {
				l["log"] = fallbackName.ReplaceAllString(queuedLine.ReplaceAllString(lostWords(l["log"]), ""), "relay=$1 ")
				l["log"] = each.ReplaceAllStringFunc(l["log"], apart)
				l["log"] = reportOf.ReplaceAllString(l["log"], "$1")
				l["queue"] = anyReason.ReplaceAllString(l["queue"], "")
			}
		}
		hold(t, 0, list, got, want, knownRoute)
	})
}
