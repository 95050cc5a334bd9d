package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/maillog"
	"gosendmail/internal/oracletest"
)

// commands are those that somebody thought of: every special character in every place, names, links, lengths.
func commands() (list []string) {
	for _, s := range strings.Split("~*?[]{}#!=%@:,+\"'\\\x01\x0b\x80-./ \t", "") {
		list = append(list, "show"+s, "show "+s+"a", s+"show", "exec "+s+"show")
	}
	for _, s := range strings.Split(special, "") {
		list = append(list, "show"+s, "show "+s, "show a"+s+"b", s+"show", s+" show", "show '"+s+"'", "show \""+s+"\"", "show \\"+s,
			"show "+s+" show", "show "+s+s+" show", "show "+s+s+s+" show", "show"+s+s+"show", "exec "+s+"show", "echo "+s, "exit "+s, "exit"+s+"show")
	}
	for _, n := range []int{256, 954, 955, 967, 968, 972, 973, 977, 978, 982, 983, 984, 5000} {
		x := strings.Repeat("x", n)
		list = append(list, x, "show "+x, "/"+x+"/show", "exec "+x, "exec show "+x, "echo "+x, "show || echo "+x, "show "+x+" || show")
	}
	return append(list, "", " ", "show", " show", "\nshow", "/usr/bin/show a", "/any/where/show \"a b\" c", "../show", "./show", "show/", "/", "//",
		"exec show a", "exec /x/y/show a", "exec", "exec ", "exec\t", "exec exec show", "show\t/$x", "exec\tshow\ta\t$x", "show\ta\t&& \tshow\tb\t;", "exec exit 3", "exec echo hi", "exec /bin/echo hi", "/bin/echo hi", "/bin/exit 3",
		"exit", "exit 3", "exit 3 || show", "show || exit 75", "fail || exit 75", "fail && show", "fail && show || exit 5", "fail || fail || show",
		"show && exec show", "exec show && exec show", "show || /bin/sh", "show && /bin/sh -c id", "show ||", "show && ", "show || || show", "|| show",
		"plain", "dir", "dangling", "tolink", "todir", "nothere", "/etc/mail/smrsh/show", "~/show", "~root/show", "show ~ ~root",
		"FOO=bar show", "if show", "cd /", "set", ". show", "eval show", "test", "true", "EXEC show", "echoo", "execshow", "exit75",
		"show a && /x/bad b c || d", "show a  ||  /x/bad  b", "show *", "show [a-z]*", "show \"a", "show \\", "exit && show", "echo && show", "exec show || exec /bin/sh")
}

var fragments = []string{"show", "fail", "sh", "/bin/sh", "exec", "exit", "echo", "3", " ", " ", " ", " ", "\t", "&&", "||", " && ", " || ", "&", "|", ";", "`", "$", "$(", ")",
	"<", ">", "\n", "\r", "'", "\"", "\\", "~", "*", "..", "/", "./", "x", "a=b", "dangling", "tolink", "-c", "#", "^", "plain"}

// stricter are commands that only ours refuses: the original leaves it to the shell whether exec can begin exec or exit.
var stricter = regexp.MustCompile(`exec\s+(exec|exit)`)

// TestLikeOriginal gives the same commands to the original and to ours.
func TestLikeOriginal(t *testing.T) {
	dir, inside := oracletest.Inside(t, nil)
	if !inside {
		return
	}
	fill(t, folder)
	list := commands()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	random := 100
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		random = 2000
	}
	for range random {
		c := ""
		for range 1 + r.IntN(9) {
			c += fragments[r.IntN(len(fragments))]
		}
		list = append(list, c)
	}
	args := [][]string{{}, {"-c"}, {"-x", "show"}, {"show"}, {"-c", "show", "b"}, {"--", "show"}, {"-cshow"}, {"-i", "-c", "show"}, {"-C", "show"}, {"-c", "-c"}}
	for _, c := range list {
		args = append(args, []string{"-c", c})
	}
	ours := oracletest.Build(t, "smrsh")
	oracletest.Log(t, dir)
	differ := 0
	for _, a := range args {
		if len(a) > 0 && stricter.MatchString(a[len(a)-1]) {
			continue
		}
		want, log := outcome(t, dir, oracletest.Command(t, "usr/libexec/sendmail/smrsh", a...))
		want += maillog.Printable(strings.TrimSuffix(log, "\n")) // the original leaves it to the log what to do with newlines
		got, log := outcome(t, dir, exec.Command(ours, a...))
		got += strings.TrimSuffix(strings.TrimSuffix(log, "\n"), `\n`)
		if got, want = behindExec.ReplaceAllString(got, "$1"), behindExec.ReplaceAllString(want, "$1"); got != want {
			if differ++; differ < 20 {
				t.Errorf("smrsh %.60q (%d)\nours:\n%s\noriginal:\n%s", a, len(strings.Join(a, "")), got, want)
			}
		}
	}
	t.Logf("%d command lines, %d differ", len(args), differ)
}

// behindExec is what the original does not log of a command that it refuses.
var behindExec = regexp.MustCompile(`(?s)(attempt to use . in command: .*?\bexec)\b.*`)

// fill makes a folder of programs and of what is none.
func fill(t *testing.T, dir string) {
	t.Helper()
	put := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	put("show", "#!/bin/sh\necho \"$0 $#\"\nfor a; do echo \"<$a>\"; done\ntr '\\0' '\\n' </proc/self/environ\n", 0o755)
	put("fail", "#!/bin/sh\nexit 3\n", 0o755)
	put("plain", "#!/bin/sh\necho not me\n", 0o644)
	for link, to := range map[string]string{"dangling": "/nonexistent", "tolink": "show", "todir": "/tmp"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome runs a command with an environment that somebody prepared to be nasty, and returns all that came of it.
func outcome(t *testing.T, dir string, cmd *exec.Cmd) (result, log string) {
	t.Helper()
	var out, errout bytes.Buffer
	name := cmd.Args[0]
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errout, folder
	cmd.Env = append(cmd.Env, "IFS=o", "ENV=/tmp/x", "BASH_ENV=/tmp/y", "HOME=/home/alice", "PATH=/tmp/evil", "SHELLOPTS=xtrace", "X=() { :; }; echo bad")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	result = fmt.Sprintf("%d\n%s\n%s\n", cmd.ProcessState.ExitCode(), out.String(), strings.ReplaceAll(errout.String(), name, "smrsh"))
	if cmd.ProcessState.ExitCode() >= 64 { // others log nothing, or the next one shows it
		log = oracletest.Log(t, dir)
	}
	return result, log
}
