package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// pipeFiles are what users and list managers put between a server and their mail. The wrapper does what those of
// Mailman do: it takes mail from one group only, and says what it was given; resend does what Majordomo's does.
var pipeFiles = map[string]string{
	"home/bin/wrapper": `#!/bin/sh
cat >/home/files/wrapper.$$
{ echo "$0 $*"; id -un; id -G; pwd; umask; env | grep -v '^_=' | sort; cat /home/files/wrapper.$$; } >/home/files/$2
rm /home/files/wrapper.$$
case $1 in post) exit 0;; full) echo "list is closed"; exit 67;; busy) echo "locked by another" >&2; exit 75;; mismatch) echo "Group mismatch error" >&2; exit 2;; esac
`,
	"home/bin/resend": `#!/bin/sh
sed -e 's/^Subject: /&['$1'] /' -e '/^From /d' | /usr/sbin/sendmail -oi -f owner-$2 $2
`,
	"home/lists/maj": "bob\nfar@remote.test\n",
	"home/alice/.procmailrc": `LOGFILE=/home/files/alice.log
LOGABSTRACT=all
:0
* ^Subject:.*file
/home/files/filed
:0
* ^Subject:.*later
{
	EXITCODE=75
	HOST=elsewhere
}
:0
* ^Subject:.*refuse
{
	EXITCODE=77
	HOST=elsewhere
}
:0
* ^Subject:.*onward
! bob far@remote.test
:0 fw
* ^Subject:.*filter
| sed s/text/TEXT/
`,
	"home/bob/.forward":         `"|IFS=' ' && exec /home/bin/procmail -f- || exit 75 #bob"` + "\n",
	"home/bob/.procmailrc":      "LOGFILE=/home/files/bob.log\nLOGABSTRACT=all\n:0:\n* ^Subject:.*file\n/home/files/bobs\n",
	"home/carol/.forward":       `\carol, "|/home/bin/vacation carol"` + "\n",
	"home/carol/.vacation.msg":  "From: carol\nSubject: away\n\n$SUBJECT comes too late\n",
	"etc/mail/proc.rc":          "LOGFILE=/home/files/proc.log\n:0 w\n| /home/bin/wrapper post proc$#.$1.$2\n",
	"etc/mail/mailertable":      "proc.test|procmail:/etc/mail/proc.rc\n",
	"etc/mail/local-host-names": "example.test\nmail.example.test\n",
	"etc/mail/aliases": `postmaster: root
MAILER-DAEMON: postmaster
mm: "|/home/bin/wrapper post mm"
mm-owner: alice
mm-full: "|/home/bin/wrapper full mm-full"
mm-busy: "|/home/bin/wrapper busy mm-busy"
mm-mismatch: "|/home/bin/wrapper mismatch mm-mismatch"
owner-mm-full: alice
maj: "|/home/bin/resend maj maj-outgoing"
owner-maj-outgoing: alice
maj-outgoing: :include:/home/lists/maj
filed: |/usr/bin/id
both: alice, "|/home/bin/wrapper post both arg 'two words'"
`,
}

// pipeSites are the local mailers with which the pipes are tried.
var pipeSites = map[string]string{
	"procmail": "FEATURE(<<local_procmail>>,<</home/bin/procmail>>)dnl\ndefine(<<PROCMAIL_MAILER_PATH>>,<</home/bin/procmail>>)dnl\n",
	"lmtp, smrsh": "FEATURE(<<local_lmtp>>,<</home/bin/mail.local>>)dnl\nFEATURE(<<smrsh>>,<</home/bin/smrsh>>)dnl\n" +
		"define(<<PROCMAIL_MAILER_PATH>>,<</home/bin/procmail>>)dnl\n",
}

// toList is what a report to the owner of a list says of it, the original's not always: docs/differences.md.
var toList = regexp.MustCompile(`(?m)^Message delivered to mailing list .*\n`)

func maskPipes(text string) string {
	return toList.ReplaceAllString(versionSizes.ReplaceAllString(text, "$1"), "")
}

