package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Of what the command lines of the suite are made: modes, options that hold for all, odd forms, recipients.
var (
	commandModes = []string{"", "", "", "", "", "-bm", "-bv", "-bv", "-bp", "-bp -v", "-bi", "-bt", "-bh", "-bH", "-ba", "-bs", "-bP", "-bm -bv", "-bx", "-bfoo", "-b", "-bd -bv", "-qf", "-qR nosuch", "-qIxx", "-q!Snosuch", "-qQ", "-qL", "-qGmqueue", "-qGnone", "-q10x", "-qpx", "-q1h -bv"}
	commandOpts  = []string{"-i", "-n", "-v", "-t", "-q", "-G", "-U", "-m", "-s", "-c", "-fbob", "-f bob@example.test", "-f", "-f<>", "-r carol", "-F Name", "-F", "-h 5", "-hx", "-h", "-N never", "-Nsometimes", "-R hdrs", "-Rsome", "-V id", "-Va=b", "-B7BIT", "-B8BITMIME", "-Bfoo", "-B",
		"-Am", "-Ax", "-A", "-C /nonexistent", "-C/etc/mail/sendmail.cf", "-L tag", "-L", "-Mrx", "-M{x}y", "-M", "-pESMTP", "-p:host.test", "-p", "-X /home/out/traffic", "-X", "-D /home/out/debug", "-d0.1", "-d", "-dx", "-dANSI", "-d21.1", "-z", "-Z", "-x", "-I", "-Q", "-Qwhy", "-T1h", "-k", "-K", "-E",
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
// terminal sees.
var commandMasks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`(?m)^Version .*\n(?:.*:.*\n(?:\t.*\n| .*\n)*)*`), "<version>\n"},
	{regexp.MustCompile(`\b\d{5,}\b`), "<n>"},
	{regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d`), "<time>"},
}

// commandsKnown are command lines that end in another way on purpose, each with a line in docs/differences.md: flags
// that nobody knows, values of -b, -A, -q and -Q that nobody knows, -bP, and calls that are wrong in two ways, of which
// each program names one.
var commandsKnown = regexp.MustCompile(` (-U|-I|-Z|-z|-k|-K|-x|-E|-1|-T1h|-bP|-bfoo|-bx|-b|-A|-Ax|-Q|-Qwhy|-qGnone|-q10x|-qpx|-Bfoo|-B|-C /nonexistent|-D|-X|-d|-d21\.1|-dx|-dANSI) `)

// wrongWays counts what is wrong with a command line.
var wrongWays = regexp.MustCompile(` (-f|-F|-h|-hx|-Nsometimes|-Rsome|-Va=b|-B|-Bfoo|-M|-p|-L|-o|-O|-od|-odx|-oex|-ONoSuch=1|-ODeliveryMode|-O DeliveryMode=x|-OMaxHopCount=x|-OTimeout.queuereturn=1x|-OMinQueueAge=|-OPrivacyOptions=nobody|-q[^ ]*|-b[a-zH]|-) `)

// known reports whether a call differs on purpose.
func (c *drainCase) known() bool {
	line := strings.ReplaceAll(" "+strings.Join(c.rcpts, " ")+" ", " ", "  ")
	if strings.Contains(line, "  -q  ") && !strings.Contains(line, "  -q  -") {
		return true // -q with what is no interval
	}
	if c.user != "root" {
		line += " -o " // what a user must not do is wrong, too
	}
	return commandsKnown.MatchString(line) || commandsKnown.MatchString(" "+strings.Join(c.rcpts, " ")+" ") || len(wrongWays.FindAllString(line, -1)) > 2
}

// TestCommandLinesOfAllKindsAsTheOriginal calls both programs with command lines of all forms, as root and as a user,
// and holds exit status, output, queue files, mailboxes and what is delivered beside the original's.
func TestCommandLinesOfAllKindsAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		moveRoot(t, "/home/root")
		l := openDrainLab(t, w)
		seed, numbers := suite(t, 20, 400)
		v := &holding{sections: map[string]int{}}
		try := func(who string, c *drainCase) result {
			l.clean(t)
			l.use(t, who, c)
			said := l.call(t, who, c.user, c.stdin, c.rcpts...)
			r := l.result(t)
			said = l.mask(said)
			for _, m := range commandMasks {
				said = m.find.ReplaceAllString(said, m.put)
			}
			r["said"] = said
			must(t, os.RemoveAll("/home/out/traffic"))
			return r
		}
		for _, n := range numbers {
			c := commandCase(seed, n)
			want, got := try(them, c), try(us, c)
			if !c.known() {
				v.compare(t, fmt.Sprint(n), c, got, want)
			}
		}
		v.most(t, 5)
	})
}
