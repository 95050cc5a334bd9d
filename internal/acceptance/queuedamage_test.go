package acceptance

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// soundLines are the lines of a control file without damage, in the order in which the original writes them.
func soundLines(subject string) []string {
	now := time.Now().Unix()
	return []string{
		"V8", fmt.Sprint("T", now), fmt.Sprint("K", now-7200), "N1", "P30000", "B8BITMIME", "MDeferred: wait", "Fs",
		"$_c.test [127.0.2.8]", "$rESMTP", "$sc.test", "${daemon_flags}", "S<alice@mail.example.test>", "Zenv+2Bid",
		"!\x01 7200", "Calice:2001:2001:alice", "Qrfc822;orig@a.test", "rRFC822; final@b.test",
		"RPSFD:<carol@mail.example.test>", "H?P?Return-Path: <\x81g>", "H??Received: from c by d; today",
		"H?D?Date: Mon, 30 Nov 2020 10:00:00 +0000", "H??Subject: " + subject, ".",
	}
}

// moved takes line i out and puts it at the place that at names among those that are left.
func moved(at func(lines []string) int) func([]string, int) []string {
	return func(l []string, i int) []string {
		line := l[i]
		l = slices.Delete(l, i, i+1)
		return slices.Insert(l, at(l), line)
	}
}

// changed makes another line of the letter and the text of line i.
func changed(edit func(letter, text string) string) func([]string, int) []string {
	return func(l []string, i int) []string {
		l[i] = edit(l[i][:1], l[i][1:])
		return l
	}
}

// lineDamages are what can be wrong with line i of a control file.
var lineDamages = map[string]func(lines []string, i int) []string{
	"missing":           func(l []string, i int) []string { return slices.Delete(l, i, i+1) },
	"twice":             func(l []string, i int) []string { return slices.Insert(l, i, l[i]) },
	"continued":         func(l []string, i int) []string { return slices.Insert(l, i+1, "\tmore") },
	"empty line behind": func(l []string, i int) []string { return slices.Insert(l, i+1, "") },
	"first":             moved(func([]string) int { return 0 }),
	"last":              moved(func(l []string) int { return len(l) - 1 }),
	"behind the end":    moved(func(l []string) int { return len(l) }),
	"empty":             changed(func(c, _ string) string { return c }),
	"letters":           changed(func(c, _ string) string { return c + "abc" }),
	"negative":          changed(func(c, _ string) string { return c + "-1" }),
	"zero":              changed(func(c, _ string) string { return c + "0" }),
	"huge":              changed(func(c, _ string) string { return c + "99999999999999999999" }),
	"blank before":      changed(func(c, s string) string { return c + " " + s }),
	"NUL first":         changed(func(c, s string) string { return c + "\x00" + s }),
	"lower case":        changed(func(c, s string) string { return strings.ToLower(c) + s }),
	"number behind":     changed(func(c, s string) string { return c + s + "x7" }),
	"blank behind":      changed(func(c, s string) string { return c + s + " " }),
	"long":              changed(func(c, s string) string { return c + s + strings.Repeat("x", 5000) }),
	"controls":          changed(func(c, s string) string { return c + s + "\x01\x1b[31m\x7f" }),
	"eight bits":        changed(func(c, s string) string { return c + s + "\x81\x9b\xff" }),
	"NUL":               changed(func(c, s string) string { return c + s + "\x00x" }),
	"carriage return":   changed(func(c, s string) string { return c + s + "\r" }),
}

// fileDamages are what can be wrong with the whole file.
var fileDamages = map[string]func(text string) string{
	"empty":             func(string) string { return "" },
	"one newline":       func(string) string { return "\n" },
	"CRLF":              func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"no last newline":   func(s string) string { return strings.TrimSuffix(s, "\n") },
	"no last line":      func(s string) string { return strings.TrimSuffix(s, ".\n") },
	"half":              func(s string) string { return s[:len(s)/2] },
	"cut in the sender": func(s string) string { return s[:strings.Index(s, "alice@")] },
	"cut in the header": func(s string) string { return s[:strings.Index(s, "Received")] },
	"NUL at the start":  func(s string) string { return "\x00" + s },
	"zeros":             func(s string) string { return strings.Repeat("\x00", len(s)) },
	"zeros behind":      func(s string) string { return s + strings.Repeat("\x00", 512) },
	"junk behind":       func(s string) string { return s + "junk\n" },
	"itself behind":     func(s string) string { return s + s },
	"blank first":       func(s string) string { return " " + s },
	"carriage returns":  func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
	"binary":            func(string) string { return "\x7fELF\x02\x01\x01" + strings.Repeat("\xff\x00", 300) },
	"long line":         func(string) string { return strings.Repeat("x", 100000) },
}

