package acceptance

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/queue"
)

// forgedName is a control file that no attack may make or change.
const forgedName = "qf6AUAAA1x000001"

// forged is a control file that a hostile user would like the next run to trust.
const forged = "V8\nT1\nK0\nN0\nP30\nSroot\nA\nRPFD:bob\nH?? X-Forged: yes\n.\n"

// attack is something that alice tries with the set-group-ID program.
type attack struct {
	args  []string
	env   []string
	stdin string
	files func(t *testing.T) []*os.File // inherited from descriptor 3 on
}

// socketPairOfHers is what she can make that looks like what the program hands to itself: descriptor 3 a socket, from 4
// on listeners.
func socketPairOfHers(t *testing.T) []*os.File {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f, err := l.(*net.TCPListener).File()
	must(t, err)
	return []*os.File{os.NewFile(uintptr(pair[0]), "pair"), f}
}

// attacks are the ways that were thought of, each to reach the file at target.
func attacks(target string) (list []attack) {
	order := fmt.Sprintf(`{"Kind":"file","Path":%q}`+"\n\x00\x00\x00%c%s\x00\x00\x00\x00", target, len(forged), forged)
	for _, arg := range []string{"-gosendmail-deliver", "--gosendmail-deliver", "gosendmail-deliver", "deliver"} {
		list = append(list, attack{args: []string{arg}, stdin: order})
	}
	for _, env := range []string{"GOSENDMAIL_LISTENERS=1", "GOSENDMAIL_HANDOVER=1", "GOSENDMAIL_DELIVER=1"} {
		for _, mode := range []string{"-bd", "-bD", "-q1h -Ac", "-q -Ac", "-bi", "-Q -qIx -Ac"} {
			list = append(list, attack{args: strings.Fields(mode), env: []string{env}, files: socketPairOfHers, stdin: order})
		}
	}
	for _, name := range []string{"LogFile", "StatusFile", "PidFile", "DeadLetterDrop", "HostStatusDirectory", "ErrorHeader", "HelpFile", "AliasFile",
		"ControlSocketName", "SharedMemoryKeyFile", "QueueDirectory", "TempFileMode", "RunAsUser", "TrustedUser", "DontBlameSendmail", "ForwardPath"} {
		for _, n := range []string{name, abbreviation(name), strings.ToLower(abbreviation(name)) + " "} {
			for _, o := range [][]string{{"-O" + n + "=" + target}, {"-o", " " + n + "=" + target}, {"-O", " " + n + " = " + target}} {
				list = append(list, attack{args: append(o, "-odi", "nobody-here"), stdin: forged})
			}
		}
	}
	for _, o := range []string{"-X" + target, "-D" + target, "-oL" + target, "-oS" + target, "-oQ" + filepath.Dir(target), "-C" + target} {
		list = append(list, attack{args: []string{o, "-odi", "bob"}, stdin: forged})
	}
	line := "x\nRPFD:bob\nH?? X-Forged: yes\n."
	for _, f := range []string{"-f", "-F", "-r", "-L", "-p", "-Mr", "-Ms", "-oMr", "-oMs", "-V", "-B", "-N", "-R", "-h", "-e"} {
		list = append(list, attack{args: []string{f + line, "-odq", "carol"}, stdin: "Subject: x\n\nx\n"})
	}
	list = append(list, attack{args: []string{"-odq", "carol" + line}, stdin: "Subject: x\n\nx\n"},
		attack{args: []string{"-odq", "-t"}, stdin: "To: carol" + line + "\n\nx\n"},
		attack{args: []string{"-odq", "carol"}, stdin: forged},
		attack{args: []string{"-bs"}, stdin: "EHLO x\r\nMAIL FROM:<a\rRPFD:bob>\r\nRCPT TO:<carol\nRPFD:bob>\r\nDATA\r\n" + forged + ".\r\n"})
	for _, env := range []string{"TMPDIR=" + filepath.Dir(target), "TZ=" + target, "TZ=:" + target, "HOME=" + filepath.Dir(target), "GODEBUG=gctrace=1", "GOTRACEBACK=crash",
		"LDAPCONF=" + target, "LOCALDOMAIN=evil.test", "HOSTALIASES=" + target, "SSL_CERT_FILE=" + target, "ZONEINFO=" + target, "GOCOVERDIR=" + filepath.Dir(target)} {
		list = append(list, attack{args: []string{"-odi", "bob"}, env: []string{env}, stdin: "Subject: x\n\nx\n"}, attack{args: []string{"-bt"}, env: []string{env}})
	}
	return list
}

