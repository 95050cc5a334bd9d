package acceptance

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// queueForms are control files that the original, or a program that writes into its queue, leaves: what stands for @R@
// and @H@ differs.
var queueForms = map[string]string{
	"program of an alias":              "Cprog1:118:0:prog1\nrRFC822; prog1@mail.example.test\nRPFDA:\"|/home/rec prog1\"\n",
	"program, the alias alone":         "C:prog1\nRPFDA:\"|/home/rec prog1\"\n",
	"program of a user":                "Calice:2001:2001:alice\nRFDA:\"|/home/rec own\"\n",
	"program of a user, by name":       "Calice:alice\nRFDA:\"|/home/rec own\"\n",
	"program of a user without more":   "Calice\nRFDA:\"|/home/rec own\"\n",
	"program, other numbers":           "Calice:2002:2003:alice\nRFDA:\"|/home/rec own\"\n",
	"program, numbers of root":         "Calice:0:0:alice\nRFDA:\"|/home/rec own\"\n",
	"program, unknown user's numbers":  "Cgone:2002:2003:alice\nRFDA:\"|/home/rec own\"\n",
	"program, numbers without a user":  "C:2002:2003:alice\nRFDA:\"|/home/rec own\"\n",
	"program, broken numbers":          "Calice:x:y:alice\nRFDA:\"|/home/rec own\"\n",
	"program, one number":              "Calice:2002\nRFDA:\"|/home/rec own\"\n",
	"program, root":                    "Croot:0:0:x\nRFDA:\"|/home/rec own\"\n",
	"program without C":                "RPFD:\"|/home/rec own\"\n",
	"program without C, from an alias": "RFDA:\"|/home/rec own\"\n",
	"program after an empty C":         "Calice:2001:2001:alice\nRFD:bob\nC\nRPFDA:\"|/home/rec own\"\n",
	"file of an alias":                 "Cfile1:118:0:file1\nRPFDA:/home/files/one\n",
	"file of a user":                   "Cerin:2005:2005:erin\nRFDA:/home/erin/box\n",
	"file without C":                   "RPFD:/home/files/one\n",
	"list of an alias":                 "Cplist:118:0:plist\nRPFDA::include:/home/lists/prog\n",
	"list without C":                   "RPFD::include:/home/lists/plain\n",
	"member of a list":                 "C:2001:2001::include:/home/lists/alices\nRFDA:\"|/home/rec ulist\"\n",
	"member of a user's list":          "Calice:2001:2001::include:/home/lists/alices\nRFDA:\"|/home/rec ulist\"\nRFDA:bob\n",
	"an alias again":                   "RPFDA:three\n",
	"an alias from an alias":           "C:nested\nRFDA:three\n",
	"a user from an alias":             "Cthree:118:0:three\nRFDA:dave\n",
	"flags of old":                     "RPSFD:<bob@example.test>\nR:carol\nRN:alice\n",
	"no flags":                         "Rbob\n",
	"many flags":                       "RPNSFDABXZ:bob\n",
	"final and original":               "Qrfc822;orig+2Bx@a.test\nrRFC822; fin@b.test\nRPNSFD:bob\nRPNSFD:nosuch\n",
	"expanded and refused":             "Chalf:118:0:half\nrRFC822; half@mail.example.test\nRPFDA:nosuch3\nrRFC822; half@mail.example.test\nRPFDA:rej@remote.test\n",
	"expanded, program fails":          "Cprog67:118:0:prog67\nrRFC822; prog67@mail.example.test\nRPFDA:\"|/home/rec exit67\"\n",
	"remote with extensions":           "RPNSFD:far@remote.test\nRPFD:far2@remote.test\nRPN:far3@remote.test\nRPNF:far4@remote.test\n",
}

// queueSenders are forms of flags and sender.
var queueSenders = map[string]string{
	"a bounce":                "Frs\nSMAILER-DAEMON\n",
	"a bounce with a host":    "Frs\nSMAILER-DAEMON@mail.example.test\n",
	"a bounce, null":          "Fr\nS<>\n",
	"null":                    "S<>\n",
	"a user":                  "Salice\n",
	"a user with a name":      "SAlice Test <alice>\n",
	"MAILER-DAEMON, no flags": "SMAILER-DAEMON\n",
	"nobody":                  "",
	"eight bits":              "F8bs\nS<alice@example.test>\n",
	"no return":               "Fdn\nZe+2B1\nS<far@remote.test>\n",
}

// queueHeaders are forms of header lines.
var queueHeaders = map[string]string{
	"Return-Path":          "H??Return-Path: <other@x.test>\n",
	"Return-Path template": "H?P?Return-Path: <\x81g>\n",
	"Content-Length":       "H??Content-Length: 5\n",
	"no flags":             "HX-One: 1\nHReceived: by x\n\tfor y; z\n",
	"marks":                "H??X-A: \xff\x81j \xe4 $j \x81j\n",
	"sender's To":          "H??To: bob@example.test, \"Q, W\" <far@remote.test>\nH??From: alice\n",
	"Bcc":                  "H??Bcc: bob\n",
	"receipt":              "H??Return-Receipt-To: alice@example.test\nH??Errors-To: carol\n",
	"MIME":                 "H??MIME-Version: 1.0\nH??Content-Type: text/plain; charset=iso-8859-1\nH??Content-Transfer-Encoding: 8bit\n",
	"long":                 "H??X-Long: " + strings.Repeat("z", 1500) + "\n",
	"unknown flags":        "H?lq?X-L: only\nH?MD?X-Mixed: both\n",
}

