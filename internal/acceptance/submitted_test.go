package acceptance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// submitted is one message that a local program hands in.
type submitted struct {
	user  string // account that runs the program: root, alice, bob or smmsp
	env   []string
	args  []string
	stdin string
	msp   bool     // handed to the submission program (-Ac)
	named []string // addresses of which nobody may get lost; "" for parts that are no addresses by design of the damage
}

// What command lines are made of. Each list stands for a kind; an empty string is the absence of the flag.
var (
	submitSenders = []string{"", "", "", "", "-falice", "-falice@example.test", "-fbounce@remote.test", "-f<>", "-f", "-fa@b@c", "-f|cat", "-f/etc/passwd", "-fnosuch", "-fnosuch@nohost.test",
		"-fAlice <alice@example.test>", "-falice@example.test (x)", "-fj\xc3\xbcrgen@remote.test", "-fo'b@remote.test", "-fa,b@remote.test", "-fA@REMOTE.test", "-f-x",
		"-rbob", "-rbounce@remote.test", "-fbob@example.test", "-froot", "-f\"q u\"@remote.test", "-f<alice@example.test", "-falice@example.test>", "-fx@alias.test", "-f@remote.test", "-frej@remote.test", "-flist"}
	submitNames = []string{"", "", "", "", "", "-FCronDaemon", "-FMr. Full Name", "-FO\"Brien, (Jr.)", "-FJ\xc3\xbcrgen", "-FA <b@c>", "-F", "-Fa@b", "-F\"Quoted, Name\"", "-F(comment)", "-Fback"}
	submitModes = []string{"-odi", "-odi", "-odi", "-odi", "-odb", "-odq", "-odq", ""}
	submitErrs  = []string{"", "", "", "", "-oem", "-oem", "-oep", "-oep", "-oeq", "-oew", "-oee", "-em", "-ep", "-eq"}
	submitDSN   = []string{"", "", "", "", "", "", "-Nsuccess", "-Nnever", "-Nfailure", "-Nsuccess,failure -Rhdrs -Vid1", "-Rfull", "-Rhdrs", "-Ndelay", "-Nsuccess,delay", "-Nnever,success", "-Nsometimes", "-Rsome", "-Va=b", "-Vx+3Dy -Nfailure,delay"}
	submitOther = []string{"", "", "", "", "", "", "", "-n", "-m", "-s", "-G", "-B8BITMIME", "-pESMTP:host.test", "-h3", "-oT3d", "-oo", "-Lother", "-oi -om", "-MrUUCP", "-ODeliverByMin=0",
		"-v", "-v", "-v", "-U", "-c", "-bm", "-ba", "-ba", "-q -v", "-d0.1", "-X/dev/null", "-oMrX -oMshost.test", "-Q", "-Qheld", "-oA/etc/mail/aliases", "-oQ/nonexistent"}

	// goodRcpts can be delivered, queued or reported; what comes of them is for the original to say.
	goodRcpts = []string{"alice", "bob", "carol", "alice@example.test", "bob@example.test", "bob@mail.example.test", "far@remote.test", "far2@remote.test", "Far@Remote.TEST", "lists", "postmaster", "self", "pipe", "file",
		"fwd", "one@virt.test", "root", "far@[127.0.1.1]", "alice+detail"}
	// badRcpts fail, for good or for now.
	badRcpts = []string{"nosuch", "nosuch@example.test", "rej@remote.test", "tmp@remote.test", "datarej@remote.test", "x@nohost.test", "x@nullmx.test", "later@virt.test", "gone@virt.test", "x@temp.test", "x@perm.test", "exit67", "exit75",
		"exit64", "badlist", "noinclude", "full", "multi@remote.test", "any@virt.test", "missing"}
	// oddRcpts are written so that a list may break on them.
	oddRcpts = []string{"|cat", "/etc/passwd", ":include:/etc/passwd", "a@b@c", "a b", "<alice>", "<alice", "alice>", "Alice <alice@example.test>", "alice,bob", "(comment) bob", "bob (comment", "\"bob", "bob)", "", " ", "<>", ",", "@remote.test", "bob@",
		"a\\", "group: alice, bob;", "group:;", "x..y@remote.test", "\"a b\"@remote.test", "remote.test!u", "u%v@remote.test", "=?utf-8?q?x?= <bob>", "j\xc3\xb6@remote.test", "-alice", "far@remote.test.", "bob@EXAMPLE.test, carol", "one@remote .test", "<@a.test:far@remote.test>"}
)

