package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestLikeOriginal prints alias databases of the original's newaliases with the original's praliases and with ours.
func TestLikeOriginal(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("aliases", "postmaster: root\nRoot: admin, \"|/bin/prog arg\"\nlist: :include:/etc/list\nowner-list: root\nx: /var/mail/x\n")
	put("other", "second: a@b.test\nroot: nobody\n")
	const rest = "O DontBlameSendmail=MapInUnsafeDirPath,GroupWritableDirPathSafe\nO QueueDirectory=/tmp\nMlocal, P=/bin/true, F=lsAw5, A=true\nS0\nR$*\t$#local $: $1\n"
	cf := put("x.cf", "V10\nO AliasFile="+dir+"/aliases, hash:"+dir+"/other\n"+rest)
	missing := put("missing.cf", "V10\nO AliasFile="+dir+"/aliases,nis:mail.aliases, "+dir+"/none\n"+rest)
	old := put("old.cf", "V10\nOA"+dir+"/other\n"+rest)
	if out, err := oracletest.Sendmail(t, "-C", cf, "-bi").CombinedOutput(); err != nil {
		t.Fatalf("newaliases: %v: %s", err, out)
	}
	for _, args := range [][]string{
		{"-C", cf}, {"-C", cf, "root"}, {"-C", cf, "Root", "nobody", "list"}, {"-C", cf, "@"}, {"-C", old}, {"-C", missing},
		{"-f", dir + "/aliases"}, {"-f", dir + "/other.db", "second"}, {"-f", dir + "/none"}, {"-C", dir + "/none.cf"}, {"-y"}, {"-C", cf, "-f", dir + "/other"},
	} {
		cmd := oracletest.Command(t, "usr/libexec/sendmail/praliases", args...)
		var want, wantErr, got, gotErr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &want, &wantErr
		cmd.Run()
		code := run(args, &got, &gotErr)
		told := strings.ReplaceAll(warning.ReplaceAllString(wantErr.String(), ""), cmd.Path+":", "praliases:")
		// The original opens a file that is not there as each of its types, and complains about the last.
		told = strings.ReplaceAll(told, "Unknown database type", "No such file or directory")
		if code != cmd.ProcessState.ExitCode() || sorted(got.String()) != sorted(want.String()) || gotErr.String() != told {
			t.Errorf("praliases %q\n ours:     %d %q %q\n original: %d %q %q", args, code, got.String(), gotErr.String(), cmd.ProcessState.ExitCode(), want.String(), told)
		}
	}
}

var warning = regexp.MustCompile(`(?m)^WARNING: World writable directory .*\n`)

// sorted orders lines: the order of records in a file is the file's own.
func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