// queueEnds are forms of the file as a whole.
var queueEnds = map[string]func(string) string{
	"no final newline":    func(s string) string { return strings.TrimSuffix(s, "\n") },
	"CRLF":                func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"CR before the dot":   func(s string) string { return strings.TrimSuffix(s, ".\n") + ".\r\n" },
	"no dot":              func(s string) string { return strings.TrimSuffix(s, ".\n") },
	"more after the dot":  func(s string) string { return s + "RPFD:carol\n" },
	"blank after the dot": func(s string) string { return s + "\n" },
	"an empty line":       func(s string) string { return strings.Replace(s, "S", "\nS", 1) },
	"an unknown line":     func(s string) string { return strings.Replace(s, "\nS", "\nJx\nS", 1) },
	"V9":                  func(s string) string { return strings.Replace(s, "V8", "V9", 1) },
	"V0":                  func(s string) string { return strings.Replace(s, "V8\n", "", 1) },
	"V6":                  func(s string) string { return strings.Replace(s, "V8", "V6", 1) },
	"two senders":         func(s string) string { return strings.Replace(s, "\nS", "\nS<carol@example.test>\nS", 1) },
	"a dot inside":        func(s string) string { return strings.Replace(s, "\nH??Sub", "\n.\nH??Sub", 1) },
	"a line of 5000":      func(s string) string { return strings.Replace(s, "\nS", "\nM"+strings.Repeat("m", 5000)+"\nS", 1) },
	"the end cut off":     func(s string) string { return s[:len(s)-20] },
}

// handledElsewise are forms of which docs/differences.md says what becomes of them; TestForeign and TestBadControl of
// package queue hold it.
var handledElsewise = map[string]bool{"no flags": true, "nobody": true, "no dot": true, "the end cut off": true}

// queueFile is a control file of these parts.
func queueFile(sender, rcpts, header string) string {
	return "V8\nT" + strconv.FormatInt(time.Now().Unix(), 10) + "\nK0\nN0\nP30000\n$_root@localhost\n$rESMTP\n" + sender + rcpts + header + "H??Subject: form\n.\n"
}

// queuedFor are the recipients of a control file: programs by their first argument.
func queuedFor(t *testing.T, qf string) (names []string) {
	t.Helper()
	body, _, _ := strings.Cut(strings.ReplaceAll(qf, "\r\n", "\n"), "\n.\n")
	for _, line := range strings.Split(body, "\n") {
		text, ok := strings.CutPrefix(line, "R")
		if !ok {
			continue
		}
		if flags, addr, found := strings.Cut(text, ":"); found && strings.ToUpper(flags) == flags {
			text = addr
		}
		if text = strings.Trim(text, "<>"); strings.HasPrefix(text, ":include:") {
			names = append(names, text)
		} else {
			names = append(names, members(t, text)...)
		}
	}
	return names
}

// TestQueueFilesAsTheOriginal has both programs drain control files of all forms.
func TestQueueFilesAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		v := &holding{sections: map[string]int{}}
		try := func(name, qf string) {
			if handledElsewise[name] {
				return
			}
			c := &drainCase{user: "root", stdin: qf}
			s := spool{"qf2AB00000000001": []byte(qf), "df2AB00000000001": []byte("body \xe4\n")}
			want := l.drain(t, s, c, them)
			got := l.drain(t, s, c, us)
			v.compare(t, name, c, got, want)
			if lost := l.unaccounted(t, &drainCase{named: queuedFor(t, qf)}, got, ""); len(lost) > 0 {
				t.Errorf("%s: of %q nothing is known\n%s\n%q", name, lost, qf, got)
			}
		}
		for name, rcpts := range queueForms {
			try(name, queueFile("S<far@remote.test>\n", rcpts, ""))
		}
		for name, sender := range queueSenders {
			try(name, queueFile(sender, "RPFD:bob\nRPFD:far@remote.test\nRPFD:nosuch\n", ""))
		}
		for name, header := range queueHeaders {
			try(name, queueFile("S<alice@example.test>\n", "RPFD:bob\nRPFD:far@remote.test\n", header))
		}
		for name, end := range queueEnds {
			try(name, end(queueFile("S<alice@example.test>\n", "RPFD:bob\n", "")))
		}
		v.most(t, 0)
	})
}

// TestHeldFilesAsTheOriginal holds the flags, and how BY= was asked for, in the control files of messages that are
// quarantined; the original could not read what is of another form.
func TestHeldFilesAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		hold := func(mode string, sendmail func(...string) *exec.Cmd) (lines []string) {
			clearQueue(t)
			d := start(t, "127.0.0.1:25", sendmail("-bD", "-C"+w.path("log.cf"), "-ODeliveryMode="+mode))
			defer d.stop()
			for _, by := range []string{"", " BY=7200;R", " BY=7200;N", " BY=100;RT", " BY=-5;NT", " BY=0;N"} {
				dialogue(t, "127.0.2.8", "EHLO c", "MAIL FROM:<held@remote.test>"+by,
					"RCPT TO:<alice@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT")
			}
			for line := range strings.Lines(run(t, "", "bash", "-c", "cat /var/spool/mqueue/hf*")) {
				if strings.ContainsAny(line[:1], "F!q") {
					lines = append(lines, line)
				}
			}
			slices.Sort(lines)
			return lines
		}
		for _, mode := range []string{"background", "interactive", "queue", "defer"} {
			got := hold(mode, func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) })
			want := hold(mode, func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
			if len(want) < 11 || !slices.Equal(got, want) {
				t.Errorf("%s: ours %q\noriginal %q", mode, got, want)
			}
		}
	})
}