// strayLines stand between the recipients and the header.
var strayLines = []string{
	"V0", "V1", "V2", "V7", "V9", "V99", "V8 ", "V8x", "D/etc/passwd", "Ddf6AU00000001000",
	"d/var/spool/mqueue", "d/nonexistent", "d..", "d/tmp", "qbecause", "q", "I1/2/3", "Ix", "E/x", "EE",
	"A<x@y.test>", "A", "A+3", "Lowed x", "Lpart 1", "Lx", "!\x01 -1", "!\x12 0", "!x", "!1;Z", "B7BIT",
	"BZORK", "F8bdnrsw", "Fzork", "F", "$", "${x", "${x}y", "${}y", "$}", "$ x", "$\x01x", "Q", "Qx",
	"Qrfc822;a+ZZ", "C", "C:", "C:x", "C::::", "Cnosuch:9999:9999:x", "Calice:-1:-1:x", "H", "H?", "H??",
	"H?x", "H??x", "H??:x", "H: x", "H??X Y: z", "H??X : z", "H?P?X-P: y", "Hx", "R", "RP", "RP:", "R:",
	"RPFD:<", "RPFD:>", "RPFD:a b", "RPFD:bob, carol", "RZ:bob", "RPFD:\"bob", "RPFD:(bob", "S", "S<", "S>",
	"S(", "Sbob, carol", "S\"", "S<nosuch@mail.example.test>", ".",
}

// damagedFile is a control file, and what is wrong with it.
type damagedFile struct {
	title, id, text string
	mode            os.FileMode
}

func damagedFiles() (list []damagedFile) {
	add := func(title string, change func(lines []string) []string) {
		id := fmt.Sprintf("6AU00000%06d", 1000+len(list))
		list = append(list, damagedFile{title, id, strings.Join(change(soundLines(id)), "\n") + "\n", 0o600})
	}
	add("sound", func(l []string) []string { return l })
	for i, line := range soundLines("") {
		for _, name := range slices.Sorted(maps.Keys(lineDamages)) {
			add(fmt.Sprintf("%.2q %s", line, name), func(l []string) []string { return lineDamages[name](l, i) })
		}
	}
	for c := range byte(0x80) {
		if c != '\n' {
			add(fmt.Sprintf("letter %q", c), func(l []string) []string { return slices.Insert(l, 18, string(c)+"abc") })
		}
	}
	for _, line := range strayLines {
		add(fmt.Sprintf("line %q", line), func(l []string) []string { return slices.Insert(l, 18, line) })
	}
	for _, name := range slices.Sorted(maps.Keys(fileDamages)) {
		add("file: "+name, func(l []string) []string { return l })
		f := &list[len(list)-1]
		f.text = fileDamages[name](f.text)
	}
	for _, mode := range []os.FileMode{0o400, 0o644, 0o660, 0o666, 0o700, 0} {
		add(fmt.Sprintf("mode: %o", mode), func(l []string) []string { return l })
		list[len(list)-1].mode = mode
	}
	return list
}

// knownDamage is a kind of damage with which we do otherwise: what becomes of the message, and why.
type knownDamage struct {
	titles       *regexp.Regexp
	outcome, why string
}

// knownDamages are where we differ. Each stands in docs/differences.md.
var knownDamages = []knownDamage{
	{regexp.MustCompile(`^("V8" (.* first|empty|last|letters|missing|negative|zero)|"RP" first|.* 'V'|.* "V0")$`),
		"delivered", "receipts of version 0"},
	{regexp.MustCompile(`^"V8" huge$`), "Qf", "a number is not cut to 32 bits"},
	{regexp.MustCompile(`^("\." missing|file: (cut in .*|half|no last line|empty|carriage returns))$`),
		"Qf", "what is cut off is set aside"},
	{regexp.MustCompile(`^("S<" (missing|empty|NUL first)|line "S")$`),
		"Qf", "what names no sender is set aside"},
	{regexp.MustCompile(`^("S<" (letters|huge|negative|zero|long|eight bits)|letter 'S'|line "S.+")$`),
		"delivered", "the postmaster gets one report"},
	{regexp.MustCompile(`^("Fs" continued|line "F8bdnrsw"|line "Fzork")$`),
		"delivered", "no receipts for reports"},
	{regexp.MustCompile(`^"!\\x01" (NUL first|empty)$`), "delivered", "words of complaints"},
	{regexp.MustCompile(`^line "(\$\{x|H\?\?.*)"$`), "delivered", "words of complaints"},
	{regexp.MustCompile(`^("B8" long|file: (binary|long line|zeros))$`), "Qf", "words of complaints"},
	{regexp.MustCompile(`^"\$\{" long$`), "waits", "a macro of 5000 bytes fits in no token"},
	{regexp.MustCompile(`^("RP" .*|letter 'R'|line "R.*")$`), "delivered|failed", "an R line names a recipient"},
	{regexp.MustCompile(`^line "d/var/spool/mqueue"$`), "delivered", "the queue's own folder"},
	{regexp.MustCompile(`^line "Lpart 1"$`), "gone", "a part that its whole does not name"},
	{regexp.MustCompile(`^line "Lowed x"$`), "Qf", "an outcome that cannot be read"},
}

