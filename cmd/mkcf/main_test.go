package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = "OSTYPE(`linux')dnl\nFEATURE(`drac')dnl\nMAILER(`smtp')dnl\n"

// invoke runs mkcf in a folder with the files given.
func invoke(t *testing.T, files map[string]string, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	status = (&command{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs}).run(args)
	return status, out.String(), errs.String()
}

func TestCommand(t *testing.T) {
	queue := t.TempDir()
	files := map[string]string{
		"classes.mc": "OSTYPE(`linux')\nFEATURE(`use_cw_file')\nFEATURE(`use_ct_file')\nMAILER(`smtp')\n",
		"good.mc":    good, "other.mc": good + "LOCAL_CONFIG\nCXy\nLOCAL_RULESETS\nSOwn\nR$*\t$: x\n", "wrong.mc": "OSTYPE(`linux')\nFEATURE(`dracc')\n",
		"mode.mc":  "define(`confDELIVERY_MODE', `zork')\n" + good,
		"order.mc": "OSTYPE(`linux')\nMAILER(`local')\nFEATURE(`drac')\n", "sub/feature/own.m4": "LOCAL_CONFIG\nCOwn\n", "own.mc": good + "FEATURE(`own')\n",
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stdout string // a part of it; "-" says that there is nothing
		stderr string
	}{
		{"compile", []string{"good.mc"}, 0, "\nKdrac hash /etc/mail/drac\n", "-"},
		{"standard input", []string{"-"}, 0, "\nKdrac hash /etc/mail/drac\n", "-"},
		{"define", []string{"-DconfTO_IDENT=3s", "-D", "MAIL_SETTINGS_DIR=/m/", "good.mc"}, 0, "\nKdrac hash /m/drac\n", "-"},
		{"undefine", []string{"-U", "len", "good.mc"}, 0, "Kdrac", ""},
		{"unknown feature", []string{"wrong.mc"}, 65, "Sparse=0", "wrong.mc:2:1: error: FEATURE(dracc) is not known (did you mean drac?)\n"},
		{"wrong order", []string{"order.mc"}, 0, "Sparse=0", "order.mc:3:1: error: FEATURE(drac) comes too late"},
		{"strict", []string{"--strict", "order.mc"}, 65, "Sparse=0", "order.mc:3:1: error: FEATURE(drac) comes too late"},
		{"own files", []string{"-I", "sub", "own.mc"}, 0, "\nCOwn\n", ""},
		{"no file", []string{"none.mc"}, 66, "-", "none.mc"},
		{"no argument", nil, 64, "-", "usage: mkcf"},
		{"unknown flag", []string{"-x", "y", "good.mc"}, 64, "-", "flag -x is not known"},
		{"flag of lint", []string{"--elsewhere", "good.mc"}, 64, "-", "flag --elsewhere is not known"},
		{"unknown long flag", []string{"--frob", "good.mc"}, 64, "-", "flag --frob is not known"},
		{"flag without value", []string{"-D"}, 64, "-", "flag -D needs a value"},
		{"lint good", []string{"lint", "-DQUEUE_DIR=" + queue, "good.mc"}, 0, "-", "-"},
		{"lint queue", []string{"lint", "-DQUEUE_DIR=/nowhere/q", "good.mc"}, 65, "-", "can not chdir(/nowhere/q/): No such file or directory\n"},
		{"lint for another host", []string{"lint", "--elsewhere", "-DQUEUE_DIR=/nowhere/q", "-DMAIL_SETTINGS_DIR=/nowhere/", "classes.mc"}, 1, "-",
			"classes.mc: line 2: fileclass: cannot open '/nowhere/local-host-names': No such file or directory (on this host)\n"},
		{"lint for another host, wrong", []string{"lint", "--elsewhere", "mode.mc"}, 65, "-", "Unknown delivery mode z"},
		{"lint class file", []string{"lint", "-DMAIL_SETTINGS_DIR=/nowhere/", "classes.mc"}, 65, "-",
			"classes.mc: line 2: fileclass: cannot open '/nowhere/local-host-names': No such file or directory\n" +
				"classes.mc: line 3: fileclass: cannot open '/nowhere/trusted-users': No such file or directory\n"},
		{"lint order", []string{"lint", "-DQUEUE_DIR=" + queue, "order.mc"}, 1, "-", "order.mc:3:1"},
		{"explain", []string{"explain", "Kdrac", "good.mc"}, 0, "\tfrom good.mc:2:1\n\twritten at library:feature/drac.m4:5:1\n\tby FEATURE at good.mc:2:1\n", "-"},
		{"explain number", []string{"explain", "1", "good.mc"}, 0, "1: ", "-"},
		{"explain nothing", []string{"explain", "no such text", "good.mc"}, 65, "-", "no line of the output"},
		{"explain usage", []string{"explain", "x"}, 64, "-", "needs a line and a file"},
		{"diff same", []string{"diff", "good.mc", "good.mc"}, 0, "-", "-"},
		{"diff", []string{"diff", "good.mc", "other.mc"}, 1, "+ CXy\nrule set Own\n+ R$*\t$: x\n", "-"},
		{"diff usage", []string{"diff", "good.mc"}, 64, "-", "diff needs two files, or -C and one .mc"},
		{"diff flag elsewhere", []string{"--ask=x", "good.mc"}, 64, "-", "flag --ask=x is not known"},
		{"diff flag without value", []string{"diff", "--ask", "good.mc", "good.mc"}, 64, "-", "flag --ask needs a value"},
		{"diff number", []string{"diff", "--probes=x", "good.mc", "good.mc"}, 64, "-", "flag --probes: x is no number"},
		{"diff silent", []string{"diff", "--ask=/bin/cat", "good.mc", "good.mc"}, 69, "-", "it does not answer as sendmail -bt does"},
		{"diff no file", []string{"diff", "good.mc", "none.cf"}, 66, "-", "none.cf"},
		{"reference", []string{"reference"}, 0, "| `access_db` |", "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := invoke(t, files, good, test.args...)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			for _, got := range [][2]string{{stdout, test.stdout}, {stderr, test.stderr}} {
				if got[1] == "-" && got[0] != "" || got[1] != "-" && !strings.Contains(got[0], got[1]) {
					t.Errorf("got %.300q, want %q", got[0], got[1])
				}
			}
		})
	}
}

// -o replaces a file whole, and leaves it alone when the input is wrong.
func TestOutputFile(t *testing.T) {
	files := map[string]string{"good.mc": good, "wrong.mc": "OSTYPE(`nix')\n", "out.cf": "old\n"}
	if status, _, stderr := invoke(t, files, "", "-o", "out.cf", "wrong.mc"); status != 65 || !strings.Contains(stderr, "out.cf is left as it was") {
		t.Errorf("status %d, %s", status, stderr)
	}
	if text, _ := os.ReadFile("out.cf"); string(text) != "old\n" {
		t.Errorf("out.cf holds %q", text)
	}
	if status, _, stderr := invoke(t, files, "", "-oout.cf", "good.mc"); status != 0 {
		t.Errorf("status %d, %s", status, stderr)
	}
	if text, _ := os.ReadFile("out.cf"); !strings.Contains(string(text), "Kdrac") {
		t.Error("out.cf is not replaced")
	}
	if status, _, _ := invoke(t, files, "", "-o", "no/such/out.cf", "good.mc"); status != 73 {
		t.Errorf("status %d for a folder that is not there", status)
	}
}
