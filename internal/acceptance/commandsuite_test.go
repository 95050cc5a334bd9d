package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Of what the command lines of the suite are made: modes, options that hold for all, odd forms, recipients.
var (
	commandModes = []string{"", "", "", "", "", "-bm", "-bv", "-bv", "-bp", "-bp -v", "-bi", "-bt", "-bh", "-bH", "-ba", "-bs", "-bP", "-bm -bv", "-bx", "-bfoo", "-b", "-bd -bv", "-qf", "-qR nosuch", "-qIxx", "-q!Snosuch", "-qQ", "-qL", "-qGmqueue", "-qGnone", "-q10x", "-qpx", "-q1h -bv"}
	commandOpts  = []string{"-i", "-n", "-v", "-t", "-q", "-G", "-U", "-m", "-s", "-c", "-fbob", "-f bob@example.test", "-f", "-f<>", "-r carol", "-F Name", "-F", "-h 5", "-hx", "-h", "-N never", "-Nsometimes", "-R hdrs", "-Rsome", "-V id", "-Va=b", "-B7BIT", "-B8BITMIME", "-Bfoo", "-B",
		"-Am", "-Ac", "-Ac", "-Ac", "-Ax", "-A", "-C /nonexistent", "-C/etc/mail/sendmail.cf", "-L tag", "-L", "-Mrx",
		"-M{x}y", "-M", "-pESMTP", "-p:host.test", "-p", "-X /home/out/traffic", "-X", "-D /home/out/debug", "-d0.1",
		"-d", "-dx", "-dANSI", "-d21.1", "-z", "-Z", "-x", "-I", "-Q", "-Qwhy", "-T1h", "-k", "-K", "-E",
		"-odx", "-odq", "-odi", "-od", "-oex", "-oeq", "-oew", "-oi", "-oi1", "-oL5", "-oT2d", "-oX1", "-o", "-oQ/nonexistent", "-oA/nonexistent", "-O", "-ONoSuch=1", "-ODeliveryMode=q", "-ODeliveryMode", "-O DeliveryMode=x", "-OMaxHopCount=x", "-OTimeout.queuereturn=1x", "-OQueueDirectory=/nonexistent", "-OPrivacyOptions=nobody", "-OLogLevel=9", "-OMinQueueAge=", "--", "-1"}
	commandRcpts = []string{"alice", "bob", "nosuch", "three", "owned", "alice@example.test", "far@remote.test", "alice, bob", "\\alice", "<alice>", "|cat", "/home/out/x", ":include:/home/lists/plain", "", "a b", "(", "alice@", "@remote.test", "x@nohost.test"}
	commandStdin = []string{"To: alice\nCc: carol\nSubject: test\n\ntext\n", "Subject: test\n\ntext\n", "", "text without a header\n", "Subject: x\n\n.\nmore\n", "alice\n", "0,3 alice\n/quit\n"}
)

// commandCase is the number-th command line of a seed.
func commandCase(seed, number uint64) *drainCase {
	r := rand.New(rand.NewPCG(seed, 3<<32+number))
	c := &drainCase{user: pick(r, []string{"root", "root", "alice"}), stdin: pick(r, commandStdin)}
	for _, o := range []string{"-OQueueLA=9999", pick(r, commandModes)} {
		c.rcpts = append(c.rcpts, strings.Fields(o)...)
	}
	for range r.IntN(4) {
		if o := pick(r, commandOpts); strings.HasPrefix(o, "-F ") || strings.HasPrefix(o, "-X ") || !strings.Contains(o, " ") {
			c.rcpts = append(c.rcpts, o)
		} else {
			c.rcpts = append(c.rcpts, strings.SplitN(o, " ", 2)...)
		}
	}
	for range r.IntN(3) {
		c.rcpts = append(c.rcpts, pick(r, commandRcpts))
	}
	return c
}

