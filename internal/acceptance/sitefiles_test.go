package acceptance

import (
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// siteFile is a file that the configuration names, or that a server makes.
type siteFile struct {
	name    string
	content string // %[1]s is the trap's name
	config  string // %[1]s is the file's path
	observe func(t *testing.T, w world, trap string, sendmail func(args ...string) *exec.Cmd) string
}

// siteFiles are those that are tried in each trap.
var siteFiles = []siteFile{
	{"class", "in.%[1]s\n", "F{Marker}%[1]s\n", printed("$={Marker}\n", "-bt")},
	{"class that may be missing", "in.%[1]s\n", "F{Marker}-o %[1]s\n", printed("$={Marker}\n", "-bt")},
	{"text map", "key value.%[1]s\n", "Kmarker text %[1]s\n", printed("/map marker key\n", "-bt")},
	{"optional text map", "key value.%[1]s\n", "Kmarker text -o %[1]s\n", printed("/map marker key\n", "-bt")},
	{"hash map", "key value.%[1]s\n", "Kmarker hash %[1]s\n", observeDatabase},
	{"help", "#vers 2\nsmtp\thelp of %[1]s\n", "O HelpFile=%[1]s\n", printed("HELP\r\nQUIT\r\n", "-bs")},
	{"error header", "Marker of %[1]s\n", "O ErrorHeader=%[1]s\n", observeReport},
	{"statistics", "", "O StatusFile=%[1]s\n", observeChange("old")},
	{"aliases", "key.%[1]s: carol\n", "O AliasFile=%[1]s\n", observeAliases},
	{"pid file", "old\n", "O PidFile=%[1]s\n", observePid},
	{"dead.letter", "old\n", "", observeLetter},
	{"host status", "new\n", "", observeHost},
	{"key", "%[1]s\n", "O ServerCertFile=/etc/mail/trap.pem\nO ServerKeyFile=%[1]s\n", observeKey},
}

// printed is what a mode prints for an input.
func printed(input, mode string) func(*testing.T, world, string, func(...string) *exec.Cmd) string {
	return func(t *testing.T, w world, _ string, sendmail func(...string) *exec.Cmd) string {
		return outputOf(sendmail("-C"+w.path("trap.cf"), mode), input)
	}
}

// outputOf is what a command prints and its exit status.
func outputOf(cmd *exec.Cmd, input string) string {
	cmd.Stdin = strings.NewReader(input)
	out, _ := cmd.CombinedOutput()
	return fmt.Sprintf("%sexit %d\n", out, cmd.ProcessState.ExitCode())
}

// observeDatabase makes a data base of the trap's file.
func observeDatabase(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	makemap := oracletest.Command(t, "usr/sbin/makemap", "-C", w.path("log.cf"), "hash", "/tmp/marker")
	makemap.Stdin = strings.NewReader("key value." + trap + "\n")
	out, err := makemap.CombinedOutput()
	if err != nil {
		t.Fatalf("makemap: %v\n%s", err, out)
	}
	run(t, "", "bash", "-c", "cd /home/alice/"+trap+"; if test -f f; then cat /tmp/marker.db >f; fi; if test -e f -o -L f; then mv f f.db; fi")
	return printed("/map marker key\n", "-bt")(t, w, trap, sendmail)
}

func observeReport(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	clearQueue(t)
	out := outputOf(sendmail("-C"+w.path("trap.cf"), "-odi", "-oem", "-fa@[127.31.1.1]", "nobody.here"), "Subject: x\n\nx\n")
	return out + run(t, "", "bash", "-c", "cat /var/spool/mqueue/df* | grep -E '^(The original message was|.*Marker of)' | sed 's/ at .*//'")
}

// observeChange sends a message and tells whether the trap's file is another one then.
func observeChange(string) func(*testing.T, world, string, func(...string) *exec.Cmd) string {
	return func(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
		before := fileState(t, trap)
		out := outputOf(sendmail("-C"+w.path("trap.cf"), "-odi", "-fcarol", "carol"), "Subject: x\n\nx\n")
		return fmt.Sprintf("%schanged %t\n", out, fileState(t, trap) != before)
	}
}

// fileState is the kind, length and content of a trap's file and of what links lead to.
func fileState(t *testing.T, trap string) string {
	return run(t, "", "bash", "-c", "cd /home/alice/"+trap+
		" && stat -c '%n %F %s' * /home/good/f /home/secret/f /home/none; for f in * /home/good/f /home/secret/f; do test -f $f && cksum <$f; done; :")
}

// observeHost sends to a host that is down and tells which files say so then.
func observeHost(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	cf, err := os.ReadFile(w.path("trap.cf"))
	must(t, err)
	write(t, w.path("trap.cf"), string(cf)+"O HostStatusDirectory=/home/alice/"+trap+"\n")
	clearQueue(t)
	const place = "1./1./31./127" // of 127.31.1.1
	run(t, "", "bash", "-c", "cd /home/alice/"+trap+"; if test -e f -o -L f; then mkdir -p $(dirname "+place+"); mv f "+place+"; fi")
	out := outputOf(sendmail("-C"+w.path("trap.cf"), "-odi", "-fcarol", "a@[127.31.1.1]"), "Subject: x\n\nx\n")
	for _, f := range []string{place, "g", "/home/good/f", "/home/secret/f", "/home/none"} {
		path := f
		if !filepath.IsAbs(f) {
			path = filepath.Join("/home/alice", trap, f)
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "\nS75\n") {
			out += strings.Replace(f, place, "there", 1) + "\n"
		}
	}
	return saidOfHosts.ReplaceAllString(out, "")
}

// saidOfHosts is how the original says that a folder or a file cannot be used; we leave it to the log.
var saidOfHosts = regexp.MustCompile(`(?m)^Warning: Cannot use HostStatusDirectory.*\n|^exit (0|71)\n`)

// stricterHosts reports whether a host's file that others can write to is left alone, where the original writes to it.
func stricterHosts(kind, trap, ours string) bool {
	return kind == "host status" && slices.Contains([]string{"group", "world", "rootworld"}, trap) && ours == ""
}

// observeKey tells whether STARTTLS is offered with a key, and what the log says of it.
func observeKey(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	certificate(t, "/etc/mail/trap", pkix.Name{CommonName: "mail.test"}, []string{"mail.test"}, nil)
	run(t, "", "bash", "-c", "cd /home/alice/"+trap+"; if test -f f; then cat /etc/mail/trap.key >f; fi")
	out := outputOf(sendmail("-C"+w.path("trap.cf"), "-bs"), "EHLO x\r\nQUIT\r\n")
	log, err := os.ReadFile(w.path("log"))
	must(t, err)
	return fmt.Sprint("offered ", strings.Contains(out, "STARTTLS"), "\n", strings.Join(unsafeLine.FindAllString(string(log), -1), "\n"), "\n")
}

var unsafeLine = regexp.MustCompile(`STARTTLS=server.*unsafe:.*`)

// observePid starts a daemon and tells which files begin with a process number then.
func observePid(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	run(t, "", "bash", "-c", "cd /home/alice/"+trap+" && chown -h root . f g || :") // the original writes in root's files alone
	d := start(t, "127.0.0.1:25", sendmail("-C"+w.path("trap.cf"), "-bD"))
	defer d.stop()
	return run(t, "", "bash", "-c", "cd /home/alice/"+trap+
		"; for f in * /home/good/f /home/secret/f /home/none; do if test -f $f && head -1 $f | grep -qx '[0-9]*'; then echo $f; fi; done; :")
}

func observeAliases(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	must(t, os.Chown("/home/alice/"+trap, 0, 0)) // the original makes data bases in root's folders alone
	out := outputOf(sendmail("-C"+w.path("trap.cf"), "-bi"), "")
	must(t, os.Truncate(w.path("log"), 0))
	clearQueue(t)
	outputOf(sendmail("-C"+w.path("trap.cf"), "-odi", "-fa@[127.31.1.1]", "key."+trap), "Subject: x\n\nx\n")
	settled(t, w)
	log := wholeLog(t, w)
	for _, m := range statLine.FindAllStringSubmatch(log, -1) {
		out += m[1] + " " + m[2] + " " + m[3] + "\n"
	}
	return out
}

// observeLetter has alice's message to nobody saved where the trap is.
func observeLetter(t *testing.T, w world, trap string, sendmail func(...string) *exec.Cmd) string {
	run(t, "", "bash", "-c", "cd /home/alice && rm -rf dead.letter g && { ! test -e "+trap+"/f -o -L "+trap+"/f || mv "+trap+"/f dead.letter; }; test ! -e "+trap+"/g || mv "+trap+"/g .")
	run(t, "", "bash", "-c", "rm -rf /tmp/q && mkdir -m 700 /tmp/q && chown alice /tmp/q")
	cmd := sendmail("-C"+w.path("trap.cf"), "-OQueueDirectory=/tmp/q", "-odi", "-oep", "nobody.here")
	if i := slices.Index(cmd.Args, "sh"); i >= 0 { // alice may not set the host's name
		i = slices.IndexFunc(cmd.Args, func(a string) bool { return strings.HasSuffix(a, "/sendmail") })
		cmd.Path, cmd.Args = cmd.Args[i], cmd.Args[i:]
	}
	out := outputOf(asAlice(cmd), "Subject: x\n\nx\n")
	return out + run(t, "", "bash", "-c", "grep -sl --devices=skip Subject: /home/alice/dead.letter /home/alice/g /home/*/f || :")
}

// stricterAliases reports whether newaliases says the same, and mail to an alias waits here where the original reads
// the text of a file that others can write, or lets the mail wait, too (docs/differences.md).
func stricterAliases(kind, ours, original string) bool {
	said, lines, _ := strings.Cut(original, "exit")
	mine, rest, _ := strings.Cut(ours, "exit")
	return kind == "aliases" && said == mine && !strings.Contains(rest, "mailer=") &&
		(strings.HasSuffix(lines, " queued\n") || strings.Contains(said, "writable file") || strings.Contains(said, "Executable files"))
}

// siteMasks take out what two runs cannot have in common.
var siteMasks = regexp.MustCompile(`(?m)^220 .*\n|^214-2.0.0 This is.*\n|^/etc/mail/aliases: .*\n|\d{1,3}:\d\d:\d\d|[0-9A-Za-z]{8}\d{6}\b|8\.1[78]\.1(\.9)?`)

// TestFilesOfTheSiteAsTheOriginal holds which files of the configuration are trusted, for one in nine traps, or with
// GOSENDMAIL_SLOW for every one.
func TestFilesOfTheSiteAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		processSite(t, w, func(cf string) string { return cf })
		cf, err := os.ReadFile(w.path("log.cf"))
		must(t, err)
		servers := []func(...string) *exec.Cmd{
			func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) },
			func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) },
		}
		for k, kind := range siteFiles {
			for i, name := range slices.Sorted(maps.Keys(fileTraps)) {
				if os.Getenv("GOSENDMAIL_SLOW") == "" && (i+k)%9 != 0 {
					continue
				}
				var results [2]string
				for i, sendmail := range servers {
					layTraps(t, trapKind{content: kind.content}, name)
					text := string(cf)
					if kind.config != "" {
						text += fmt.Sprintf(kind.config, "/home/alice/"+name+"/f")
					}
					write(t, w.path("trap.cf"), text)
					must(t, os.RemoveAll("/etc/mail/aliases.db"))
					outputOf(sendmail("-C"+w.path("log.cf"), "-bi"), "")
					must(t, os.Chmod("/etc/mail/aliases.db", 0o644)) // alice reads it, too
					must(t, os.Truncate(w.path("log"), 0))
					results[i] = siteMasks.ReplaceAllString(kind.observe(t, w, name, sendmail), "")
				}
				if results[0] != results[1] && !stricterAliases(kind.name, results[0], results[1]) &&
					!stricterHosts(kind.name, name, results[0]) {
					t.Errorf("%s, %s:\nours:\n%soriginal:\n%s", kind.name, name, results[0], results[1])
				}
			}
		}
	})
}
