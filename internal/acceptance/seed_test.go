package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// users of the seed's site, with their uids from 3001 on.
var users = []string{"you", "user2", "user4"}

// unburdened keeps the load of the machine that runs the tests out of both servers' decisions.
const unburdened = "define(`confQUEUE_LA', `9999')dnl\ndefine(`confREFUSE_LA', `9999')dnl\n"

// prepareSeed lays out the site of the seed: its configuration, tables, users and DNS.
func prepareSeed(t *testing.T, w world) {
	for _, f := range []string{"sendmail.mc", "virtusertable", "access", "mailertable", "virtuser-domains", "aliases", "local-host-names"} {
		text, err := os.ReadFile(filepath.Join("testdata", "seed", f))
		must(t, err)
		write(t, w.path("etc/mail", f), strings.Replace(string(text), "MAILER(", unburdened+"MAILER(", 1))
	}
	zone, err := os.ReadFile("testdata/seed/zone")
	must(t, err)
	write(t, w.path("zone"), string(zone))
	write(t, w.path("etc/hosts"), "127.0.0.1 host.domain.com host localhost\n")
	passwd := "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nbin:x:2:2::/:/bin/sh\nmail:x:8:8::/var/mail:/bin/sh\n" +
		"mailnull:x:118:127::/:/bin/sh\nsmmsp:x:117:126::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
	group := "root:x:0:\ndaemon:x:1:\nbin:x:2:\nmail:x:8:\nsmmsp:x:126:\nmailnull:x:127:\nnogroup:x:65534:\n"
	for i, u := range users {
		id := string(rune('1' + i))
		passwd += u + ":x:300" + id + ":300" + id + "::/home/" + u + ":/bin/sh\n"
		group += u + ":x:300" + id + ":\n"
		must(t, os.MkdirAll(w.path("home", u), 0o755))
		must(t, os.Chown(w.path("home", u), 3001+i, 3001+i))
	}
	write(t, w.path("etc/passwd"), passwd)
	write(t, w.path("etc/group"), group)
}

// installSeed does inside what the site's page tells: the programs in /usr/lib, the configuration compiled, the tables
// made.
func installSeed(t *testing.T, w world) {
	serveDNS(t)
	write(t, "/etc/resolv.conf", "nameserver 127.0.0.2\noptions timeout:1 attempts:1\n")
	for _, d := range []string{"upper", "work"} {
		must(t, os.MkdirAll(w.path(d), 0o755))
	}
	run(t, "", "mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr/lib,upperdir="+w.path("upper")+",workdir="+w.path("work"), "/usr/lib")
	// The site's local mailer is mail.local: the original's, with its libraries.
	root := oracletest.Root(t)
	run(t, "", "cp", w.path("bin/smtpfeed"), filepath.Join(root, "usr/libexec/sendmail/mail.local"), "/usr/lib/")
	run(t, "", "cp", "-a", filepath.Join(root, "usr/lib/x86_64-linux-gnu")+"/.", "/usr/lib/x86_64-linux-gnu/")
	must(t, os.MkdirAll("/usr/lib/smtpfeed.d", 0o777))
	must(t, os.Chmod("/usr/lib/smtpfeed.d", 0o777))
	must(t, os.Chdir("/etc/mail"))
	write(t, "/etc/mail/sendmail.cf", run(t, "", w.path("bin/mkcf"), "sendmail.mc"))
	tables(t, w.path("bin/makemap"))
}

func tables(t *testing.T, makemap string, args ...string) {
	t.Helper()
	for in, out := range map[string]string{"virtusertable": "virtusertable.db", "access": "/etc/mail/access.db", "mailertable": "mailertable.db"} {
		text, err := os.ReadFile(in)
		must(t, err)
		run(t, string(text), append(append([]string{makemap}, args...), "hash", out)...)
	}
}

// startOurs runs the daemon as the page does, in the foreground and with its queue runner.
func startOurs(t *testing.T, w world) *daemon {
	t.Helper()
	return start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-q15m"))
}

