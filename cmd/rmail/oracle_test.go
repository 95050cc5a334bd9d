package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

const (
	from = "From bob Thu Jan  1 00:00:00 1970 remote from h1\n"
	rest = "Subject: x\n\nbody\n.\nFrom y\n"
	stub = "#!/bin/sh\nfor a; do echo \"<$a>\"; done >/run/sent\ncat >>/run/sent\n"
)

// TestLikeOriginal gives messages to Debian's rmail and to ours, in a world whose sendmail writes down what it is
// given.
func TestLikeOriginal(t *testing.T) {
	_, original := oracletest.Debian(t, "usr/sbin/rmail", "rmail")
	_, inside := oracletest.Inside(t, nil)
	if !inside {
		return
	}
	for _, c := range [][]string{{"mount", "-t", "tmpfs", "run", "/run"}, {"mkdir", "/run/upper", "/run/work"},
		{"mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work", "/usr/sbin"}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%q: %v: %s", c, err, out)
		}
	}
	os.Remove("/usr/sbin/sendmail")
	if err := os.WriteFile("/usr/sbin/sendmail", []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	ours := oracletest.Build(t, "rmail")
	compare := func(in string, args ...string) {
		want, got := outcome(t, original("usr/sbin/rmail", args...), in), outcome(t, exec.Command(ours, args...), in)
		if got != want {
			t.Errorf("rmail %q <%.200q\nours:\n%s\noriginal:\n%s", args, in, got, want)
		}
	}
	for _, args := range [][]string{{"u"}, {"u", "v@x", "w!z"}, {}, {"-x"}, {"-D", "dom", "u"}, {"-Dd", "u"}, {"-T", "u"}, {"-D"}, {"-oi", "u"}, {"--", "-x"}, {"a,b"}, {"<a@b>"}, {"<a,b>"}, {"a b"}, {"(c)"}, {""}} {
		compare(from+rest, args...)
	}
	for _, lines := range []string{"", "From bob Thu Jan  1 00:00:00 1970\n", "From bob\n", "From h2!bob Thu remote from h1\n", from + ">From h2!bob Thu remote from h2\n", "From uucp x remote from h1\n>From bob@d.x Thu remote from h2\n",
		"From bob Thu remote from h1\n>From carol x remote from h2\n>From dave x remote from h3\n", "From bob Thu forwarded by h9\n", "From bob T remote from h1 \n", "From  bob x\n", "From <bob> x\n", "From bob@x remote from h1\n",
		"From h!bob@x remote from h1\n", "From h1!bob remote from h1\n", "From \n", ">From bob x remote from h\n", "From -x y remote from h\n", "From bob x remote from -h\n", "From b;c x remote from h\n", "From \"a b\" x remote from h\n",
		"From a remote from h\nnot a header\n", "From bob x remote from h.dom.test\n", "From h.dom!bob x\n", "From h!g!bob x\n", "From !bob x\n", "From h!!bob x\n", "From h! x\n", "From bob x remote from h!g\n", "From bob x remote from h\n>From h2!carol x\n"} {
		compare(lines+rest, "u")
		compare(lines+rest, "-T", "u")
	}
	compare(from+"\r\nx\r\n.\n", "u")
	compare(from, "u")
	compare(from[:len(from)-1], "u")
	compare("From "+strings.Repeat("h!", 2000)+"bob x remote from h\n"+rest, "u")
}

func outcome(t *testing.T, cmd *exec.Cmd, in string) string {
	t.Helper()
	var errout bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(in), &errout
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	sent, err := os.ReadFile("/run/sent")
	if err == nil {
		err = os.Remove("/run/sent")
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return fmt.Sprintf("exit %d\n%s\n%s", cmd.ProcessState.ExitCode(), strings.ReplaceAll(errout.String(), cmd.Path, "rmail"), sent)
}
