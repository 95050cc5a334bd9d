package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Of what the messages of the drain suites are made; a kind that stands more than once comes more often.
var (
	drainLocals = []string{"alice", "bob", "carol", "dave", "erin", "frank", "gina", "prog1", "prog2", "prog67", "prog75", "prog70", "plist", "alist", "ulist", "file1", "file2", "mixed", "nested", "three", "toprog", "owned", "progs", "half", "fwd", "null",
		"nosuch", "x@f.test", "y@r.test", "z@s.test", "o@o.test", "p@p.test", "P@p.test", "root", "alice@example.test", "\"two words\"@f.test", "\"a|b\"@p.test", "alice+detail", "postmaster"}
	drainPeers = []string{"far@remote.test", "far@plain.test", "far2@remote.test", "rej@remote.test", "tmp@remote.test", "tmp@plain.test", "datarej@remote.test", "datatmp@plain.test", "far@seven.test", "far@eight.test", "x@nohost.test", "far@[127.0.1.1]"}
	drainFrom  = []string{"", "", "", "-falice", "-falice@example.test", "-ffar@remote.test", "-f<>", "-fnosuch@example.test", "-fbob", "-fowner-owned"}
	drainOpts  = []string{"", "", "", "", "-OEightBitMode=mimify", "-OEightBitMode=strict", "-OEightBitMode=pass8", "-OSevenBitInput=True", "-ORrtImpliesDSN=True", "-OUseErrorsTo=True", "-OSendMimeErrors=False", "-OMeToo=False", "-OPostmasterCopy=postmaster", "-OMaxMessageSize=100000",
		"-OPrivacyOptions=noreceipts", "-OPrivacyOptions=nobodyreturn,noactualrecipient", "-OMinQueueAge=0", "-ODontInitGroups=True", "-OUnixFromLine=From $g at $d", "-OSendMimeErrors=True -OErrorHeader=Read this.", "-ODontPruneRoutes=True", "-OSingleLineFromHeader=True", "-OColonOkInAddr=False", "-OAllowBogusHELO=True", "-OMaxHopCount=3"}
	drainDSN  = []string{"", "", "", "", "-Nsuccess", "-Nnever", "-Nfailure", "-Ndelay", "-Nsuccess,failure,delay -Rhdrs -Vid+1", "-Rfull -Nsuccess"}
	drainBody = []string{"", "", "", "-B8BITMIME"}
	drainHead = []string{"From: alice@example.test", "From: Alice <alice@example.test>", "From: \"Q, W\" <bob@example.test>", "Subject: plain", "Subject: gr\xfc\xdfe", "Subject: utf \xc3\xbc", "Date: Mon, 1 Jan 2001 00:00:00 +0000", "Message-Id: <m@x.test>", "Return-Receipt-To: alice@example.test", "Errors-To: carol@example.test", "Precedence: bulk",
		"Precedence: junk", "Return-Path: <evil@x.test>", "Content-Length: 5", "To: bob@example.test, Far <far@remote.test>", "Cc: carol, dave@example.test,\n\tfar@plain.test", "Bcc: hidden", "Reply-To: bob (comment, here)", "X-Nul: a\x00b", "X-Long: " + strings.Repeat("y", 1500), "X-Folded: a\n b\n\tc", "Full-Name: F N",
		"Received: from a by b; Mon, 1 Jan 2001 00:00:00 +0000", "Received: from a\n\tby b; Mon, 1 Jan 2001 00:00:00 +0000", "X-Dollar: $j $$ ${x} x", "X-Empty:", "Status: RO", "Apparently-To: x", "Resent-From: carol", "Sender: owner-owned", "Priority: urgent", "Return-Receipt-To: far@remote.test", "Disposition-Notification-To: x@remote.test", "Auto-Submitted: no"}
	drainMIME = []string{"", "", "", "text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit",
		"multipart/mixed; boundary=bb", "application/octet-stream", "message/rfc822"}
	drainText = []string{"text\n", "text\n", "", "no newline", "a\n.\n", ".profile\n..x\n", "From here\n>From there\n", "8bit \xe4\xf6\xff\n", "8bit \xc3\xbc\n", "nul\x00byte\n", strings.Repeat("long ", 400) + "\n", "two\n\n\n", strings.Repeat("line of text\n", 60), "a=3Db=E4\nsoft=\nbreak\n", "cr\rin\r\nlines\r\n",
		"trailing \t\n. \n", "\x81\x9f\x80\n"}
	drainParts = "pre\n--bb\nContent-Type: text/plain; charset=x\n\n8bit \xe4\n--bb\nContent-Type: text/html\nContent-Transfer-Encoding: 8bit\n\n<b>\xe4\xff</b>\n--bb--\n"
)

// drainLists are names that stand for several, or that a .forward stands behind: what is told of them and of their
// members in the first attempt differs on purpose (docs/differences.md).
var drainLists = []string{"plist", "alist", "ulist", "mixed", "nested", "three", "toprog", "owned", "progs", "half", "fwd", "dave", "erin", "frank", "gina"}