// commandMasks are what output has in several ways: the program's version, figures of memory and time, what only a
// terminal sees; what shared memory would tell; that -d prints less here; what -ba calls the sender without a From:.
var commandMasks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`(?m)^Version .*\n(?:.*:.*\n(?:\t.*\n| .*\n)*)*`), "<version>\n"},
	{regexp.MustCompile(`\b\d{5,}\b`), "<n>"},
	{regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d`), "<time>"},
	{regexp.MustCompile(`(?m)^Data unavailable: shared memory not updated\n`), "<counts>\n"},
	{regexp.MustCompile(`(?m)^/var/spool/mqueue: entries=.*\n\t+Total requests: \d+\n`), "<counts>\n"},
	{regexp.MustCompile(`(?m)^sendmail: -d\S+ prints nothing here\n`), ""},
	{regexp.MustCompile(`(?m)^To: root <root>$`), "To: root"},
	// These are no addresses.
	{regexp.MustCompile(`(?m)^X-Actual-Recipient: rfc822; /home/lists/plain@mail.example.test\n`), ""},
	{regexp.MustCompile(`(?m)^X-Actual-Recipient: X-Unix; \|cat\n`), ""},
}

// takesNext are flags whose value is the next word where none is attached.
const takesNext = "-A -B -b -C -D -F -f -h -L -M -N -O -o -p -R -r -V -X "

// flagsOf are the flags of a command line, each with its value behind a blank where that is a word of its own, and what
// follows them; words are those of each flag.
func flagsOf(line []string) (flags []string, words [][]string, rest []string) {
	for i := 0; i < len(line); i++ {
		w := line[i]
		n := 1
		switch {
		case w == "--" || len(w) < 2 || w[0] != '-':
			return flags, words, line[i:]
		case i+1 < len(line) && (strings.Contains(takesNext, w+" ") || w == "-q" && !strings.HasPrefix(line[i+1], "-")):
			n = 2
		}
		flags, words = append(flags, strings.Join(line[i:i+n], " ")), append(words, line[i:i+n])
		i += n - 1
	}
	return flags, words, nil
}

// ignored are flags that the original refuses, or knows no more, and with which mail goes on here.
var ignored = []string{"-U", "-I", "-Z", "-z", "-k", "-K", "-x", "-E", "-1", "-T1h"}

// submits reports whether a command line hands a message in.
func submits(flags []string) bool {
	mode := ""
	for _, f := range flags {
		switch {
		case strings.HasPrefix(f, "-b"):
			mode = strings.TrimPrefix(f[2:], " ")
		case strings.HasPrefix(f, "-q"), strings.HasPrefix(f, "-Q"):
			return false
		}
	}
	return mode == "" || strings.ContainsAny(mode[:1], "masv")
}

// asked is the command line that the original is given: that of the case, without flags that it would refuse mail for.
func (c *drainCase) asked() *drainCase {
	flags, words, rest := flagsOf(c.rcpts)
	if !submits(flags) {
		return c
	}
	other := *c
	other.rcpts = nil
	for i, f := range flags {
		if !slices.Contains(ignored, f) {
			other.rcpts = append(other.rcpts, words[i]...)
		}
	}
	other.rcpts = append(other.rcpts, rest...)
	return &other
}

// refusedHere are flags with values that nobody knows, which the original takes in silence, and what is said of them.
var refusedHere = []struct{ flag, said *regexp.Regexp }{
	{regexp.MustCompile(`^-A ?[^cm ]`), regexp.MustCompile(`(?m)^-A.*: only -Ac and -Am are known\nexit 64\n`)},
	{regexp.MustCompile(`^-qGnone$`), regexp.MustCompile(`Queue group none unknown\nexit 64\n|exit (?:64|78)\n$`)},
	{regexp.MustCompile(`^-o -`), regexp.MustCompile(`exit (?:64|70|78)\n$`)},
}

// traced are the flags that print what only the original prints: the exit status alone is compared.
var traced = regexp.MustCompile(`^-d(?:21\.1)?$|^-d (?:.*)$`)

// misread are macros with which the original misreads the rules of its configuration: "-" takes $- away.
var misread = regexp.MustCompile(`^-M -`)

// compareCommand holds what a call left beside what the original's left. It returns why it could not; "" means that it
// did.
func (v *holding) compareCommand(t *testing.T, name string, c *drainCase, got, want result) string {
	t.Helper()
	flags, _, _ := flagsOf(c.rcpts)
	for _, f := range flags {
		for _, r := range refusedHere {
			if r.flag.MatchString(f) && r.said.MatchString(got["said"]) {
				v.tried++
				return ""
			}
		}
		switch {
		case misread.MatchString(f):
			return "the original breaks its rules"
		case traced.MatchString(f):
			got["said"], want["said"] = exitOf(got["said"]), exitOf(want["said"])
		}
	}
	v.compare(t, name, c, got, want)
	return ""
}

// exitOf is the exit status in what was said.
func exitOf(said string) string {
	return said[max(0, strings.LastIndex(said, "exit ")):]
}

// TestCommandLinesOfAllKindsAsTheOriginal calls both programs with command lines of all forms, as root and as a user,
// and holds exit status, output, queue files, mailboxes and what is delivered beside the original's. Where mail was
// taken, nobody who was named may be missing.
func TestCommandLinesOfAllKindsAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		prepareDrain(t, w)
		prepareSubmission(t, w)
	}, func(t *testing.T, w world) {
		moveRoot(t, "/home/root")
		l := openDrainLab(t, w)
		seed, numbers := suite(t, 20, 400)
		v := &holding{sections: map[string]int{}}
		aside := map[string]int{}
		for _, n := range numbers {
			c := commandCase(seed, n)
			want, got := l.command(t, them, c.asked()), l.command(t, us, c)
			if why := v.compareCommand(t, fmt.Sprint(n), c, got, want); why != "" {
				aside[why]++
			}
			if lost := l.lostInCall(t, c, got); len(lost) > 0 {
				t.Errorf("%d: of %q nothing is known\n%s\n%v", n, lost, c, got)
			}
		}
		t.Logf("set aside: %v", aside)
		v.most(t, 1)
	})
}

// prepareSubmission makes the configuration of the submission program, which -Ac asks for; nobody serves the port that
// it hands on to.
func prepareSubmission(t *testing.T, w world) {
	t.Helper()
	write(t, w.path("submit.cf"), siteOf(t, w, submitMSP))
}

// command has a program do what a command line says.
func (l *drainLab) command(t *testing.T, who string, c *drainCase) result {
	t.Helper()
	l.clean(t)
	l.use(t, who, c)
	must(t, os.RemoveAll("/etc/mail/submit.cf"))
	if slices.Contains(c.rcpts, "-Ac") {
		run(t, "", "cp", l.w.path("submit.cf"), "/etc/mail/submit.cf")
	}
	said := l.call(t, who, c.user, c.stdin, c.rcpts...)
	r := l.result(t)
	r["said"] = l.mask(said)
	for _, m := range commandMasks {
		r["said"], r["mail"] = m.find.ReplaceAllString(r["said"], m.put), m.find.ReplaceAllString(r["mail"], m.put)
	}
	must(t, os.RemoveAll("/home/out/traffic"))
	must(t, os.RemoveAll("/home/out/debug"))
	return r
}

// lostInCall are those named in a call that took a message of whom there is no trace.
func (l *drainLab) lostInCall(t *testing.T, c *drainCase, r result) []string {
	flags, _, rest := flagsOf(c.rcpts)
	silent := func(f string) bool { return strings.HasPrefix(f, "-b") && f != "-bm" || f == "-N never" }
	if !submits(flags) || !strings.HasSuffix(r["said"], "exit 0\n") || slices.ContainsFunc(flags, silent) {
		return nil
	}
	accepted := *c
	accepted.named = nil
	for _, name := range rest {
		for part := range strings.SplitSeq(name, ",") {
			if part = strings.Trim(part, ` <>\`); part != "" && part != "--" {
				accepted.named = append(accepted.named, part)
			}
		}
	}
	return l.unaccounted(t, &accepted, r, r["said"])
}
