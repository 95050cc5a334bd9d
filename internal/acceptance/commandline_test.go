package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// commandLines are ways to hand a message in; each is run with -odq, and what it prints, its exit status and the queue
// files must be the original's. "<" begins the message where it is not the usual one.
var commandLines = []string{
	"alice", "-i alice", "-oi alice bob", "-t", "-t alice", "-ti -fa@b.test", "-f a@b.test alice", "-r a@b.test alice", "-f <> alice", "-fnobody alice",
	"-F Full alice", "-F Full -f a@b.test alice", "-f alice -F Full bob", "-FCronDaemon -i -odi -oem -odq -t", "-h 3 alice", "-hx alice", "-oh7 alice", "-n alice",
	"-N never alice", "-N success,delay alice", "-N failure -R hdrs -V env+3Did alice", "-Nsometimes alice", "-Nnever,success alice", "-R full alice", "-R some alice",
	"-V a=b alice", "-V 1+2 alice", "-V simple alice", "-B8BITMIME alice", "-B 7BIT alice", "-BBINARY alice", "-pESMTP alice", "-pESMTP:host.test alice", "-p:host.test alice",
	"-oMrSMTP -oMshost.test alice", "-MrUUCP alice", "-M{client_name}x -Mstest alice", "-Mzz", "-G alice", "-G -f a@b.test -t", "-s alice", "-c alice", "-m alice",
	"-ODeliveryMode=q alice", "-O DeliveryMode=queueonly alice", "-O NoSuchOption=1 alice", "-onosuch alice", "-oee nosuch", "-oeq nosuch", "-oem nosuch", "-oew nosuch",
	"-eq nosuch alice", "-oT3d alice", "-odd alice", "-oL5 alice", "-bm alice", "-Ltag alice", "-v alice", "-- alice", "alice,bob", "<a@x.test>", "a@x.test b@y.test",
	"-t -n", "\\alice", "alice@mail.example.test alice", "", "-Ac alice", "-Am alice", "-q", "-bp -v", "-bp", "-qIxx -bp", "-qRalice -bp", "-q!Ralice -bp",
	"-qSnobody -bp", "-qGnone -bp", "-qQ -bp", "-qL -bp", "-bp -q!L", "-bp -qLxx", "-qL", "-Qheld -qIzz", "-bv nosuch x@remote.test", "-bv", "-ba", "-ba alice", "-ba nosuch", "-ba nosuch alice",
	"-Nsometimes -Rsome -Va=b alice", "-Nsuccess -Nnever alice", "-Rfull -Rhdrs alice", "-ba -hx alice", "-bs -Va=b", "-Q -bs", "-oem -BBINARY alice",
	"-ba -t", "-i -X @DIR@/tr alice", "-X @DIR@/none/tr alice",
	"(c)", "alice,(c)", "(c),(d(e))", "() alice", "-t (c)", "-v ()", "-bv (c)", "-bv alice,(c)",
	"-bv commented",
	"-v commented", "al\x01ice", "-oee x@a\x7fb.test", "-bv al\x01ice",
}

// inodeLine is the line of a queue file that names the inode of the body.
var inodeLine = regexp.MustCompile(`(?m)^I\d+/\d+/\d+\n`)

const handedIn = "To: alice\nCc: carol\nBcc: bob\nSubject: test\n\ntext\n.\nmore\n"

var (
	pidText = regexp.MustCompile(`\b[0-9A-Za-z]{8}[0-9]{6}\b|df [0-9]+|I[0-9]+/[0-9]+/[0-9]+|[TK]\d{10}`)
	clock   = regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:\d+ )?[A-Z][a-z][a-z] +\d.*\d\d:\d\d(?::\d\d)?(?: [0-9]{4})?(?: GMT| [+-]\d{4})?|\b20\d{10}\b`)
)

// handIn runs one command line and returns all that it left.
func handIn(t *testing.T, w world, line string, sendmail func(args ...string) *exec.Cmd) string {
	t.Helper()
	clearQueue(t)
	args := append([]string{"-C" + w.path("log.cf"), "-odq"}, words(strings.ReplaceAll(line, "@DIR@", string(w)))...)
	cmd := sendmail(args...)
	cmd.Stdin = strings.NewReader(handedIn)
	out, _ := cmd.CombinedOutput()
	text := fmt.Sprintf("exit %d\n%s", cmd.ProcessState.ExitCode(), out)
	files, err := os.ReadDir("/var/spool/mqueue")
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile("/var/spool/mqueue/" + f.Name())
		must(t, err)
		if strings.HasPrefix(line, "-ba") {
			b = bytes.Replace(b, []byte("\nSroot <root>\n"), []byte("\nSroot\n"), 1) // see docs/differences.md
		}
		if strings.Contains(line, "nosuch") {
			b = inodeLine.ReplaceAll(b, nil) // the original has none where a report was written before; see docs/differences.md
		}
		text += "== " + f.Name()[:2] + "\n" + string(b)
	}
	for _, f := range []string{w.path("root/dead.letter"), w.path("tr")} {
		if b, err := os.ReadFile(f); err == nil {
			text += "== " + f + "\n" + string(b)
			must(t, os.Remove(f))
		}
	}
	text = strings.NewReplacer(cmd.Path+":", "sendmail:", fmt.Sprintf("%05d ", cmd.Process.Pid), "<pid> ").Replace(text)
	return version.ReplaceAllString(clock.ReplaceAllString(pidText.ReplaceAllString(text, "<id>"), "<time>"), "<version>")
}

// homeOfRoot gives root a home in the arena, where dead letters may lie.
func homeOfRoot(t *testing.T, w world) {
	t.Helper()
	moveRoot(t, w.path("root"))
}

// moveRoot gives root another home.
func moveRoot(t *testing.T, home string) {
	t.Helper()
	users, err := os.ReadFile("/etc/passwd")
	must(t, err)
	must(t, os.MkdirAll(home, 0o700))
	f, err := os.OpenFile("/etc/passwd", os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer f.Close()
	_, err = f.WriteString(strings.Replace(string(users), ":/root:", ":"+home+":", 1))
	must(t, err)
}

// word is one of a command line; quotes hold together.
var word = regexp.MustCompile(`(?:"[^"]*"|[^ "])+`)

func words(line string) []string { return word.FindAllString(line, -1) }

// TestCommandLinesAsTheOriginal holds what the flags do to messages that are handed in, and the errors that they give.
func TestCommandLinesAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		homeOfRoot(t, w)
		write(t, "/etc/mail/access", logAccess)
		write(t, "/etc/mail/local-host-names", "")
		write(t, "/etc/mail/aliases", logAliases)
		logConfig(t, w)
		collect := func(sendmail func(args ...string) *exec.Cmd) (list []string) {
			must(t, os.RemoveAll("/etc/mail/aliases.db"))
			if out, err := sendmail("-C"+w.path("log.cf"), "-bi").CombinedOutput(); err != nil {
				t.Fatalf("newaliases: %v\n%s", err, out)
			}
			for _, line := range commandLines {
				list = append(list, handIn(t, w, line, sendmail))
			}
			return list
		}
		want := collect(func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		for i, got := range collect(func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) }) {
			if got != want[i] {
				t.Errorf("sendmail %s:\nours:\n%s\noriginal:\n%s", commandLines[i], got, want[i])
			}
		}
	})
}