// receipts reports whether the case may ask for receipts and pass NOTIFY= on: not with lists, nor from a sender who is
// not there.
func (c *drainCase) receipts(from string) bool {
	return !strings.Contains(from, "nosuch") && !slices.ContainsFunc(c.named, func(n string) bool {
		local, _, _ := strings.Cut(n, "@")
		return slices.Contains(drainLists, local)
	})
}

// drained is the number-th message of a seed. atOnce is for deliveries without a queue: local recipients for the most
// part.
func drained(seed, number uint64, atOnce bool) *drainCase {
	r := rand.New(rand.NewPCG(seed, number))
	c, dsn := &drainCase{user: "root"}, drainDSN
	if o := pick(r, drainOpts); o != "" {
		c.args = strings.SplitAfterN(o, " ", 1)
		if a, b, ok := strings.Cut(o, " -O"); ok {
			c.args = []string{a, "-O" + b}
		}
	}
	peers := 3
	if atOnce {
		peers = 9
	}
	for range 1 + r.IntN(3) {
		from := drainLocals
		if r.IntN(peers) == 0 {
			from = drainPeers
		}
		c.named = append(c.named, pick(r, from))
	}
	if r.IntN(4) == 0 {
		c.random(r)
	}
	if atOnce && slices.ContainsFunc(c.named, func(n string) bool { return !strings.Contains(n, "@") }) {
		dsn = []string{""} // what becomes of members in the first attempt is told in another way (docs/differences.md)
	}
	if slices.Contains(c.args, "-OEightBitMode=strict") && atOnce {
		c.args = nil // what becomes of a message that is refused for it stands in docs/differences.md
	}
	text := c.message(r)
	if r.IntN(4) == 0 {
		c.dialogue(r, text, len(dsn) > 1)
		return c
	}
	from, asks := pick(r, drainFrom), pick(r, dsn)
	if strings.Contains(asks, "success") && !c.receipts(from) {
		asks = "-Nfailure"
	}
	for _, words := range []string{from, asks, pick(r, drainBody)} {
		c.rcpts = append(c.rcpts, strings.Fields(words)...)
	}
	if r.IntN(3) > 0 {
		c.rcpts = append(c.rcpts, "-i")
	}
	c.rcpts = append(c.rcpts, c.named...)
	c.stdin = text
	return c
}

// random adds a mailer with random flags and a recipient for it.
func (c *drainCase) random(r *rand.Rand) {
	flags := ""
	for _, f := range "fronSDFMlmuhCEUxPRsb79ewAdXL0:|/@5cgwN" {
		if r.IntN(4) == 0 {
			flags += string(f)
		}
	}
	line := "Mrandom, P=/home/rec, F=" + flags
	for _, opt := range []string{", S=EnvFromL/HdrFromL, R=EnvToL/HdrToL", ", U=bob", ", U=carol:mail", ", D=$z:/tmp", ", E=\\r\\n", ", L=100", ", M=3000", ", D=/nonexistent:/home", ", T=DNS/RFC822/X-Unix", ", N=10", ", r=2"} {
		if r.IntN(5) == 0 {
			line += opt
		}
	}
	c.mailer = line + ", A=rec random $g $h $u" + pick(r, []string{"", " -x", " end"}) + "\n"
	c.named = append(c.named, "User@rnd.test")
	if r.IntN(2) == 0 {
		c.named = append(c.named, "two@rnd.test")
	}
}

// message writes header and body.
func (c *drainCase) message(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pick(r, drainHead) + "\n")
	}
	if kind := pick(r, drainMIME); kind != "" {
		b.WriteString("MIME-Version: 1.0\nContent-Type: " + kind + "\n")
		if strings.HasPrefix(kind, "multipart") {
			return b.String() + "\n" + drainParts
		}
		if strings.HasPrefix(kind, "message") {
			return b.String() + "\nSubject: inner\n\n8bit \xe4\n"
		}
	}
	if b.Len() == 0 {
		b.WriteString("X-Only: 1\n")
	}
	return b.String() + "\n" + pick(r, drainText)
}

