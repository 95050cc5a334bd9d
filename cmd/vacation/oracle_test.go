package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosendmail/internal/oracletest"
)

// answering is one run of the program by alice, in her home as place leaves it.
type answering struct {
	args  []string
	in    string
	place func(home string) error
}

func mail(sender, fields string) string {
	return "From " + sender + " Thu Jan  1 00:00:00 1970\n" + fields + "\n\nbody To: alice\n"
}

func answerings() (list []answering) {
	add := func(in string, args ...string) {
		list = append(list, answering{append([]string{"-d"}, args...), in, nil})
	}
	const sender = "bob@x.test"
	for _, args := range [][]string{{"alice"}, {"-a", "al", "alice"}, {"-a", "yy", "-a", "xx", "alice"}, {"-j", "alice"}, {"-s", "o@z", "alice"}, {"-s", "", "alice"}, {"-s", "postmaster", "alice"}, {"-s", "-x", "alice"},
		{"-R", "r@z", "alice"}, {"-R", "", "alice"}, {"-R", "-x", "alice"}, {"-z", "alice"}, {"-z", "-R", "q", "alice"}, {"-R", "q", "-z", "alice"}, {"-m", "msg2", "alice"}, {"-m", "/home/alice/msg2", "alice"}, {"-m", "none", "alice"},
		{"-m", "/none", "alice"}, {"-f", "db2", "alice"}, {"-C", "/none", "alice"}, {"-t", "1d", "alice"}, {"-r", "3", "alice"}, {"-r", "0", "alice"}, {"-r", "inf", "alice"}, {"-r", "1x", "alice"},
		{}, {"-q"}, {"-r"}, {"alice", "bob"}, {"nobodyy"}, {"-U", "alice"}, {"-U", "-f", "x", "alice"}, {"-U", "-f", "/home/alice/dbu", "-m", "/home/alice/msg2", "alice"}, {"-U", "-f", "/home/alice/dbu", "-m", "/home/alice/msg2", "-j", "any"},
		{"-i"}, {"-I", "alice"}, {"-i", "-r", "4", "alice"}, {"-l"}, {"-l", "alice"}} {
		add(mail(sender, "To: alice@example.test\nSubject: s"), args...)
		add(mail(sender, "To: nobody, al"), args...)
	}
	for _, name := range []string{"owner-x", "owner-", "postmaster", "Postmaster", "uucp", "mailer", "mailer-daemon", "MAILER-DAEMON", "request", "x-request-y", "ownerx", "xowner", "nobody", "root", "bounce-x", "noreply", "postmaster-x"} {
		add(mail(name, "To: alice"), "alice")
		add(mail(name+"@h.test", "To: alice"), "alice")
	}
	for _, first := range []string{"From  Thu\n", "From bob@x\n", "From bob@x \n", "From \"a b\"@c Thu\n", "From a b Thu\n", "From a\\ b@c Thu\n", "from bob@x\n", "", "X: y\n", "From h!g!bob Thu\n", "From owner-x!bob T\n",
		"From @a:bob@h T\n", "From \n", "From -x@y T\n", ">From b T\n", "From \"a\\\"b c\"@d T\n", "From a@b@c T\n", "From b\x80b@x T\n", "From <bob@x> T\n", "From bob@owner-x T\n"} {
		add(first+"To: alice\n\nbody\n", "alice")
	}
	for _, to := range []string{"Alice@x", "xalice", "alicex", "a.alice", "alice_b", "\"alice\"", "x <y>,\n alice", "x\n\talice", "ali.as", "aliXas", "alice+x", "<x@alice>", "al\n ice", "", "xalice alice", "alice\\"} {
		add(mail(sender, "To: "+to), "-a", "ali.as", "alice")
	}
	for _, field := range []string{"Cc: alice", "Bcc: alice", "Resent-To: alice", "Apparently-To: alice", "TO: alice", "to: alice", "Subject: alice", "X-To: alice\nSubject: x\n alice"} {
		add(mail(sender, field), "alice")
	}
	for _, p := range []string{"bulk", "junk", "list", "Bulk", "first-class", "bulk ", "  junk", "junky", "special", "xbulk", ""} {
		add(mail(sender, "To: alice\nPrecedence: "+p), "alice")
		add(mail(sender, "precedence:"+p+"\nTo: alice"), "-j", "alice")
	}
	for _, f := range []string{"Auto-Submitted: no", "Auto-Submitted: No", "Auto-Submitted:", "List-Id: <x>", "Reply-To: o@x", "From: r@x", "Return-Path: <>", "X-Spam-Flag: YES"} {
		add(mail(sender, f+"\nTo: alice"), "alice")
	}
	place := func(in string, f func(home string) error) {
		list = append(list, answering{[]string{"-d", "alice"}, in, f})
	}
	to := mail(sender, "To: alice")
	for _, text := range []string{"", "no header\n", "To: forged@x\nSubject: Re: $SUBJECT\n\n$FROM\n"} {
		place(to, func(home string) error { return os.WriteFile(home+"/"+msgName, []byte(text), 0o644) })
	}
	place(to, func(home string) error { return os.Chmod(home+"/"+msgName, 0) })
	place(to, func(home string) error { return os.Remove(home + "/" + msgName) })
	place(to, func(home string) error {
		return os.WriteFile(home+"/"+dbName+".db", bytes.Repeat([]byte("x"), 5000), 0o644)
	})
	place(to, func(home string) error { return os.WriteFile(home+"/"+dbName+".db", nil, 0o644) })
	place(to, func(home string) error { return os.WriteFile(home+"/"+dbName+".db", nil, 0o444) })
	place(to, func(home string) error { return os.Symlink(home+"/other", home+"/"+dbName+".db") })
	return list
}