// damages are what happens to a recipient field on its way. name: value is a proper field to begin with.
var damages = []func(name, value string) string{
	func(n, v string) string { return n + ": " + v + "\n" },
	func(n, v string) string { return n + ": " + v + "\n" },
	func(n, v string) string { return n + ": " + v + "\n" },
	func(n, v string) string { return n + ": " + v + ">\n" },
	func(n, v string) string { return n + ": <" + v + "\n" },
	func(n, v string) string { return n + ": " + v + ", \"x@remote.test\n" },
	func(n, v string) string { return n + ": " + v + " (comment\n" },
	func(n, v string) string { return n + ": " + v + ", )\n" },
	func(n, v string) string { return n + ":" + v + "\n" },
	func(n, v string) string { return n + " : " + v + "\n" },
	func(n, v string) string { return strings.ToUpper(n) + ":\t" + v + "\n" },
	func(n, v string) string { return n + ": " + v + ",\n" },
	func(n, v string) string { return n + ": ," + v + "\n" },
	func(n, v string) string { return n + ": " + strings.ReplaceAll(v, ", ", ",\n\t") + "\n" },
	func(n, v string) string { return n + ": " + strings.ReplaceAll(v, ", ", ",,\n ,") + "\n" },
	func(n, v string) string { return n + ":\n " + v + "\n" },
	func(n, v string) string { return n + ": " + v + "\n \n" },
	func(n, v string) string { return n + ": " + strings.ReplaceAll(v, ", ", " ") + "\n" },
	func(n, v string) string { return n + ": " + strings.ReplaceAll(v, ", ", "; ") + "\n" },
	func(n, v string) string { return n + ": Group: " + v + ";\n" },
	func(n, v string) string { return n + ": Group: " + v + "\n" },
	func(n, v string) string { return n + ": undisclosed-recipients:;\n" + n + ": " + v + "\n" },
	func(n, v string) string { return n + ":\n" + n + ": " + v + "\n" },
	func(n, v string) string { return n + ": Mr, Example <" + v + ">\n" },
	func(n, v string) string { return n + ": \"Last, First\" <" + v + ">\n" },
	func(n, v string) string { return n + ": (\"odd) " + v + "\n" },
	func(n, v string) string { return n + ": <" + v + "> trailing\n" },
	func(n, v string) string { return n + ": <<" + v + ">>\n" },
	func(n, v string) string { return n + ": =?utf-8?B?w6k=?= <" + v + ">\n" },
	func(n, v string) string { return n + ": J\xc3\xb6rg <" + v + ">\n" },
	func(n, v string) string { return n + ": " + v + ", j\xf6rg@remote.test\n" },
	func(n, v string) string { return n + ": " + v + "\\\n" },
	func(n, v string) string { return n + ": Doe\\, J <" + v + ">\n" },
	func(n, v string) string { return n + ": " + v + ", " + v + "\n" },
	func(n, v string) string { return n + ": " + v + "\n" + n + ": bob\n" },
	func(n, v string) string { return n + ": [" + v + "\n" },
	func(n, v string) string { return n + ": " + v + "]\n" },
	func(n, v string) string { return n + ": @" + v + "\n" },
	func(n, v string) string { return n + ": " + v + "@\n" },
	func(n, v string) string { return n + ": " + v + ", " + strings.Repeat("x", 300) + "@remote.test\n" },
	func(n, v string) string { return n + ": mailto:" + v + "\n" },
	func(n, v string) string { return n + ": '" + v + "'\n" },
	func(n, v string) string { return n + ": " + v + "\r\n" },
	func(n, v string) string { return n + ": " + v + "\x00\n" },
	func(n, v string) string { return " " + n + ": " + v + "\n" },
	func(n, v string) string { return "Subject: x\n\n" + n + ": " + v + "\n" },
}

