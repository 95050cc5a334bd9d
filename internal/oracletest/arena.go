package oracletest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// arenaMC configures the original so that local mail lands in files mail/got.USER of the world, nothing asks ident and
// a busy machine changes nothing.
const arenaMC = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<LOCAL_MAILER_PATH>>,<<@DIR@/deliver>>)dnl
define(<<LOCAL_MAILER_ARGS>>,<<deliver $u>>)dnl
define(<<confTO_IDENT>>,<<0>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
FEATURE(<<no_default_msa>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
`

// Arena runs a shell script in a private world (arena.sh of the shared folder) in which $SM is the original with a
// plain configuration; the script begins in the queue directory. prepare may put files into the world's folder first.
// It returns that folder, which holds spool/mqueue, mail and log, and what the script printed. Without root, namespaces
// or the original the test is skipped.
func Arena(t *testing.T, script string, prepare func(dir string)) (dir, out string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for a private world")
	}
	shared := Shared(t)
	dir = t.TempDir()
	for d := dir; d != "/" && d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) { // its users must reach their files
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, "deliver", "#!/bin/sh\nfor u; do :; done\ncat > "+dir+"/mail/got.$u\n", 0o755)
	put(t, dir, "etc/mail/aliases", "postmaster: root\nMAILER-DAEMON: postmaster\n"+
		"list: :include:/etc/mail/list, bob\npipe: \"|/bin/cat > /dev/null\", bob\n", 0o644)
	put(t, dir, "etc/mail/list", "carol, x@remote.test\n\"|/bin/false\"\n", 0o644)
	m4 := M4(t)
	m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", Tree(t), "@DIR@", dir).Replace(arenaMC))
	cf, err := m4.Output()
	if err != nil {
		t.Fatalf("m4: %v", err)
	}
	put(t, dir, "o.cf", string(cf), 0o644)
	sm := Command(t, "usr/libexec/sendmail/sendmail", "-C", dir+"/o.cf") // the arena has a host name
	env := ""
	for _, v := range sm.Env {
		if strings.HasPrefix(v, "LD_LIBRARY_PATH=") {
			env = "export " + v + "\n"
		}
	}
	put(t, dir, "script", env+"SM=\""+strings.Join(sm.Args, " ")+"\"\ncd $ARENA/spool/mqueue\n$SM -bi >/dev/null\n"+script, 0o755)
	if prepare != nil {
		prepare(dir)
	}
	return dir, enter(t, filepath.Join(shared, "arena/arena.sh"), dir)
}

func put(t *testing.T, dir, name, text string, perm os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
}

// enter runs the script of a world.
func enter(t *testing.T, program, dir string) string {
	t.Helper()
	run := exec.Command("bash", program, "-w", dir, "bash", dir+"/script")
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		if strings.Contains(stderr.String(), "unshare") {
			t.Skipf("no private world here: %s", stderr.String())
		}
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("in the world:\n%s", stderr.String())
		}
	})
	return string(out)
}
