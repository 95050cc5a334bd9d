package main

import (
	"bytes"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestLikeOriginal runs the same commands in both programs, each on a file of its own, and compares messages, exit
// codes and what is found afterwards.
func TestLikeOriginal(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for _, line := range []string{
		"-q hash x a", "-u hash x A one", "-q hash x a", "-q hash x A", "-q -f hash x A", "-u -f hash x A two", "-q -f hash x A", "-u hash x a three", "-q hash x a",
		"-u hash x b v", "-x hash x a", "-x hash x a", "-q hash x a", "-q hash x b", "-u -N hash x n nul", "-q -N hash x n", "-q hash x n",
		"-u implicit x i v", "-q implicit x i", "-q hash x i", "-x implicit x i", "hash x a", "-q hash x", "-q", "-u hash x a", "-q foo x a", "-q hash none a", "-u -q hash x a b", "-z", "-x hash x a b",
	} {
		args := append([]string{"-C", "/dev/null"}, strings.Fields(line)...)
		cmd := oracletest.Command(t, "usr/libexec/sendmail/editmap", args...)
		cmd.Dir = dirs[0]
		want, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		t.Chdir(dirs[1])
		var out bytes.Buffer
		code := run(args, &out, &out)
		text := strings.ReplaceAll(string(want), cmd.Path, "editmap")
		if code != cmd.ProcessState.ExitCode() || out.String() != text {
			t.Errorf("editmap %s\n ours:     %d %q\n original: %d %q", line, code, out.String(), cmd.ProcessState.ExitCode(), text)
		}
	}
}
