package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/safefile"
)

// fileTraps lay out a file f in a folder of its own below /home/alice, as shell commands; the folder is alice's, mode
// 755, and f holds what $text says. Links lead to files in /home/good and /home/secret, of which root alone may read
// the latter.
var fileTraps = map[string]string{
	"plain":      `own alice 644`,
	"private":    `own alice 600`,
	"exec":       `own alice 755`,
	"setuid":     `own alice 4755`,
	"rootfile":   `own root 644`,
	"rootsecret": `own root 600`,
	"bobs":       `own bob 644`,
	"bobsecret":  `own bob 600`,
	"group":      `own alice 664`,
	"world":      `own alice 666`,
	"rootworld":  `own root 666`,
	"symown":     `own alice 644; mv f g; ln -s g f`,
	"symgood":    `ln -s /home/good/f f`,
	"symsecret":  `ln -s /home/secret/f f`,
	"symnone":    `ln -s /home/none f`,
	"symloop":    `ln -s f f`,
	"hard":       `own alice 644; ln f g`,
	"hardsecret": `ln /home/secret/f f`,
	"fifo":       `mkfifo f; chown alice f`,
	"folder":     `mkdir f; chown alice f`,
	"null":       `mknod f c 1 3; chmod 666 f`,
	"zero":       `mknod f c 1 5; chmod 666 f`,
	"groupdir":   `own alice 644; chmod 775 .`,
	"worlddir":   `own alice 644; chmod 777 .`,
	"stickydir":  `own alice 644; chmod 1777 .`,
	"symworld":   `ln -s /home/good/f f; chmod 777 .`,
	"rootdir":    `own alice 644; chown root .; chmod 700 .`,
	"missing":    ``,
	"emptyfile":  `own alice 644; : >f`,
}

// layTraps makes the folders anew: /home/alice/NAME/f of each trap, or only of those that are named.
func layTraps(t *testing.T, kind trapKind, only ...string) (names []string) {
	t.Helper()
	script := "set -e\nown() { printf '%s' \"$text\" >f; chown $1 f; chmod $2 f; }\numask 022\nrm -rf /home/good /home/secret /home/alice/*\n"
	lay := func(dir, name, owner, commands string) {
		script += fmt.Sprintf("mkdir %s; cd %s; chown %s:%[3]s .; text=%s; %s\n", dir, dir, owner, quoted(fmt.Sprintf(kind.content, name)), commands)
	}
	lay("/home/good", "good", "root", "own root 644")
	lay("/home/secret", "secret", "root", "own root 600")
	aliases := "postmaster: root\nroot: carol+report\n"
	for name, commands := range fileTraps {
		if only != nil && !slices.Contains(only, name) {
			continue
		}
		if name == "fifo" && kind.content == "old\n" {
			continue // the original waits a minute for its lock
		}
		names = append(names, name)
		lay("/home/alice/"+name, name, "alice", commands)
		named := "/home/alice/" + name + "/f"
		if strings.HasPrefix(kind.recipient, "l.") {
			named = ":include:" + named
		}
		script += fmt.Sprintf("cd ..; echo %s >list.%s; chown alice list.%[2]s\n", named, name)
		if kind.alias != "" {
			aliases += fmt.Sprintf(kind.alias, name)
		}
	}
	slices.Sort(names)
	write(t, "/etc/mail/aliases", aliases)
	run(t, "", "bash", "-c", script)
	return names
}

// quoted is a word for the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "'\\''") + "'" }

// trapKind is a way in which mail comes to a file: the line of the alias file that leads there, the recipient, and what
// the file holds; %[1]s is the trap's name.
type trapKind struct {
	name, alias, recipient, content string
}

// trapKinds are the ways in which mail comes to a trap.
var trapKinds = []trapKind{
	{"list of an alias", "i.%[1]s: :include:/home/alice/%[1]s/f\n", "i.%[1]s", "carol+%[1]s\n\"|exit 0 %[1]s\"\n"},
	{".forward", "", "alice+%[1]s", "carol+%[1]s\n\"|exit 0 %[1]s\"\n"},
	{"file of an alias", "f.%[1]s: /home/alice/%[1]s/f\n", "f.%[1]s", "old\n"},
	{"file of a user", "u.%[1]s: :include:/home/alice/list.%[1]s\n", "u.%[1]s", "old\n"},
	{"list of a user", "l.%[1]s: :include:/home/alice/list.%[1]s\n", "l.%[1]s", "carol+%[1]s\n\"|exit 0 %[1]s\"\n"},
}

var (
	statLine = regexp.MustCompile(`: to=(.+?), (?:ctladdr|delay)=.*?(mailer=[\w*]+).*stat=(.*)`)
	warnLine = regexp.MustCompile(`: (?:SYSERR\(\w+\): )?((?:forward |\S+\.\.\. Cannot open ).*)`)
)

