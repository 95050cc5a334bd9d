package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// brokenLists are files that :include: names, and what aliases stand for, of which something cannot be used.
var brokenLists = map[string]string{
	"quote":    "alice\n\"bob\ncarol\n",
	"angle":    "alice\n<bob\n",
	"paren":    "bob)\nalice\n",
	"close":    "bob>\n",
	"several":  "alice, \"bob, carol\nnosuch1\n\n# and\nnosuch2, bob\n",
	"unknown":  "alice\nnosuch1\n",
	"only":     "nosuch1\n",
	"empty":    "",
	"comments": "# nobody\n\n  \n",
	"commas":   ",\n, ,\n",
	"words":    "alice bob\n",
	"host":     "x@nohost.invalid\nalice\n",
	"at":       "@\nbob\n",
	"program":  "|/bin/true\nalice\n",
	"inner":    "alice\n:include:/home/lists/unknown\n:include:/nonexistent\n",
}

// brokenAliases are aliases of which something cannot be used.
const brokenAliases = `a-empty: :include:/home/lists/empty
a-commas: ,
a-void: ""
a-comment: (nobody)
a-both: alice, :include:/home/lists/empty
a-unknown: alice, nosuch1
`

// TestBrokenListsAsTheOriginal holds what is replied, logged and reported of lists and aliases that name what cannot be
// used, with the place of each line.
func TestBrokenListsAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		aliases := brokenAliases
		must(t, os.MkdirAll("/home/lists", 0o755))
		must(t, os.MkdirAll("/home/boxes", 0o777))
		must(t, os.Chmod("/home/boxes", 0o777))
		names := []string{}
		for name, text := range brokenLists {
			write(t, "/home/lists/"+name, text)
			aliases += name + ": :include:/home/lists/" + name + "\n"
		}
		for line := range strings.Lines(aliases) {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
		write(t, "/etc/mail/aliases", "postmaster: root\n"+aliases)
		write(t, "/home/box", "cat >>/home/boxes/$1\n")
		processSite(t, w, func(cf string) string {
			return strings.NewReplacer("A=sh -c cat $u", "A=sh /home/box $u", "Sgreet_pause", "Sunused").Replace(cf)
		})
		ours := func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) }
		original := func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) }
		got := sentToLists(t, w, names, ours)
		must(t, os.RemoveAll("/etc/mail/aliases.db"))
		outputOf(original("-C"+w.path("log.cf"), "-bi"), "")
		want := sentToLists(t, w, names, original)
		for _, name := range names {
			if got[name] != want[name] {
				t.Errorf("%s:\nours:\n%soriginal:\n%s", name, got[name], want[name])
			}
		}
	})
}

// sentToLists is what is said, logged and put into mailboxes when a message goes to each list, from a command and over
// SMTP.
func sentToLists(t *testing.T, w world, names []string, sendmail func(...string) *exec.Cmd) map[string]string {
	t.Helper()
	said := map[string]string{}
	for _, name := range names {
		begin := startList(t, w)
		out := outputOf(sendmail("-C"+w.path("log.cf"), "-odi", "-oem", "-v", "-fcarol", name), "Subject: x\n\nx\n")
		said[name] += "command:\n" + out + begin()
	}
	d := start(t, "127.0.0.1:25", sendmail("-bD", "-C"+w.path("log.cf")))
	defer d.stop()
	for _, name := range names {
		settled(t, w)
		begin := startList(t, w)
		replies := dialogue(t, "127.0.0.1", "EHLO client.test", "MAIL FROM:<carol@mail.example.test>",
			"RCPT TO:<"+name+"@mail.example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT")
		settled(t, w)
		said[name] += "SMTP:\n" + listMask.ReplaceAllString(strings.Join(replies[2:], "\n"), "") + "\n" + begin()
	}
	return said
}

// startList empties queue, mailboxes and log, and returns what tells their content.
func startList(t *testing.T, w world) func() string {
	clearQueue(t)
	run(t, "", "sh", "-c", "rm -f /home/boxes/*")
	wholeLog(t, w)
	must(t, os.Truncate(w.path("log"), 0))
	return func() string {
		log := listMask.ReplaceAllString(wholeLog(t, w), "")
		return log + run(t, "", "sh", "-c", `cd /home/boxes; for f in *; do echo "box $f"; `+
			`grep -E '^(5|4|   .*(reason|expanded)|.*\.\.\.|.*line [0-9]|Status|Action|Final)' "$f"; done; exit 0`)
	}
}

// listMask are dates, process numbers and identifiers.
var listMask = regexp.MustCompile(`(?m)^<\d+>.*?\[\d+\]: |\w{14}: ?|\w{14} |msgid=\S+ |x?delay=\S+ |` +
	`^<.* at \d+\n|^220 .*\n|^250-.*\n`)
