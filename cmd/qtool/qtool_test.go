package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
)

func call(t *testing.T, root string, args ...string) (exit int, out string) {
	t.Helper()
	var b bytes.Buffer
	exit = run(t.Context(), append([]string{"-C", root + "/cf"}, args...), "/bin/false", &b)
	return exit, strings.ReplaceAll(b.String(), root, "ROOT")
}

func has(root, name string) bool {
	_, err := os.Lstat(filepath.Join(root, name))
	return err == nil
}

// TestLocked leaves alone what a server works on, for a move, which the original does too, and for a delete.
func TestLocked(t *testing.T) {
	for _, args := range [][]string{{"ROOT/q2", "ROOT/q1/aaa"}, {"-d", "ROOT/q1/aaa"}} {
		root := lay(t)
		f, err := os.OpenFile(root+"/q1/qfaaa", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := safefile.Lock(f, safefile.Exclusive); err != nil {
			t.Fatal(err)
		}
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "ROOT", root)
		}
		exit, out := call(t, root, args...)
		if exit != status.TempFail || !strings.HasPrefix(out, "Could not obtain lock on 'ROOT/q1/qfaaa': ") || !has(root, "q1/qfaaa") || !has(root, "q1/dfaaa") || has(root, "q2/dfaaa") {
			t.Errorf("%q: %d %s", args, exit, out)
		}
	}
}

// TestDataElsewhere moves a message whose data file a line d places in another directory: the original leaves the line,
// and the message is lost.
func TestDataElsewhere(t *testing.T) {
	root := lay(t)
	for _, d := range []string{root + "/q2", "q2"} {
		if err := os.WriteFile(root+"/q1/qfxxx", []byte("V8\nI1/2/3\nd"+d+"\nSx@y\n.\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+"/q2/dfxxx", []byte("far\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		if exit, out := call(t, root, root+"/q4", root+"/q1/xxx"); exit != status.OK || out != "" {
			t.Fatalf("%d %s", exit, out)
		}
		text, err := os.ReadFile(root + "/q4/qf/qfxxx")
		if err != nil || string(text) != "V8\nSx@y\n.\n" || has(root, "q1/qfxxx") || has(root, "q2/dfxxx") || has(root, "q4/qf/tfxxx") {
			t.Errorf("%q %v", text, err)
		}
		if text, err := os.ReadFile(root + "/q4/df/dfxxx"); err != nil || string(text) != "far\n" {
			t.Errorf("%q %v", text, err)
		}
		os.Remove(root + "/q4/qf/qfxxx")
		os.Remove(root + "/q4/df/dfxxx")
	}
}

// TestOtherFileSystem copies where files cannot be renamed.
func TestOtherFileSystem(t *testing.T) {
	root := lay(t)
	to, err := os.MkdirTemp("/dev/shm", "qtool")
	if err != nil {
		t.Skipf("another file system than that of the temporary folder is needed: %v", err)
	}
	defer os.RemoveAll(to)
	want, err := os.ReadFile(root + "/q1/qfaaa")
	if err != nil {
		t.Fatal(err)
	}
	if exit, out := call(t, root, to, root+"/q1/aaa"); exit != status.OK || out != "" {
		t.Fatalf("%d %s", exit, out)
	}
	got, err := os.ReadFile(to + "/qfaaa")
	if err != nil || !bytes.Equal(got, want) || has(root, "q1/qfaaa") || has(root, "q1/dfaaa") || !has(to, "dfaaa") || has(to, "tfaaa") {
		t.Errorf("%q %v", got, err)
	}
}

// TestLinks follows none: who can write to a queue could name any file.
func TestLinks(t *testing.T) {
	root := lay(t)
	if err := os.WriteFile(root+"/secret", []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(root + "/q1/dfaaa")
	if err := os.Symlink(root+"/secret", root+"/q1/dfaaa"); err != nil {
		t.Fatal(err)
	}
	if exit, out := call(t, root, root+"/q2", root+"/q1/aaa"); exit != status.TempFail || !has(root, "q1/qfaaa") || has(root, "q2/dfaaa") {
		t.Errorf("%d %s", exit, out)
	}
	if err := os.Symlink(root+"/q1/qfbbb", root+"/q1/qflll"); err != nil {
		t.Fatal(err)
	}
	if exit, out := call(t, root, "-d", root+"/q1/lll"); exit != status.NoInput || !has(root, "q1/qfbbb") {
		t.Errorf("%d %s", exit, out)
	}
}

// TestExpressions refuses what it does not evaluate, without touching a message.
func TestExpressions(t *testing.T) {
	for _, e := range []string{"", "1", "system('rm -rf /')", "$msg{nothing} == 1", "$msg{sender", "$msg{sender} =", "$msg{sender} == 'x'", "$msg{sender} eq $x", `$msg{sender} eq "$x"`, "$msg{headers}",
		"$msg{sender}{x}", "$msg{sender} =~ /(/", "$msg{sender} =~ x", "($msg{sender}", "$msg{sender} eq 'a' 'b'", "$msg{sender} eq 'a' &&"} {
		root := lay(t)
		if exit, out := call(t, root, "-d", "-e", e, root+"/q1"); exit != status.Usage || !has(root, "q1/qfaaa") {
			t.Errorf("%q: %d %s", e, exit, out)
		}
	}
	for e, want := range map[string]bool{"$msg{sender} eq 'sender0@a.test'": true, `$msg{sender} ne "someone"`: true, "$msg{recipient} =~ /second/": true, "$msg{id} lt 'b'": true,
		"$msg{headers}{subject} =~ m/FOLDED/i": true, "$msg{body_size} <= 9": true, "$msg{body_size} <= 8": false, "!$msg{auth}": true, "$msg{control_last_mod_time} > 1700000000": true} {
		root := lay(t)
		if exit, out := call(t, root, "-d", "-e", e, root+"/q1/aaa"); exit != status.OK || has(root, "q1/qfaaa") == want {
			t.Errorf("%q: %d %s", e, exit, out)
		}
	}
}

// TestBounce hands the message to sendmail.
func TestBounce(t *testing.T) {
	root := lay(t)
	stub := root + "/sendmail"
	if err := os.WriteFile(stub, []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{"-b": "-qIaaa -O Timeout.queuereturn=now -CROOT/cf\n-qIbbb -O Timeout.queuereturn=now -CROOT/cf\n-qIccc -O Timeout.queuereturn=now -CROOT/cf\n",
		"-bQ": "-qIhhh -O Timeout.queuereturn=now -CROOT/cf -qQ\n"} {
		var out bytes.Buffer
		if exit := run(t.Context(), []string{"-C", root + "/cf", flag, root + "/q1"}, stub, &out); exit != status.OK || strings.ReplaceAll(out.String(), root, "ROOT") != want {
			t.Errorf("%s: %d %s", flag, exit, out.String())
		}
	}
	if exit, _ := call(t, root, "-b", root+"/q1"); exit != status.TempFail {
		t.Errorf("sendmail failed, and the exit status is %d", exit)
	}
}