// sendmailStub takes the place of sendmail in the world.
const sendmailStub = "#!/bin/sh\n{ for a; do echo \"<$a>\"; done; id -un; pwd; cat; echo END; } >/run/sent.$$ 2>&1 && mv /run/sent.$$ /run/sent\n"

// enter gives the world a sendmail.
func enter(t *testing.T, dir string) {
	t.Helper()
	for _, c := range [][]string{
		{"mount", "-t", "tmpfs", "-o", "mode=777", "run", "/run"}, {"mkdir", "/run/upper", "/run/work"},
		{"mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work", "/usr/sbin"}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%q: %v: %s", c, err, out)
		}
	}
	os.Remove("/usr/sbin/sendmail")
	if err := os.WriteFile("/usr/sbin/sendmail", []byte(sendmailStub), 0o755); err != nil {
		t.Fatal(err)
	}
	oracletest.Log(t, dir)
}

const original = "usr/libexec/sendmail/vacation.sendmail"

// TestLikeOriginal gives the same messages to the original and to ours, in the same homes.
func TestLikeOriginal(t *testing.T) {
	dir, inside := oracletest.Inside(t, nil)
	if !inside {
		return
	}
	enter(t, dir)
	ours := oracletest.Build(t, "vacation")
	for _, a := range answerings() {
		want := answered(t, a, func(args ...string) *exec.Cmd { return oracletest.Command(t, original, args...) })
		got := answered(t, a, func(args ...string) *exec.Cmd { return exec.Command(ours, args...) })
		if got != want {
			t.Errorf("vacation %q <%q\nours:\n%s\noriginal:\n%s", a.args, a.in, got, want)
		}
	}
}

// TestSharedDatabase lets the original and ours take turns: what the original wrote counts for ours.
func TestSharedDatabase(t *testing.T) {
	dir, inside := oracletest.Inside(t, nil)
	if !inside {
		return
	}
	enter(t, dir)
	ours := oracletest.Build(t, "vacation")
	home(t)
	theirs := func(in string, args ...string) string {
		return asAlice(t, oracletest.Command(t, original, args...), in)
	}
	our := func(in string, args ...string) string { return asAlice(t, exec.Command(ours, args...), in) }
	theirs("", "-i", "-r", "2", "alice")
	theirs("ex@a.test\n@b.test\n", "-x", "alice")
	if out := theirs(mail("bob@x.test", "To: alice"), "-d", "alice"); out != "exit 0\n" || sent(t) == "" {
		t.Fatal(out)
	}
	want := theirs("", "-l", "alice")
	if got := our("", "-l", "alice"); sortedLines(got) != sortedLines(want) {
		t.Errorf("-l: %s\noriginal: %s", got, want)
	}
	for _, sender := range []string{"bob@x.test", "ex@a.test", "any@b.test"} {
		if out := our(mail(sender, "To: alice"), "-d", "alice"); out != "exit 0\n" {
			t.Error(out)
		}
	}
	if out := our(mail("carol@x.test", "To: alice"), "-d", "alice"); out != "exit 0\n" {
		t.Error(out)
	}
	if text := sent(t); !strings.Contains(text, "<carol@x.test>") {
		t.Errorf("sent %q", text)
	}
	if got := our("", "-l", "alice"); strings.Count(got, "\n") != 5 { // with the exit status
		t.Errorf("-l: %s", got)
	}
}

func home(t *testing.T) string {
	t.Helper()
	const dir = "/home/alice"
	names, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := os.Remove(n); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{msgName: "Subject: away\nPrecedence: bulk\n\nI am away\n", "msg2": "Subject: two\n\nx\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var date = regexp.MustCompile(`\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`)

// answered returns all that came of a message, given twice.
func answered(t *testing.T, a answering, command func(args ...string) *exec.Cmd) string {
	t.Helper()
	dir := home(t)
	if a.place != nil {
		if err := a.place(dir); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "-hR", "2001:2001", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text := ""
	for range 2 {
		text += asAlice(t, command(a.args...), a.in)
		if strings.HasSuffix(text, "exit 0\n") {
			text += sent(t)
		}
	}
	if a.place != nil {
		return text
	}
	return text + date.ReplaceAllString(sortedLines(asAlice(t, command("-l", "alice"), "")), "DATE")
}

func sortedLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// asAlice runs a command as that user.
func asAlice(t *testing.T, cmd *exec.Cmd, in string) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = strings.NewReader(in), &out, &out, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 2001, Gid: 2001}, Setpgid: true}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%sexit %d\n", strings.ReplaceAll(out.String(), cmd.Path+":", "vacation:"), cmd.ProcessState.ExitCode())
}

// sent takes what the stub was given: it has ended, since it held the pipe of the program's output.
func sent(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/run/sent")
	if err == nil {
		err = os.Remove("/run/sent")
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
