package acceptance

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// wrongStarts are configurations with which nothing works, made of the plain one: lines to add, or a whole other state
// of things.
var wrongStarts = []struct {
	name, lines string
	prepare     func(t *testing.T, w world)
}{
	{"no file", "", func(t *testing.T, w world) { must(t, os.Remove(w.path("x.cf"))) }},
	{"a folder", "", func(t *testing.T, w world) {
		must(t, os.Remove(w.path("x.cf")))
		must(t, os.Mkdir(w.path("x.cf"), 0o755))
	}},
	{"unknown option", "O Zork=1", nil},
	{"delivery mode", "O DeliveryMode=zork", nil},
	{"unknown user", "O DefaultUser=nosuch", nil},
	{"class file", "F{x}/nonexistent/file", nil},
	{"map class", "Kx zork /etc/mail/x", nil},
	{"mailer", "Mx, A=x", nil},
	{"port", "O DaemonPortOptions=Port=nosuch", nil},
	{"queue folder", "O QueueDirectory=/nonexistent", nil},
	{"queue is a file", "O QueueDirectory=/etc/passwd", nil},
	{"two errors", "O Zork=1\nO Bork=2", nil},
}

// startModes are the ways in which the program is called; those that would go on are ended.
var startModes = []string{"-bd", "-bD", "-bs", "alice", "-t", "-bi", "newaliases", "-bp", "mailq", "-bv alice", "-q", "-qf", "-q1h", "-bt", "-bh", "-bH"}

// startOutcome is what a call left.
type startOutcome struct {
	code   int
	errors []string // that syslog has
}

// TestStartErrors: whatever keeps the program from working, in every mode, ends it with the status of the original and
// stands in syslog as SYSERR with the original's text.
func TestStartErrors(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {}, func(t *testing.T, w world) {
		original := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
		must(t, os.Mkdir(w.path("hoststat"), 0o755))
		for _, k := range wrongStarts {
			must(t, os.RemoveAll(w.path("x.cf")))
			write(t, w.path("x.cf"), strings.ReplaceAll(startConfig, "DIR", string(w))+k.lines+"\n")
			if k.prepare != nil {
				k.prepare(t, w)
			}
			for _, mode := range startModes {
				if strings.HasPrefix(k.name, "queue") && slices.Contains([]string{"-bi", "newaliases", "-bt", "-bh", "-bH"}, mode) {
					continue // these need no queue here
				}
				got, want := startOf(t, w, w.path("bin/sendmail"), nil, mode), startOf(t, w, original.Path, original.Env, mode)
				if got.code != want.code || !slices.Equal(got.errors, want.errors) {
					t.Errorf("%s, %s: %d %q, the original %d %q", k.name, mode, got.code, got.errors, want.code, want.errors)
				}
				if got.code == 0 || len(got.errors) == 0 {
					t.Errorf("%s, %s: no error: %d %q", k.name, mode, got.code, got.errors)
				}
			}
		}
	})
}

// queuePaths are places of a queue group.
var queuePaths = []string{"g, P=/run/out", "g, P=/var/spool/mqueue", "g, P=/var/spool/mqueue/sub",
	"g, P=/var/spool/mqueuex", "g, P=/var/spool/mqueue/../mq2", "g, P=/var/spool/mqueue/sub/..",
	"g, P=/var/spool/mqueue/link", "g, P=/var/spool/mqueue/missing", "g, P=/var/spool/mqueue/s*",
	"g, P=/var/spool/mqueue/zz*", "g, P=/var/spool/alias/sub", "g, P=/var/spool//mqueue/sub", "g, P=sub",
	"mqueue, P=/run/out", "mqueue, P=/var/spool/mqueue/sub"}

// TestQueuePathsAsTheOriginal: groups outside of QueueDirectory end the program in every mode but -bt, by the text of
// the path. Calls that need no queue here do not look at what is there.
func TestQueuePathsAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {}, func(t *testing.T, w world) {
		original := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
		must(t, os.Mkdir(w.path("hoststat"), 0o755))
		for _, dir := range []string{"/run/out", "/var/spool/mqueuex", "/var/spool/mq2", "/var/spool/mqueue/sub"} {
			must(t, os.Mkdir(dir, 0o700))
		}
		must(t, os.Symlink("/run/out", "/var/spool/mqueue/link"))
		must(t, os.Symlink("/var/spool/mqueue", "/var/spool/alias"))
		for _, path := range queuePaths {
			text := strings.ReplaceAll(startConfig, "DIR", string(w)) + "Q" + path + "\n"
			write(t, w.path("x.cf"), text)
			for _, mode := range []string{"-bs", "alice", "-bp", "-bv alice", "-q", "-bt", "-bH", "-bP"} {
				got := startOf(t, w, w.path("bin/sendmail"), nil, mode)
				want := startOf(t, w, original.Path, original.Env, mode)
				if strings.Contains(strings.Join(want.errors, ""), "opendir") && mode == "-bH" {
					want.code = 0 // which needs no queue here
				}
				if got.code != want.code || pathError(want.errors) != pathError(got.errors) {
					t.Errorf("Q%s, %s: %d %q, the original %d %q",
						path, mode, got.code, got.errors, want.code, want.errors)
				}
			}
		}
	})
}

// pathError is what errors say of the texts of queue paths, without what the system said before, which the original
// adds.
func pathError(errors []string) string {
	for _, e := range errors {
		if _, text, found := strings.Cut(e, "QueuePath "); found {
			text, _, _ = strings.Cut(text, ": ")
			return text
		}
	}
	return ""
}

const startConfig = `V10/Berkeley
Cwlocalhost
Djmail.example.test
DnMAILER-DAEMON
O QueueDirectory=/var/spool/mqueue
O AliasFile=/etc/mail/aliases
O PidFile=DIR/pid
O LogLevel=9
O HostStatusDirectory=DIR/hoststat
O DaemonPortOptions=Name=MTA, Addr=127.0.0.1, Port=2525
S0
R$*	$#local $: $1
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qPn9, S=0, R=0, A=true $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=0, R=0, A=sh -c $u
`

var sysErr = regexp.MustCompile(`NOQUEUE: (SYSERR\(\w+\): .*)`)

// startOf calls a program in one of the modes and returns what it left.
func startOf(t *testing.T, w world, program string, env []string, mode string) startOutcome {
	t.Helper()
	before := wholeLog(t, w)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-C", w.path("x.cf"))
	if strings.HasPrefix(mode, "-") || mode == "alice" {
		cmd.Args = append(cmd.Args, strings.Fields(mode)...)
	} else {
		cmd.Args[0] = mode
	}
	cmd.Env, cmd.WaitDelay, cmd.Stdin = env, time.Second, strings.NewReader("")
	_ = cmd.Run() // it is to fail
	o := startOutcome{code: cmd.ProcessState.ExitCode()}
	for _, m := range sysErr.FindAllStringSubmatch(strings.TrimPrefix(wholeLog(t, w), before), -1) {
		o.errors = append(o.errors, m[1])
	}
	return o
}
