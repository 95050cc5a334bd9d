package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// What GNU m4 does not have, or what is refused here.
func TestOwnFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.m4", []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loop := "define(`f',`x f')f"
	for _, c := range []struct {
		name, stdin, args string
		want              result
	}{
		{"freeze", "", "-F x a.m4", result{"", "m4: -F: frozen state files are not supported\n", 1}},
		{"reload", "", "--reload-state=x a.m4", result{"", "m4: --reload-state: frozen state files are not supported\n", 1}},
		{"changeword is no builtin", "changeword(`x')", "", result{"changeword(x)", "", 0}},
		{"word regexp", "", "-W x", result{"", "m4: invalid option -- 'W'\nTry `m4 --help' for more information.\n", 1}},
		{"steps", loop, "--budget-steps=10", result{"x x x x x x x x x ",
			"m4:stdin:1: budget of 10 steps exceeded: does a macro call itself for ever?\n", 1}},
		{"output", loop, "--budget-output=7", result{"x x x x ", "m4:stdin:1: budget of 7 bytes of output exceeded\n", 1}},
		{"bad budget", "", "--budget-memory=none", result{"", "m4: --budget-memory: not a positive number: `none'\n", 1}},
		{"no shell", "syscmd(`echo x')", "--no-shell",
			result{"", "m4:stdin:1: syscmd is not allowed here: macro files may neither run programs nor create files\n", 1}},
		{"endless file", "include(`/dev/zero')", "", result{"", "m4:stdin:1: cannot open `/dev/zero': File too large\n", 1}},
		{"debug file", "", "--debugfile=nowhere/log a.m4", result{"a\n", "m4: cannot set debug file `nowhere/log': No such file or directory\n", 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := runOurs(c.stdin, strings.Fields(c.args)...); got != c.want {
				t.Errorf("m4 %s\n=== got %v\n=== want %v", c.args, got, c.want)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	help := runOurs("", "--help")
	for _, o := range optionTable() {
		if len(o.long) > 0 && !strings.Contains("error-output reload-state freeze-state diversions", o.long[0]) && !strings.Contains(help.stdout, "--"+o.long[0]) {
			t.Errorf("--help does not name --%s", o.long[0])
		}
	}
	if v := runOurs("", "--version"); !strings.Contains(v.stdout, "1.4.19") || v.status != 0 {
		t.Errorf("--version: %v", v)
	}
}

// The variable M4PATH names folders after those of -I.
func TestM4Path(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"one", "two"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/f.m4", []byte(dir+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs strings.Builder
	c := &command{program: "m4", stdin: strings.NewReader("include(`f.m4')"), stdout: &out, stderr: &errs, m4path: "two:one"}
	if status := c.run(nil); status != 0 || out.String() != "two\n" {
		t.Errorf("status %d, output %q, %q", status, out.String(), errs.String())
	}
	out.Reset()
	c = &command{program: "m4", stdin: strings.NewReader("include(`f.m4')"), stdout: &out, stderr: &errs, m4path: "two"}
	if status := c.run([]string{"-Ione"}); status != 0 || out.String() != "one\n" {
		t.Errorf("status %d, output %q, %q", status, out.String(), errs.String())
	}
}

// badWriter fails, as a full disk does.
type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteError(t *testing.T) {
	var errs strings.Builder
	c := &command{program: "m4", stdin: strings.NewReader("text"), stdout: badWriter{}, stderr: &errs}
	if status := c.run(nil); status != 1 || errs.String() != "m4: write error: no space left\n" {
		t.Errorf("status %d, %q", status, errs.String())
	}
}