// queueName is a file that the program itself makes in its queue.
var queueName = regexp.MustCompile(`^(?:[dqtx]f[0-9A-Za-z]{14}|[dt]fSpare\w+)$`)

// TestHostileUser has alice try what she can with the set-group-ID program. No file of the group's appears or changes
// but messages that the program queued, with the recipients that she named, and what she wanted written stands in none
// of their control lines.
func TestHostileUser(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, _ := setgidPrograms(t, w)
		const spool = "/var/spool/clientmqueue"
		list := attacks(filepath.Join(spool, forgedName))
		for _, a := range list {
			cmd := asAlice(exec.Command(ours, a.args...))
			cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, a.env...)
			cmd.Stdin = strings.NewReader(a.stdin)
			if a.files != nil {
				cmd.ExtraFiles = a.files(t)
			}
			cmd.WaitDelay = time.Second
			must(t, cmd.Start())
			late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			_ = cmd.Wait()
			if !late.Stop() {
				t.Errorf("%q %q did not end", a.env, a.args)
			}
			for _, f := range cmd.ExtraFiles {
				f.Close()
			}
			names, err := os.ReadDir(spool)
			must(t, err)
			for _, n := range names {
				if !queueName.MatchString(n.Name()) || n.Name() == forgedName {
					t.Errorf("%q %q made %s", a.env, a.args, n.Name())
				}
				must(t, checkForged(filepath.Join(spool, n.Name()), a))
				must(t, os.Remove(filepath.Join(spool, n.Name())))
			}
			if out := run(t, "", "find", "/home", "/var/mail", "/etc/mail", "/run", "-group", "126"); out != "" {
				t.Fatalf("%q %q made files of the group: %s", a.env, a.args, out)
			}
		}
		t.Logf("%d attacks", len(list))
	})
}

// checkForged looks for what an attack wanted in a control file that the program made.
func checkForged(path string, a attack) error {
	if !strings.HasPrefix(filepath.Base(path), "qf") {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c, err := queue.ParseControl(text)
	if err != nil {
		return fmt.Errorf("%q %q: %w\n%s", a.env, a.args, err, text)
	}
	for _, r := range c.Envelope.Recipients {
		if r.Addr == "bob" && !strings.Contains(strings.Join(a.args, " ")+" ", " bob ") {
			return fmt.Errorf("%q %q: bob is a recipient\n%s", a.env, a.args, text)
		}
	}
	if strings.Contains(string(text), "\nH?? X-Forged") {
		return fmt.Errorf("%q %q: a header field from a flag\n%s", a.env, a.args, text)
	}
	return nil
}

// TestSubmissionWithoutMeans hands mail in with limits under which it cannot be stored: the caller learns it, and the
// queue keeps nothing of it.
func TestSubmissionWithoutMeans(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, _ := setgidPrograms(t, w)
		const spool = "/var/spool/clientmqueue"
		for _, limit := range []string{"-f 0", "-n 10", "-n 11"} {
			cmd := asAlice(exec.Command("sh", "-c", "ulimit "+limit+"; exec "+ours+" -odq bob"))
			cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
			out, err := cmd.CombinedOutput()
			left, rerr := os.ReadDir(spool)
			must(t, rerr)
			if err != nil && len(left) > 0 {
				t.Errorf("ulimit %s: %v, and %v stays\n%s", limit, err, left, out)
			}
			if err == nil && len(left) != 2 {
				t.Errorf("ulimit %s: accepted, and %v is all there is", limit, left)
			}
			for _, f := range left {
				must(t, os.Remove(filepath.Join(spool, f.Name())))
			}
		}
	})
}