// trapped sends one message to all traps of a kind and returns what became of it: what the log says of recipients and
// files, and which files got mail.
func trapped(t *testing.T, w world, names []string, recipient string, sendmail func(args ...string) *exec.Cmd) string {
	t.Helper()
	must(t, os.RemoveAll("/etc/mail/aliases.db"))
	if out, err := sendmail("-C"+w.path("log.cf"), "-bi").CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v\n%s", err, out)
	}
	settled(t, w)
	must(t, os.Truncate(w.path("log"), 0))
	args := []string{"-C" + w.path("log.cf"), "-odi", "-oem", "-f", "postmaster"}
	for _, n := range names {
		args = append(args, fmt.Sprintf(recipient, n))
	}
	cmd := sendmail(args...)
	cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
	_, _ = cmd.CombinedOutput()
	settled(t, w)
	log := wholeLog(t, w)
	var list []string
	for line := range strings.Lines(log) {
		if m := statLine.FindStringSubmatch(line); m != nil {
			for _, to := range strings.Split(m[1], ",") {
				list = append(list, to+" "+m[2]+" "+m[3])
			}
		} else if m := warnLine.FindStringSubmatch(line); m != nil {
			list = append(list, m[1])
		}
	}
	for _, f := range strings.Fields(run(t, "", "bash", "-c", "grep -sl --devices=skip Subject: /home/*/*/f /home/*/f || :")) {
		list = append(list, "mail in "+f)
	}
	slices.Sort(list)
	return strings.Join(list, "\n") + "\n"
}

// TestFilesOfUsersAsTheOriginal holds whose rights open lists, .forward files and files that mail is delivered to, and
// which of them are trusted, for every trap and with several values of DontBlameSendmail.
func TestFilesOfUsersAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		for _, blame := range blames() {
			processSite(t, w, func(cf string) string {
				return cf + "O ForwardPath=/home/alice/$h/f\nO DontBlameSendmail=" + blame + "\n"
			})
			for _, kind := range trapKinds {
				var results [2]string
				for i, sendmail := range []func(...string) *exec.Cmd{
					func(args ...string) *exec.Cmd { return exec.Command(w.path("bin/sendmail"), args...) },
					func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) },
				} {
					clearQueue(t)
					names := layTraps(t, kind)
					results[i] = trapped(t, w, names, kind.recipient, sendmail)
				}
				for _, line := range onlyOne(results[0], results[1]) {
					if !onPurpose(line) {
						t.Errorf("DontBlameSendmail=%s, %s: %s", blame, kind.name, line)
					}
				}
			}
		}
	})
}

// blames are the values of DontBlameSendmail that are tried; GOSENDMAIL_SLOW=1 tries every name that speaks of these
// files.
func blames() []string {
	list := []string{"Safe", "GroupWritableIncludeFile,WorldWritableForwardFile,IncludeFileInUnsafeDirPath,ForwardFileInGroupWritableDirPath,FileDeliveryToSymLink,FileDeliveryToHardLink"}
	if os.Getenv("GOSENDMAIL_SLOW") != "1" {
		return list
	}
	for _, name := range safefile.BlameNames() {
		if strings.Contains(name, "Forward") || strings.Contains(name, "Include") || strings.Contains(name, "FileDelivery") || name == "TrustStickyBit" ||
			name == "GroupWritableDirPathSafe" || name == "NonRootSafeAddr" {
			list = append(list, name)
		}
	}
	return list
}

// onlyOne is the lines that only one of two texts has.
func onlyOne(ours, original string) (list []string) {
	for _, side := range []struct{ mark, text, other string }{{"ours:     ", ours, original}, {"original: ", original, ours}} {
		for line := range strings.Lines(side.text) {
			if !strings.Contains("\n"+side.other, "\n"+line) {
				list = append(list, side.mark+strings.TrimSpace(line))
			}
		}
	}
	return list
}

// onPurpose reports whether docs/differences.md explains a line.
func onPurpose(line string) bool {
	// Devices are refused, permanently here and there, before they are written to and after.
	return strings.HasSuffix(line, " Can't create output") && deviceFile.MatchString(line) || strings.HasSuffix(line, " I/O error") && deviceFile.MatchString(line)
}

var deviceFile = regexp.MustCompile(`/(?:null|zero)/f `)

// TestMailboxesBelongToTheirUsers delivers to bob what others name him for: alice's .forward, a list of hers, an alias,
// a list of root's. His mailbox is made and written with his rights each time, as a mailbox and as a Maildir.
func TestMailboxesBelongToTheirUsers(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		for _, box := range []struct{ mailer, argv, path string }{
			{"[mbox]", "mbox /var/mail/$u", "/var/mail/bob"}, {"[maildir]", "maildir /home/$u/Maildir", "/home/bob/Maildir"},
		} {
			processSite(t, w, func(cf string) string {
				local := regexp.MustCompile(`(?s)(Mlocal,.*?P=)[^,]*(.*?A=)[^\n]*`)
				return local.ReplaceAllString(cf, "${1}"+box.mailer+"${2}"+strings.ReplaceAll(box.argv, "$", "$$"))
			})
			write(t, "/home/alice/.forward", "bob\n")
			write(t, "/home/alice/list", "bob\n")
			write(t, "/home/good-list", "bob\n")
			must(t, os.Chown("/home/alice/.forward", 2001, 2001))
			must(t, os.Chown("/home/alice/list", 2001, 2001))
			write(t, "/etc/mail/aliases", "postmaster: root\nboss: bob\nhers: :include:/home/alice/list\nours: :include:/home/good-list\n")
			run(t, "", w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bi")
			for _, to := range []string{"alice", "boss", "hers", "ours", "bob"} {
				must(t, os.RemoveAll(box.path))
				run(t, "Subject: x\n\nx\n", w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-odi", "-fcarol", to)
				st, err := os.Stat(box.path)
				if err != nil {
					t.Errorf("%s for %s: %v", box.mailer, to, err)
					continue
				}
				if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 2002 || sys.Gid != 2002 || st.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s for %s: %s belongs to %d:%d, mode %v", box.mailer, to, box.path, sys.Uid, sys.Gid, st.Mode())
				}
			}
		}
	})
}