// swallowed are the damages after which the addresses of a field need not be recipients.
func swallowed(damage int) bool { return damage > 2 }

var (
	submitFields = []string{"From: alice@example.test", "From: Alice <alice@example.test>", "From:", "From: a, b", "Subject: test", "Subject: 8bit \xe4\xf6", "Date: Mon, 1 Jan 2001 00:00:00 +0000", "Date: nonsense", "Message-Id: <m@x.test>", "Message-Id: broken",
		"Full-Name: From Header", "Precedence: bulk", "Return-Receipt-To: alice@example.test", "Errors-To: carol", "Return-Path: <evil@x>", "Received: from a by b; Mon, 1 Jan 2001 00:00:00 +0000", "Reply-To: bob, carol", "Sender: x (y", "X-Y: a (b", "Content-Length: 5",
		"Apparently-To: bob", "MIME-Version: 1.0\nContent-Type: text/plain; charset=x\nContent-Transfer-Encoding: 8bit", "X-Long: " + strings.Repeat("x", 1200), "Comments: c", "Status: RO", "Resent-From: carol", "Resent-To: bob", "Resent-Message-Id: <r@x>", "Bcc: carol", "Cc: far@remote.test"}
	submitBodies = []string{"text\n", "text\n", "", "no newline", "a\n.\nb\n", ".profile\n..x\n", "From here\n>From there\n", "8bit \xe4\xf6\n", "nul\x00byte\n", strings.Repeat("long ", 500) + "\n", "two\n\n\n", strings.Repeat("line of text\n", 50), "=3D\n"}
)

// pick takes one of a list.
func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// atServer are recipients of whom it is the server, not the submission program, that finds that they fail; when it does
// is the affair of tests of the server.
var atServer = []string{"self", "badlist", "noinclude", "missing"}