// TestPipesAsTheOriginal has both servers deliver through genuine programs: Debian's procmail as the local mailer, in a
// .forward and as a mailer of its own, vacation, smrsh and mail.local of the original, and wrappers like those of list
// managers. Each day it tries one message in four, with GOSENDMAIL_SLOW all.
func TestPipesAsTheOriginal(t *testing.T) {
	cases := pipeCases
	if os.Getenv("GOSENDMAIL_SLOW") == "" {
		cases = nil
		for i := 0; i < len(pipeCases); i += 4 {
			cases = append(cases, pipeCases[i])
		}
	}
	inArena(t, func(t *testing.T, w world) {
		debian, _ := oracletest.Debian(t, "usr/bin/procmail", "procmail")
		prepareSubmissions(t, w)
		for name, text := range pipeFiles {
			write(t, w.path(name), text)
		}
		original := filepath.Join(oracletest.Root(t), "usr/libexec/sendmail")
		for name, from := range map[string]string{"procmail": debian + "/usr/bin/procmail", "mail.local": original + "/mail.local", "smrsh": original + "/smrsh", "vacation": original + "/vacation.sendmail"} {
			run(t, "", "cp", from, w.path("home/bin", name))
		}
		for _, f := range []string{"wrapper", "resend"} {
			must(t, os.Chmod(w.path("home/bin", f), 0o755))
		}
		for i, user := range []string{"alice", "bob", "carol"} {
			list, err := filepath.Glob(w.path("home", user, ".*"))
			must(t, err)
			for _, f := range append(list, w.path("home", user)) {
				must(t, os.Chown(f, 2001+i, 2001+i))
			}
		}
		for name, lines := range pipeSites {
			mc := strings.Replace(submitMC, "MAILER(<<local>>)", lines+"MAILER(<<local>>)dnl\nMAILER(<<procmail>>)", 1)
			cut := strings.Index(mc, "define(<<LOCAL_MAILER_PATH>>")
			mc = mc[:cut] + mc[strings.Index(mc, lines):]
			m4 := oracletest.M4(t)
			m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@", string(w)).Replace(mc))
			cf, err := m4.Output()
			must(t, err)
			write(t, w.path(name+".cf"), string(cf))
		}
	}, func(t *testing.T, w world) {
		trustLibraries(t, w)
		for _, d := range []string{"upper", "work"} {
			must(t, os.MkdirAll(w.path("sbin", d), 0o755))
		}
		run(t, "", "mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr/sbin,upperdir="+w.path("sbin/upper")+",workdir="+w.path("sbin/work"), "/usr/sbin")
		must(t, os.MkdirAll(w.path("sm.bin"), 0o755))
		peers := &peerLog{}
		peers.peer(t, "127.0.1.1:25")
		for site := range pipeSites {
			cf, err := os.ReadFile(w.path(site + ".cf"))
			must(t, err)
			write(t, "/etc/mail/sendmail.cf", string(cf))
			var results [2][]result
			for i, program := range []string{w.path("ours/sendmail"), w.path("original/sendmail")} {
				others := []string{"/home/bin/procmail", "/usr/bin/dash"}
				results[i] = pipe(t, cases, &lab{w: w, program: program, others: others, peers: peers})
			}
			for i, s := range cases {
				for _, section := range []string{"exit", "stdout", "stderr", "mail", "peers", "queue"} {
					a, b := maskPipes(results[0][i][section]), maskPipes(results[1][i][section])
					if a != b {
						t.Errorf("%s, %q, %s:\n%s", site, s.args, section, firstDifference(a, b))
					}
				}
			}
		}
	})
}

// versionSizes are sizes of messages with Received: fields in procmail's log: versions are not of the same length.
var versionSizes = regexp.MustCompile(`(?m)^(  Folder: .*?)\s+\d+$`)

// pipeCases are the messages that go through the pipes.
var pipeCases = func() []*submitted {
	var list []*submitted
	for _, c := range []struct{ to, subject string }{
		{"alice", "plain"}, {"alice", "to a file"}, {"alice", "later"}, {"alice", "refuse"}, {"alice", "onward"}, {"alice", "filter"}, {"alice+detail", "plus"},
		{"bob", "plain"}, {"bob", "to a file"}, {"carol", "holiday"}, {"carol", "again"}, {"mm", "post"}, {"mm-full", "closed"}, {"mm-busy", "locked"}, {"mm-mismatch", "wrong"},
		{"maj", "resent"}, {"filed", "program without quotes"}, {"both", "two"}, {"user@proc.test", "procmail mailer"}, {"a b@proc.test", "blank"},
	} {
		list = append(list, &submitted{user: "root", msp: true, args: []string{"-oi", "-fx@remote.test", c.to}, stdin: "From: x@remote.test\nTo: " + c.to + "\nSubject: " + c.subject + "\n\ntext\nFrom here\n.\n"})
	}
	return append(list, &submitted{user: "root", msp: true, args: []string{"-oi", "-f<>", "mm"}, stdin: "From: x@remote.test\nSubject: null sender\n\ntext\n"})
}()

// pipe hands the messages to one server.
func pipe(t *testing.T, cases []*submitted, l *lab) []result {
	t.Helper()
	wrapper := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", l.program)
	write(t, "/usr/sbin/sendmail", wrapper)
	must(t, os.Chmod("/usr/sbin/sendmail", 0o755))
	must(t, os.RemoveAll("/home/carol/.vacation.db"))
	stop := l.open(t)
	defer stop()
	var list []result
	for _, s := range cases {
		list = append(list, l.hand(t, s).comparable(s.msp, false))
	}
	return slices.Clip(list)
}
