package acceptance

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/internal/oracletest"
)

// hostileSite is a site that says whom it takes a client for, sends mail to port 2525 and waits for nobody long.
const hostileSite = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<ESMTP_MAILER_ARGS>>,<<TCP $h 2525>>)dnl
define(<<confTO_IDENT>>,<<@IDENT@>>)dnl
define(<<confTO_CONNECT>>,<<5s>>)dnl
define(<<confTO_INITIAL>>,<<5s>>)dnl
define(<<confTO_HELO>>,<<5s>>)dnl
define(<<confTO_MAIL>>,<<5s>>)dnl
define(<<confTO_RCPT>>,<<5s>>)dnl
define(<<confTO_DATAINIT>>,<<5s>>)dnl
define(<<confTO_DATABLOCK>>,<<5s>>)dnl
define(<<confTO_DATAFINAL>>,<<5s>>)dnl
define(<<confTO_RSET>>,<<5s>>)dnl
define(<<confTO_QUIT>>,<<5s>>)dnl
define(<<confTO_MISC>>,<<5s>>)dnl
define(<<confCONNECTION_RATE_THROTTLE>>,<<0>>)dnl
define(<<confPRIVACY_FLAGS>>,<<authwarnings>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confLOG_LEVEL>>,<<9>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
FEATURE(<<no_default_msa>>)dnl
FEATURE(<<access_db>>,<<text -o -z| -k0 -v1 /etc/mail/access>>)dnl
DAEMON_OPTIONS(<<Name=MTA, Addr=127.0.0.1>>)dnl
MAILER(<<smtp>>)dnl
LOCAL_RULESETS
Scheck_vrfy
R$*	$#error $@ 5.7.0 $: "550 " $&{client_resolve} " " $&{client_name} " " $&{client_ptr}
`

// hostileConfig writes the site's configuration and makes /etc/resolv.conf name the hostile server.
func hostileConfig(t *testing.T, w world, ident string) {
	t.Helper()
	write(t, "/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
	write(t, "/etc/mail/access", "")
	write(t, "/etc/mail/local-host-names", "")
	m4 := oracletest.M4(t)
	m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@",
		string(w),
		"@IDENT@", ident).Replace(hostileSite))
	cf, err := m4.Output()
	must(t, err)
	write(t, w.path("hostile.cf"), string(cf))
}

// hostileVerdict is what became of one case, and how long it took.
type hostileVerdict struct {
	text string
	took time.Duration
}

// sampled picks one in twelve of n cases, beginning with the first, or with GOSENDMAIL_SLOW all of them.
func sampled(n int) (cases []int) {
	step := 12
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		step = 1
	}
	for i := 0; i < n; i += step {
		cases = append(cases, i)
	}
	return cases
}

// picked are the elements of a list with the numbers of cases.
func picked(list []string, cases []int) (out []string) {
	for _, i := range cases {
		out = append(out, list[i])
	}
	return out
}

// inParallel finds the hostileVerdict on each of n cases, so many at a time.
func inParallel(n, width int, ask func(i int) string) []hostileVerdict {
	out := make([]hostileVerdict, n)
	var wg sync.WaitGroup
	room := make(chan struct{}, width)
	for i := range n {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			begun := time.Now()
			out[i].text = ask(i)
			out[i].took = time.Since(begun)
		})
	}
	wg.Wait()
	return out
}

// patient is talk that begins anew where the server is too busy to greet.
func patient(from, addr string, lines ...string) (replies []string, err error) {
	for range 5 {
		if replies, err = talk(from, addr, lines...); len(replies) > 0 {
			break
		}
	}
	return replies, err
}

// hostileClients are the clients whose names a hostile server gives, each with what is wrong there.
func hostileClients() (addrs, titles []string) {
	for i, f := range dnstest.Faults() {
		addrs = append(addrs, fmt.Sprintf(dnstest.FaultyPTR, i), fmt.Sprintf(dnstest.FaultyA, i))
		titles = append(titles, "ptr: "+f.Name, "address: "+f.Name)
	}
	for i, n := range dnstest.BadNames() {
		addrs = append(addrs, fmt.Sprintf(dnstest.NamedPTR, i), fmt.Sprintf(dnstest.AliasedPTR, i))
		titles = append(titles, "name: "+n.Title, "alias: "+n.Title)
	}
	cases := sampled(len(addrs))
	return picked(addrs, cases), picked(titles, cases)
}

// TestHostileClientNamesAsTheOriginal holds what both servers take clients for whose names a hostile name server gives,
// and that nobody may relay for that.
func TestHostileClientNamesAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "0")
		addrs, titles := hostileClients()
		ask := func(cmd *exec.Cmd) []hostileVerdict {
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			return inParallel(len(addrs), 24, func(i int) string {
				replies, err := patient(addrs[i], "127.0.0.1:25", "EHLO client.test", "VRFY x", "MAIL FROM:<a@good.hostile.test>",
					"RCPT TO:<u@elsewhere.hostile.test>", "RCPT TO:<u@[127.30.0.1]>")
				if len(replies) < 2 {
					return fmt.Sprint(replies, err)
				}
				replies[1], _, _ = strings.Cut(replies[1], "\n")
				return strings.Join(replies[1:], "\n")
			})
		}
		ours := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("hostile.cf")))
		compare(t, titles, ours, ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("hostile.cf"))), knownDNS)
	})
}

// allowance is where we answer otherwise than the original: in cases with these titles our verdict is of that class.
type allowance struct {
	titles     *regexp.Regexp
	class, why string
}

// compare holds our verdicts to be the original's. The words may differ; whether it is taken, put off or refused may
// not, but where an allowance says what it is here, and why.
func compare(t *testing.T, titles []string, ours, original []hostileVerdict, known []allowance) {
	t.Helper()
	for i, want := range original {
		got := ours[i]
		expected, ok := agrees(titles[i], got, want, known)
		if !ok {
			t.Errorf("%s: not %q\nours:     %s\noriginal: %s", titles[i], expected, got.text, want.text)
		}
		if got.took > want.took+20*time.Second {
			t.Errorf("%s: took %v, the original %v", titles[i], got.took, want.took)
		}
		t.Logf("%s: ours %v, original %v: %q", titles[i], got.took.Round(time.Millisecond),
			want.took.Round(time.Millisecond), want.text)
	}
}

// agrees reports whether our verdict is the one that it must be, which it returns, too.
func agrees(title string, got, want hostileVerdict, known []allowance) (expected string, ok bool) {
	expected = want.class()
	for _, k := range known {
		if k.titles.MatchString(title) {
			expected = k.class
		}
	}
	return expected, got.class() == expected
}

// class is what a hostileVerdict comes to: of log lines sent, deferred or failed, of replies their first digits and
// whom they name.
func (v hostileVerdict) class() string {
	stat := strings.Index(v.text, "stat=")
	switch {
	case saidToUser.MatchString(v.text):
		return "failed"
	case stat < 0:
		text := greeted.ReplaceAllString(replyDigits.ReplaceAllString(v.text, "$1"), "$1")
		return faultNumber.ReplaceAllString(text, "$1$2")
	case strings.HasPrefix(v.text[stat:], "stat=Sent"):
		return "sent"
	case strings.HasPrefix(v.text[stat:], "stat=Deferred"), strings.HasPrefix(v.text[stat:], "stat=queued"):
		return "deferred"
	}
	return "failed"
}

var replyDigits = regexp.MustCompile(`(?m)^([245])\d\d \d\.\d\.\d .*$`)

var (
	greeted     = regexp.MustCompile(`(?m)^250-mail\.example\.test Hello (.*), pleased to meet you$`)
	saidToUser  = regexp.MustCompile(`^u\d+@\S+\.\.\. `) // of recipients who fail at once
	faultNumber = regexp.MustCompile(`\[127[.0-9]+\]|\b([a-z])\d+(\.)`)
)

// knownDNS says what we answer otherwise where a name server misbehaves.
var knownDNS = []allowance{
	{regexp.MustCompile(`^ptr: header-only$`), "\n5\n2\n4\n4", brokenReply},
	{regexp.MustCompile(`^ptr: cname-of-other$`), "c.ptr.hostile.test \n5\n2\n5\n5", otherNames},
	{regexp.MustCompile(`^address: cname-of-other$`), "c.fwd.hostile.test \n5\n2\n5\n5", otherNames},
	{regexp.MustCompile(`^ptr: two-cnames$`), "\n5\n2\n5\n5", twoAliases},
	{regexp.MustCompile(`^address: two-cnames$`), "c.fwd.hostile.test  (may be forged)\n5\n2\n5\n5", twoAliases},
	{regexp.MustCompile(`^name: root$`), "\n5\n2\n5\n5", "the root is no host"},
	{regexp.MustCompile(`^from (mx|host): answer-cut-in-header$`), "5\n5", "a record without header proves nothing"},
	{regexp.MustCompile(`^from (mx|host): (other-owner|root-owner|class-ch)$`), "5\n5", otherNames},
	{regexp.MustCompile(`^from (mx|host): cname-of-other$`), "2\n2", otherNames},
	{regexp.MustCompile(`^from cname: (bracket-close|apostrophe|comment|angles|at|percent|bang|semicolon|pipe|slash)$`),
		"5\n5", noHost},
	{regexp.MustCompile(`^from cname: (dollar|dollar-amp|rule|back-quote|star|equals|plus|hash|tilde|question)$`),
		"5\n5", noHost},
	{regexp.MustCompile(`^from cname: (braces|dash-first)$`), "5\n5", noHost},
	{regexp.MustCompile(`^from cname: localhost$`), "5\n5", notCompleted},
	{regexp.MustCompile(`^to mx: (other-owner|root-owner|class-ch)$`), "failed", otherNames},
	{regexp.MustCompile(`^to (host|exchanger): cname-of-other$`), "sent", otherNames},
	{regexp.MustCompile(`^to (mx|host|exchanger): two-cnames$`), "failed", twoAliases},
	{regexp.MustCompile(`^to mx name: (literal-of-loopback|literal-ipv6|root)$`), "failed", noHost},
	{regexp.MustCompile(`^to cname: (bracket-close|c1|latin1|name-of-escapes|root)$`), "failed", noHost},
	{regexp.MustCompile(`^to cname: localhost$`), "sent", notCompleted},
	{regexp.MustCompile(`^to cname: name-253$`), "failed", "an address of more than 256 bytes is refused"},
}

const (
	brokenReply  = "a broken reply is a broken server"
	otherNames   = "records of other names are not looked at"
	twoAliases   = "the first of two CNAMEs counts"
	noHost       = "what is no host's name is not there"
	notCompleted = "the target of a CNAME is not completed with $m"
)

// TestHostileSendersAsTheOriginal holds what both say of senders whose domains a hostile name server answers for.
func TestHostileSendersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "0")
		domains, titles := hostileDomains("from")
		ask := func(cmd *exec.Cmd) []hostileVerdict {
			d := start(t, "127.0.0.1:25", cmd)
			defer d.stop()
			return inParallel(len(domains), 24, func(i int) string {
				replies, err := patient("127.0.0.1", "127.0.0.1:25", "EHLO client.test", "MAIL FROM:<a@"+domains[i]+">",
					"RCPT TO:<u@good.hostile.test>")
				if len(replies) < 2 {
					return fmt.Sprint(replies, err)
				}
				return strings.Join(replies[2:], "\n")
			})
		}
		ours := ask(exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("hostile.cf")))
		compare(t, titles, ours, ask(oracletest.Sendmail(t, "-bD", "-C"+w.path("hostile.cf"))), knownDNS)
	})
}

// hostileDomains are the domains that a hostile server answers for, each with the way of the mail, "from" it or "to"
// it, and what is wrong there.
func hostileDomains(way string) (domains, titles []string) {
	for i, f := range dnstest.Faults() {
		domains = append(domains, fmt.Sprintf(dnstest.FaultyMX, i), fmt.Sprintf(dnstest.FaultyHost, i),
			fmt.Sprintf(dnstest.FaultyRelay, i))
		titles = append(titles, way+" mx: "+f.Name, way+" host: "+f.Name, way+" exchanger: "+f.Name)
	}
	for i, n := range dnstest.BadNames() {
		domains = append(domains, fmt.Sprintf(dnstest.NamedMX, i), fmt.Sprintf(dnstest.NamedCNAME, i))
		titles = append(titles, way+" mx name: "+n.Title, way+" cname: "+n.Title)
	}
	cases := sampled(len(domains))
	return picked(domains, cases), picked(titles, cases)
}

var outcomeOf = regexp.MustCompile(`to=<?u(\d+)@.* mailer=esmtp.*`)
var outcomeParts = regexp.MustCompile(`relay=[^,]*|dsn=.*`)

// TestHostileExchangersAsTheOriginal holds where both deliver mail to, and what they say of it, whose exchangers a
// hostile server names.
func TestHostileExchangersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		dnstest.StartHostile(t, "127.0.0.2:53")
		hostileConfig(t, w, "0")
		l, err := net.Listen("tcp", ":2525")
		must(t, err)
		s := &sink{got: make(chan message, 1000)}
		serveSink(t, l, s)
		domains, titles := hostileDomains("to")
		deliver := func(cmd func() *exec.Cmd, numbers []int) []hostileVerdict {
			must(t, os.Truncate(w.path("log"), 0))
			took := inParallel(len(numbers), 60, func(i int) string {
				c := cmd()
				c.Args = append(c.Args, "-odi", "-fa@mail.example.test", fmt.Sprintf("u%d@%s", i, domains[numbers[i]]))
				c.Stdin = strings.NewReader("Subject: x\n\nx\n")
				return firstLine(c)
			})
			return outcomes(t, w, took)
		}
		ours := func() *exec.Cmd { return exec.Command(w.path("bin/sendmail"), "-C"+w.path("hostile.cf")) }
		original := func() *exec.Cmd {
			return oracletest.Command(t, "usr/libexec/sendmail/sendmail", "-C"+w.path("hostile.cf"))
		}
		all := make([]int, len(domains))
		for i := range all {
			all[i] = i
		}
		got, want := deliver(ours, all), deliver(original, all)
		for i := range all { // a busy machine lets questions to the name server fail that are answered
			if _, ok := agrees(titles[i], got[i], want[i], knownDNS); !ok {
				got[i], want[i] = deliver(ours, all[i:i+1])[0], deliver(original, all[i:i+1])[0]
			}
		}
		compare(t, titles, got, want, knownDNS)
	})
}

// firstLine is the first line that a command prints.
func firstLine(cmd *exec.Cmd) string {
	out, _ := cmd.CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// outcomes puts in the place of what was printed what the log tells of the recipient with its number, if it does.
func outcomes(t *testing.T, w world, list []hostileVerdict) []hostileVerdict {
	t.Helper()
	log := wholeLog(t, w)
	told := make([]string, len(list))
	for line := range strings.Lines(log) {
		m := outcomeOf.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		var i int
		fmt.Sscan(m[1], &i)
		told[i] += strings.Join(outcomeParts.FindAllString(m[0], -1), ", ")
	}
	for i, text := range told {
		if text != "" {
			list[i].text = text
		}
	}
	return list
}