func TestSeedSite(t *testing.T) {
	inArena(t, prepareSeed, func(t *testing.T, w world) {
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		startOurs(t, w)
		t.Run("mailbox", testMailbox)
		t.Run("refusals", testRefusals)
		t.Run("privacy", testPrivacy)
		t.Run("smarthost", testSmartHost)
		t.Run("mailertable", testMailertable)
		t.Run("table rebuilt", func(t *testing.T) { testTableRebuilt(t, w) })
		t.Run("drac", func(t *testing.T) { testDrac(t, w) })
	})
}

// send gives one message to the daemon from a local address and wants every command accepted.
func send(t *testing.T, from, sender, rcpt, body string) {
	t.Helper()
	replies := dialogue(t, from, "EHLO client.test", "MAIL FROM:<"+sender+">", "RCPT TO:<"+rcpt+">", "DATA", body+"\r\n.", "QUIT")
	for i, want := range []string{"220", "250", "250", "250", "354", "250", "221"} {
		if !strings.HasPrefix(replies[i], want) {
			t.Fatalf("reply %d: %q, want %s (all: %q)", i, replies[i], want, replies)
		}
	}
}

func testMailbox(t *testing.T) {
	send(t, "127.0.2.8", "a@outside.test", "you@domain1.com", "Subject: for you\r\n\r\nfirst mail")
	eventually(t, "the mail is in you's mailbox", func() bool {
		box, _ := os.ReadFile("/var/mail/you")
		return strings.Contains(string(box), "Subject: for you\n") && strings.Contains(string(box), "\nfirst mail\n")
	})
	box, _ := os.ReadFile("/var/mail/you")
	for _, want := range []string{"From a@outside.test ", "Return-Path: <a@outside.test>", "Received: from client.test (roaming.client.test [127.0.2.8])", "by host.domain.com (", "for <you@domain1.com>"} {
		if !strings.Contains(string(box), want) {
			t.Errorf("the mailbox lacks %q:\n%s", want, box)
		}
	}
}

