package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

// lay makes a root of queues: q1 and q2 plain, q3 with subdirectories, and a message whose data file a line d places
// elsewhere.
func lay(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range []string{"aaa", "bbb", "ccc"} {
		write("q1/qf"+id, fmt.Sprintf("V8\nT1700000000\nK0\nN%d\nP3000%d\nMDeferred\nFs8\n$_x\nSsender%d@a.test\nRPFD:r%d@b.test\nRPFD:second@c.test\n"+
			"H?P?Return-Path: <g>\nH??Subject: about %s\n\tfolded\n.\n", i, i, i, i, id))
		write("q1/df"+id, "body "+id+"\n")
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(root, "q1/dfaaa"), old, old); err != nil {
		t.Fatal(err)
	}
	write("q1/hfhhh", "V8\nSx@y\nqbecause\n.\n")
	write("q1/dfhhh", "held\n")
	write("q2/qfccc", "V8\n.\n")
	write("q2/dfccc", "other\n")
	write("q3/qf/qfddd", "V8\nN7\nSx@y\n.\n")
	write("q3/df/dfddd", "deep\n")
	write("q4/qf/x", "")
	write("q4/df/x", "")
	write("cf", "V10/Berkeley\nO QueueDirectory="+root+"/q*\n")
	write("cfgroups", "V10/Berkeley\nO QueueDirectory="+root+"/q*\nQa, P="+root+"/q1\n")
	return root
}

// tree is all that is below a root, and what a program printed, in the order of its lines.
func tree(t *testing.T, root string, out []byte) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %q\n", path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "1" }) // the script prints what its print returned
	slices.Sort(lines)
	return strings.ReplaceAll(b.String()+strings.Join(lines, "\n"), root, "ROOT")
}

// calls are command lines for both programs; ROOT stands for the folder of the queues.
var calls = [][]string{
	{"ROOT/q2", "ROOT/q1/aaa"}, {"ROOT/q2", "ROOT/q1/qfaaa", "ROOT/q1/bbb"}, {"ROOT/q2", "ROOT/q1"}, {"ROOT/q2", "ROOT/q1/ccc"}, {"ROOT/q2", "ROOT/q1/dfbbb"},
	{"-Q", "ROOT/q2", "ROOT/q1"}, {"-Q", "ROOT/q2", "ROOT/q1/hhh"}, {"ROOT/q2", "ROOT/q3"}, {"ROOT/q4", "ROOT/q3"}, {"ROOT/q4", "ROOT/q1/aaa"}, {"ROOT/q2", "ROOT/q3/ddd"},
	{"-d", "ROOT/q1/aaa"}, {"-d", "ROOT/q1"}, {"-d", "-Q", "ROOT/q1"}, {"-d", "ROOT/q3"}, {"-s", "600", "ROOT/q2", "ROOT/q1"}, {"-s", "36000", "ROOT/q2", "ROOT/q1"},
	{"-d", "-s", "600", "ROOT/q1"}, {"ROOT/q2"}, {"ROOT/q2", "ROOT/q1/nothing"}, {"-d", "ROOT/none/x"}, {"-b"},
	{"-e", "$msg{num_delivery_attempts} >= 2", "ROOT/q2", "ROOT/q1"}, {"-e", "$msg{num_delivery_attempts} == 1", "ROOT/q2", "ROOT/q1"},
	{"-e", "$msg{sender} =~ /sender[01]/ && !($msg{num_delivery_attempts} > 0)", "ROOT/q2", "ROOT/q1"}, {"-e", "$msg{body_size} > 9 or $msg{priority} < 30001", "-d", "ROOT/q1"},
	{"-e", "$msg{sender} !~ /SENDER1/i", "-d", "ROOT/q1"}, {"-e", "$msg{auth}", "-d", "ROOT/q1"}, {"-e", "not $msg{auth} and $msg{num_delivery_attempts} != 2", "-d", "ROOT/q1"},
	{"-e", "$msg{headers}{Subject} =~ /bbb/", "-d", "ROOT/q1"}, {"-e", "$msg{headers}->{'Subject'} =~ /c+/", "-d", "ROOT/q1"}, {"-e", "$msg{control_size} > 100000", "-d", "ROOT/q1"},
}

// TestLikeOriginal moves and deletes messages with the original's script and with ours, in the same queues.
func TestLikeOriginal(t *testing.T) {
	script := filepath.Join(oracletest.Root(t), "usr/share/sendmail/qtool.pl")
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skipf("the original's qtool is a Perl script: %v", err)
	}
	for config, list := range map[string][][]string{"cf": calls, "cfgroups": calls[:1]} {
		for _, call := range list {
			outcome := func(ours bool) string {
				root := lay(t)
				args := []string{"-C", root + "/" + config}
				for _, a := range call {
					args = append(args, strings.ReplaceAll(a, "ROOT", root))
				}
				var out bytes.Buffer
				if ours {
					run(t.Context(), args, "/bin/false", &out)
				} else {
					cmd := exec.Command("perl", append([]string{script}, args...)...)
					cmd.Stdout = &out
					if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
						t.Fatal(err)
					}
				}
				return tree(t, root, out.Bytes())
			}
			if got, want := outcome(true), outcome(false); got != want {
				t.Errorf("%s %q\nours:\n%s\n\noriginal:\n%s", config, call, got, want)
			}
		}
	}
}