// someRcpts picks up to n recipients.
func someRcpts(r *rand.Rand, n int, msp bool) (list []string) {
	for range 1 + r.IntN(n) {
		from := goodRcpts
		switch r.IntN(10) {
		case 0:
			from = oddRcpts
		case 1, 2, 3:
			from = badRcpts
		}
		if name := pick(r, from); !msp || !slices.Contains(atServer, name) && !strings.HasPrefix(name, "exit") {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		list = append(list, "bob")
	}
	return list
}

// submission is the number-th random submission of a seed.
func submission(seed, number uint64) submitted {
	r := rand.New(rand.NewPCG(seed, number))
	s := submitted{user: "root"}
	switch r.IntN(10) {
	case 0, 1:
		s.user, s.msp = "alice", true
	case 2:
		s.user, s.msp = pick(r, []string{"bob", "bob", "root", "smmsp"}), true
	}
	if s.msp {
		s.args = append(s.args, "-Ac")
	} else {
		s.args = append(s.args, "-Am")
	}
	flag := func(list []string) {
		if f := pick(r, list); f != "" {
			s.args = append(s.args, flagWords(f)...)
		}
	}
	flag(submitModes)
	flag(submitErrs)
	if r.IntN(3) > 0 {
		flag([]string{"-i", "-oi"})
	}
	for _, list := range [][]string{submitSenders, submitNames, submitDSN, submitOther} {
		flag(list)
	}
	if r.IntN(12) == 0 {
		s.env = append(s.env, "NAME="+pick(r, []string{"Env Name", "E, N", "", "(x", "\"q"}))
	}
	if r.IntN(16) == 0 {
		s.args = append(s.args, "-bs")
		s.dialogue(r)
		return s
	}
	grab := r.IntN(2) == 0
	if grab {
		s.args = append(s.args, "-t")
	}
	if !grab || r.IntN(5) == 0 {
		rcpts := someRcpts(r, 3, s.msp)
		s.args = append(s.args, rcpts...)
		s.named = append(s.named, rcpts...)
	}
	s.message(r, grab)
	return s
}

// dialogue writes commands of SMTP, as mail readers hand messages in with -bs.
func (s *submitted) dialogue(r *rand.Rand) {
	var b strings.Builder
	say := func(form string, args ...any) { fmt.Fprintf(&b, form+"\r\n", args...) }
	say("%s", pick(r, []string{"EHLO localhost", "EHLO localhost", "HELO x", "NOOP"}))
	for range 1 + r.IntN(2) {
		say("MAIL From:<%s>%s", pick(r, []string{"alice", "alice@example.test", "", "bounce@remote.test", "nosuch", "x@nohost.test", "a@b@c"}),
			pick(r, []string{"", "", " BODY=8BITMIME", " SIZE=100", " RET=HDRS ENVID=e1", " AUTH=<>"}))
		for _, name := range someRcpts(r, 3, s.msp) {
			if notify := pick(r, []string{"", "", "", " NOTIFY=SUCCESS", " NOTIFY=NEVER", " NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@x.test"}); strings.ContainsAny(name, "<>") {
				say("RCPT To:%s%s", name, notify)
			} else {
				say("RCPT To:<%s>%s", name, notify)
			}
		}
		say("DATA")
		body := pick(r, submitBodies)
		if strings.HasSuffix(body, ".\nb\n") || !strings.HasSuffix(body, "\n") {
			body = "text\n"
		}
		say("%s", strings.ReplaceAll(pick(r, submitFields)+"\n\n"+body+".", "\n", "\r\n"))
		if r.IntN(6) == 0 {
			say("%s", pick(r, []string{"VRFY alice", "EXPN lists", "RSET", "HELP", "XYZ", "ETRN x", "VERB"}))
		}
	}
	say("QUIT")
	s.stdin = b.String()
}

// flagWords takes a flag list apart that has more than one flag, such as "-oi -om"; values with blanks stay whole.
func flagWords(f string) []string {
	if f == "-f" || f == "-F" {
		return []string{f, ""}
	}
	if strings.Contains(f, " -") {
		return strings.Fields(f)
	}
	return []string{f}
}

// message writes what comes on standard input.
func (s *submitted) message(r *rand.Rand, grab bool) {
	var b strings.Builder
	named := len(s.named)
	if r.IntN(20) == 0 {
		b.WriteString(pick(r, []string{"From bob Mon Jan  1 00:00:00 2001\n", ">From x\n", "\n", " cont\n", "no header here\n"}))
		grab = false // the rest may be no header
	}
	for range r.IntN(4) {
		b.WriteString(pick(r, submitFields) + "\n")
	}
	fields := 0
	if grab {
		fields = r.IntN(3)
		if r.IntN(3) > 0 {
			fields = 1
		}
	} else if r.IntN(2) == 0 {
		fields = 1
	}
	for range fields {
		name, rcpts := pick(r, []string{"To", "To", "To", "Cc", "Bcc", "Resent-To", "Apparently-To"}), someRcpts(r, 3, s.msp)
		d := 0
		if r.IntN(2) == 0 {
			d = r.IntN(len(damages))
		}
		if grab && !swallowed(d) && strings.IndexFunc(b.String(), func(c rune) bool { return c == 0 }) < 0 {
			s.named = append(s.named, rcpts[:untilOdd(rcpts)]...)
		}
		b.WriteString(damages[d](name, strings.Join(rcpts, ", ")))
	}
	b.WriteString("X-Last: 1\n\n" + pick(r, submitBodies))
	text := b.String()
	if strings.Contains(text, "Resent-") {
		s.named = s.named[:named] // who counts depends on the kind of the fields
	}
	switch r.IntN(24) {
	case 0:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		text = strings.Replace(text, "\n", "\r\n", 2)
	case 2:
		text, s.named = "", s.named[:named]
	case 3:
		text, _, _ = strings.Cut(text, "\n\n")
		text += "\n"
	}
	s.stdin = text
}

// untilOdd counts the recipients in front of the first that may swallow the rest of a list.
func untilOdd(rcpts []string) int {
	if i := slices.IndexFunc(rcpts, func(r string) bool { return slices.Contains(oddRcpts, r) }); i >= 0 {
		return i
	}
	return len(rcpts)
}

func (s *submitted) String() string {
	return fmt.Sprintf("as %s %q: sendmail %q\nstdin %q", s.user, s.env, s.args, s.stdin)
}