// refusals are dialogues whose replies must be the original's, word for word; see TestSeedSiteAsTheOriginal.
var refusals = map[string]struct {
	from  string
	lines []string
	want  string // a part of one of the replies
}{
	"unknown virtual user":  {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<nosuch@domain1.com>", "QUIT"}, "553 5.3.0 <nosuch@domain1.com>... Unknown user"},
	"refused network":       {"127.0.4.3", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "QUIT"}, "550 5.7.1 Access denied"},
	"temporary failure":     {"127.0.2.5", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "QUIT"}, "450 4.7.1 Access denied. Cannot resolve PTR record for 127.0.2.5"},
	"no name":               {"127.0.2.6", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<you@domain1.com>", "QUIT"}, "450 4.7.1 Access denied. IP name lookup failed [127.0.2.6]"},
	"forged name":           {"127.0.2.9", []string{"HELO c.test", "MAIL FROM:<a@outside.test>", "QUIT"}, "450 4.7.1 Access denied. IP name possibly forged [127.0.2.9]"},
	"relaying":              {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<b@outside.test>", "QUIT"}, "550 5.7.1 <b@outside.test>... Relaying denied"},
	"source route":          {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<b%outside.test@domain1.com>", "RCPT TO:<@host.domain.com:b@outside.test>", "QUIT"}, "550 5.7.1"},
	"unknown local user":    {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<nobodyhere@host.domain.com>", "QUIT"}, "550 5.1.1 <nobodyhere@host.domain.com>... User unknown"},
	"privacy":               {"127.0.2.8", []string{"MAIL FROM:<a@outside.test>", "HELO c.test", "VRFY you", "EXPN postmaster", "VERB", "ETRN domain1.com", "QUIT"}, "252 2.5.2 Cannot VRFY user"},
	"too large":             {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a@outside.test> SIZE=6000000", "QUIT"}, "552 5.2.3"},
	"sender without domain": {"127.0.2.8", []string{"EHLO c.test", "MAIL FROM:<a>", "MAIL FROM:<a@nxdomain.test>", "QUIT"}, "553 5.5.4 <a>... Domain name required for sender address a"},
	"order and syntax":      {"127.0.2.8", []string{"RCPT TO:<you@domain1.com>", "DATA", "EHLO c.test", "RCPT TO:<you@domain1.com>", "MAIL FROM:", "MAIL FROM:<a@outside.test> FOO=1", "MAIL FROM:<a@outside.test>", "MAIL FROM:<b@outside.test>", "DATA", "NOSUCH", "HELP NOSUCH", "NOOP", "RSET", "QUIT"}, "503 5.0.0 Need MAIL"},
}

func testRefusals(t *testing.T) {
	for name, d := range refusals {
		t.Run(name, func(t *testing.T) {
			replies := dialogue(t, d.from, d.lines...)
			if !slices.ContainsFunc(replies, func(r string) bool { return strings.Contains(r, d.want) }) {
				t.Errorf("no reply has %q: %q", d.want, replies)
			}
		})
	}
}

func testPrivacy(t *testing.T) {
	replies := dialogue(t, "127.0.2.8", "EHLO c.test", "VRFY you", "EXPN postmaster", "QUIT")
	if strings.Contains(replies[0], "endmail") || strings.Contains(replies[0], "8.1") || !strings.Contains(replies[0], "host.domain.com ESMTP Domain YOU/Original; ") {
		t.Errorf("the greeting shows a version or lacks its text: %q", replies[0])
	}
	for i, want := range map[int]string{2: "252 ", 3: "502 5.7.0 "} {
		if !strings.HasPrefix(replies[i], want) {
			t.Errorf("reply %q, want %s", replies[i], want)
		}
	}
}

// feedFiles names the files that the smart-host program made.
func feedFiles(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/usr/lib/smtpfeed.d/m*")
	must(t, err)
	return names
}

// feeds returns what the smart-host program got.
func feeds(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, n := range feedFiles(t) {
		text, err := os.ReadFile(n)
		must(t, err)
		list = append(list, string(text))
	}
	return list
}

func feed(t *testing.T, part string) string {
	t.Helper()
	var found string
	eventually(t, "the smart-host program has "+part, func() bool {
		for _, f := range feeds(t) {
			if strings.Contains(f, part) {
				found = f
			}
		}
		return found != ""
	})
	return found
}

func testSmartHost(t *testing.T) {
	send(t, "127.0.0.1", "you@host.domain.com", "friend@outside.test", "From: You <you@host.domain.com>\r\nSubject: out\r\n\r\nto the world")
	got := feed(t, "Subject: out")
	// The site's own mailer names rule sets 11, 31 and 21, which the library leaves empty: no masquerading on this way.
	for _, want := range []string{"from <you@host.domain.com> to <friend@outside.test>", "\nFrom: You <you@host.domain.com>\n", "to the world"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in what the smart-host program got:\n%s", want, got)
		}
	}
}

func testMailertable(t *testing.T) {
	sink := newSink(t)
	send(t, "127.0.0.1", "you@host.domain.com", "x@routed.test", "From: You <you@host.domain.com>\r\nSubject: routed\r\n\r\nby table")
	m := sink.next(t)
	if m.from != "you@domain.com" || !slices.Equal(m.to, []string{"x@routed.test"}) ||
		!strings.Contains(m.text, "\nFrom: You <you@domain.com>\r\n") || !strings.Contains(m.text, "by table") {
		t.Errorf("the mailertable's host got %+v", m)
	}
	for _, f := range feeds(t) {
		if strings.Contains(f, "Subject: routed") {
			t.Errorf("the smart host got it too:\n%s", f)
		}
	}
}

func testTableRebuilt(t *testing.T, w world) {
	probe := []string{"EHLO c.test", "MAIL FROM:<a@outside.test>", "RCPT TO:<new@domain1.com>", "QUIT"}
	if r := dialogue(t, "127.0.2.8", probe...); !strings.HasPrefix(r[3], "5") {
		t.Fatalf("before the table knows it: %q", r[3])
	}
	old, err := os.ReadFile("/etc/mail/virtusertable")
	must(t, err)
	run(t, string(old)+"new@domain1.com\tyou\n", w.path("bin/makemap"), "hash", "/etc/mail/virtusertable.db")
	if r := dialogue(t, "127.0.2.8", probe...); !strings.HasPrefix(r[3], "250 ") {
		t.Errorf("after makemap: %q", r[3])
	}
}

func testDrac(t *testing.T, w world) {
	drac := w.path("bin/drac")
	try := func() string {
		return dialogue(t, "127.0.2.8", "EHLO c.test", "MAIL FROM:<you@domain1.com>", "RCPT TO:<friend@outside.test>", "QUIT")[3]
	}
	if r := try(); !strings.Contains(r, "Relaying denied") {
		t.Fatalf("before POP: %q", r)
	}
	run(t, "", drac, "-f", "/etc/mail/drac", "add", "127.0.2.8")
	if r := try(); !strings.HasPrefix(r, "250 2.1.5") {
		t.Errorf("after POP: %q", r)
	}
	if list := run(t, "", drac, "-f", "/etc/mail/drac", "list"); !strings.Contains(list, "127.0.2.8") {
		t.Errorf("drac list: %q", list)
	}
	run(t, "", drac, "-f", "/etc/mail/drac", "-e", "-1", "add", "127.0.2.8")
	if r := try(); !strings.Contains(r, "Relaying denied") {
		t.Errorf("after the limit: %q", r)
	}
}

// TestSeedSiteAsTheOriginal speaks the same dialogues to the original on the configuration that its own tree makes.
func TestSeedSiteAsTheOriginal(t *testing.T) {
	inArena(t, prepareSeed, func(t *testing.T, w world) {
		oracletest.Root(t)
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		ours := startOurs(t, w)
		got := map[string][]string{}
		for name, d := range refusals {
			got[name] = stable(dialogue(t, d.from, d.lines...))
		}
		ours.stop()
		originalTables(t)
		start(t, "127.0.0.1:25", originalDaemon(t))
		for name, d := range refusals {
			want := stable(dialogue(t, d.from, d.lines...))
			if !slices.Equal(got[name], want) {
				t.Errorf("%s (%q):\n ours     %q\n original %q", name, d.lines, got[name], want)
			}
		}
	})
}

// originalTables compiles the site's configuration with the original's tree (solaris8 stands for solaris9, which it
// lacks) and makes its tables with the original's makemap.
func originalTables(t *testing.T) {
	t.Helper()
	mc, err := os.ReadFile("sendmail.mc")
	must(t, err)
	tree := oracletest.Tree(t)
	m4 := oracletest.M4(t, "-D_CF_DIR_="+tree+"/", tree+"/m4/cf.m4", "-")
	m4.Stdin = strings.NewReader(strings.Replace(string(mc), "solaris9", "solaris8", 1))
	cf, err := m4.Output()
	must(t, err)
	write(t, "/etc/mail/original.cf", string(cf))
	for in, out := range map[string]string{"virtusertable": "virtusertable.db", "access": "access.db", "mailertable": "mailertable.db", "/dev/null": "drac.db"} {
		text, err := os.ReadFile(in)
		must(t, err)
		os.Remove(out)
		mk := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/etc/mail/original.cf", "hash", out)
		mk.Stdin = strings.NewReader(string(text))
		if msg, err := mk.CombinedOutput(); err != nil {
			t.Fatalf("makemap %s: %v\n%s", out, err, msg)
		}
	}
	os.Remove("/etc/mail/aliases.db")
	// solaris8 asks for a daemon of each address family; the original does not ask the kernel to keep their ports
	// apart.
	must(t, os.WriteFile("/proc/sys/net/ipv6/bindv6only", []byte("1\n"), 0o644))
	if msg, err := oracletest.Sendmail(t, "-C", "/etc/mail/original.cf", "-bi").CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v\n%s", err, msg)
	}
}

// message is what a sink got.
type message struct {
	from string
	to   []string
	text string
}

// sink is an SMTP server that takes everything.
type sink struct{ got chan message }

func newSink(t *testing.T) *sink {
	t.Helper()
	l := peerListener(t)
	s := &sink{make(chan message, 1000)}
	serveSink(t, l, s)
	return s
}

func (s *sink) next(t *testing.T) message {
	t.Helper()
	var m message
	eventually(t, "the sink has a message", func() bool {
		select {
		case m = <-s.got:
			return true
		default:
			return false
		}
	})
	return m
}