// dialogue hands the message in over SMTP on standard input.
func (c *drainCase) dialogue(r *rand.Rand, text string, dsn bool) {
	var b strings.Builder
	from := pick(r, []string{"", "alice@example.test", "far@remote.test", "nosuch@example.test", "bob@mail.example.test"})
	b.WriteString("EHLO client.test\r\nMAIL FROM:<" + from + ">" +
		pick(r, []string{"", "", " BODY=8BITMIME", " RET=HDRS ENVID=e+2B1", " RET=FULL", " AUTH=<>"}) + "\r\n")
	for _, n := range c.named {
		if !strings.Contains(n, "@") {
			n += "@example.test"
		}
		notify := pick(r, []string{"", "", "", " NOTIFY=NEVER", " NOTIFY=SUCCESS", " NOTIFY=FAILURE,DELAY", " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;orig+2Bx@a.test", " ORCPT=rfc822;o@b.test"})
		if !dsn || !c.receipts(from) {
			notify = ""
		}
		b.WriteString("RCPT TO:<" + n + ">" + notify + "\r\n")
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")
	text = strings.ReplaceAll(text, "\r\n.", "\r\n..")
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	b.WriteString("DATA\r\n" + text + ".\r\nQUIT\r\n")
	c.rcpts, c.stdin = []string{"-bs"}, b.String()
}

// way is one order in which the programs write and drain.
type way struct {
	writes string
	drains []string
	beside []string // what the original's drains are compared with
}

const (
	us   = "ours"
	them = "original"
)

var drainWays = []way{
	{them, []string{us}, []string{them}},
	{us, []string{them}, []string{them}},
	{us, []string{us}, []string{them}},
	{them, []string{us, them}, []string{them, them}},
	{them, []string{them, us}, []string{them, them}},
}

// TestDrainsAsTheOriginal has each program drain queues that the other wrote, and both take turns at one: what is left
// in mailboxes, at peers and in the queue is what the original leaves of its own.
func TestDrainsAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		seed, numbers := suite(t, 6, 500)
		ways := drainWays
		if text := os.Getenv("GOSENDMAIL_WAYS"); text != "" {
			n, err := strconv.Atoi(text)
			must(t, err)
			ways = ways[:n]
		}
		v := &holding{sections: map[string]int{}}
		for _, n := range numbers {
			c := drained(seed, n, false)
			spools, told := map[string]spool{}, map[string]string{}
			wants := map[string]result{}
			spools[them], told[them] = l.write(t, them, c)
			for _, way := range ways {
				if spools[way.writes] == nil {
					spools[way.writes], told[way.writes] = l.write(t, way.writes, c)
				}
				key := fmt.Sprint(way.beside)
				if wants[key] == nil {
					wants[key] = l.drain(t, spools[them], c, way.beside...)
				}
				got := l.drain(t, spools[way.writes], c, way.drains...)
				name := fmt.Sprintf("%d %s>%v", n, way.writes, way.drains)
				v.compare(t, name, c, got, wants[key])
				if lost := l.unaccounted(t, c, got, told[way.writes]); len(lost) > 0 {
					t.Errorf("%s: of %q nothing is known\n%s", name, lost, c)
				}
			}
		}
		v.most(t, 1)
	})
}

// TestLocalDeliveriesAsTheOriginal has both programs deliver the same messages at once.
func TestLocalDeliveriesAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		seed, numbers := suite(t, 15, 400)
		v := &holding{sections: map[string]int{}}
		for _, n := range numbers {
			c := drained(seed, 1<<32+n, true)
			want := l.deliver(t, them, c)
			got := l.deliver(t, us, c)
			v.compare(t, fmt.Sprint(n), c, got, want)
			if lost := l.unaccounted(t, c, got, got["said"]); len(lost) > 0 {
				t.Errorf("%d: of %q nothing is known\n%s", n, lost, c)
			}
		}
		v.most(t, 1)
	})
}

// holding counts what the comparisons of a suite found.
type holding struct {
	tried, differ int
	sections      map[string]int
}

// most fails where more than so many of a hundred comparisons differ. What differs is logged; its kinds stand in
// docs/differences.md, or are the affair of the tests of reports and of the command line.
func (v *holding) most(t *testing.T, percent int) {
	t.Helper()
	t.Logf("%d of %d differ: %v", v.differ, v.tried, v.sections)
	if v.differ*100 > percent*v.tried {
		t.Errorf("%d of %d differ from the original", v.differ, v.tried)
	}
}

// compare holds two outcomes of a case beside each other.
func (v *holding) compare(t *testing.T, name string, c *drainCase, got, want result) {
	t.Helper()
	v.tried++
	if strings.Contains(want["said"], "exit -1") {
		t.Logf("%s: the original crashes, or hangs\n%s", name, c)
		return
	}
	var parts []string
	var text strings.Builder
	for _, s := range drainSections {
		if got[s] == want[s] || s == "said" && slices.Contains(c.rcpts, "-bs") { // tests of the dialogue compare that
			continue
		}
		a, o := strings.Split(got[s], "\n"), strings.Split(want[s], "\n")
		if len(difference(a, o))+len(difference(o, a)) == 0 { // another order, of recipients in a report
			continue
		}
		parts = append(parts, s)
		v.sections[s]++
		fmt.Fprintf(&text, "%s:\n  ours alone:     %q\n  original alone: %q\n", s, difference(a, o), difference(o, a))
	}
	if len(parts) == 0 {
		return
	}
	v.differ++
	t.Logf("%s: %v\n%s\n%s", name, parts, c, text.String())
	if dir := os.Getenv("GOSENDMAIL_RESULTS"); dir != "" {
		for who, r := range map[string]result{us: got, them: want} {
			text := c.String() + "\n"
			for _, s := range drainSections {
				text += "######## " + s + "\n" + r[s]
			}
			write(t, filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+"."+who), text)
		}
	}
}