// outcome is what became of a message.
func damageOutcome(said string) string {
	switch {
	case strings.Contains(said, "left Qf"):
		return "Qf"
	case strings.Contains(said, "left hf"):
		return "hf"
	case strings.Contains(said, "left qf"):
		return "waits"
	case strings.Contains(said, "stat=Sent"):
		return "delivered"
	case strings.Contains(said, "stat="):
		return "failed"
	}
	return "gone"
}

// TestDamagedQueueFilesAsTheOriginal has both run a queue with each of some 800 control files that are damaged, or with
// one in eight of them: what becomes of the message, and what the log says.
func TestDamagedQueueFilesAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		list := damagedFiles()
		slow := os.Getenv("GOSENDMAIL_SLOW") != ""
		if !slow {
			list = someDamaged(list)
		}
		ours := func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) }
		got := runDamaged(t, w, list, ours)
		want := runDamaged(t, w, list, func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		used := make([]bool, len(knownDamages))
		for _, f := range list {
			if got[f.title] == want[f.title] {
				continue
			}
			i := slices.IndexFunc(knownDamages, func(k knownDamage) bool { return k.titles.MatchString(f.title) })
			if i < 0 || !slices.Contains(strings.Split(knownDamages[i].outcome, "|"), damageOutcome(got[f.title])) {
				t.Errorf("%s:\nours:\n%soriginal:\n%s", f.title, got[f.title], want[f.title])
				continue
			}
			used[i] = true
		}
		for i, k := range knownDamages {
			if slow && !used[i] {
				t.Errorf("%s: nothing differs any more", k.titles)
			}
		}
		t.Logf("%d files", len(list))
	})
}

// someDamaged leaves one in eight, now these, now those.
func someDamaged(list []damagedFile) (some []damagedFile) {
	for i := time.Now().Second() % 8; i < len(list); i += 8 {
		some = append(some, list[i])
	}
	return some
}

// runDamaged puts one file after another into the queue and returns what a run made of it.
func runDamaged(t *testing.T, w world, list []damagedFile, sendmail func(...string) *exec.Cmd) map[string]string {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	outputOf(sendmail("-C"+w.path("log.cf"), "-bi"), "")
	must(t, os.Truncate(w.path("log"), 0))
	left := map[string]string{}
	for _, f := range list {
		clearQueue(t)
		must(t, os.WriteFile("/var/spool/mqueue/qf"+f.id, []byte(f.text), 0o600))
		must(t, os.Chmod("/var/spool/mqueue/qf"+f.id, f.mode))
		must(t, os.WriteFile("/var/spool/mqueue/df"+f.id, []byte("body\n"), 0o600))
		outputOf(sendmail("-C"+w.path("log.cf"), "-q", "-v"), "") // with -v the original stays until it is done
		files, err := filepath.Glob("/var/spool/mqueue/?f" + f.id)
		must(t, err)
		for _, l := range files {
			left[f.title] += "left " + filepath.Base(l)[:2] + "\n"
		}
	}
	settled(t, w)
	log := wholeLog(t, w)
	said := map[string]string{}
	for _, f := range list {
		var lines []string
		for line := range strings.Lines(log) {
			if strings.Contains(line, f.id) {
				line = strings.ReplaceAll(damageTimes.ReplaceAllString(line, ""), f.id, "ID")
				lines = append(lines, damageBytes.ReplaceAllString(queueMask.ReplaceAllString(line, "REPORT"), `\0$1`))
			}
		}
		slices.Sort(lines) // recipients are several deliveries here
		said[f.title] = strings.Join(lines, "") + left[f.title]
	}
	return said
}

var (
	damageTimes = regexp.MustCompile(`^.*?\]: |, x?delay=[^,]*| pri=-?\d+,`)
	damageBytes = regexp.MustCompile(`\\[0-3](\d\d)`) // the original takes the eighth bit away
)
