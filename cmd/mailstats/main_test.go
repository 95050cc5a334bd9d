package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/mailstat"
	"gosendmail/internal/oracletest"
)

const config = `V10/Berkeley
O StatusFile=DIR/statistics
Mlocal, P=/bin/cat, F=l, A=cat
Mprog, P=/bin/sh, F=l, A=sh
Mzebra, P=/bin/cat, F=l, A=cat
`

// layOut makes a configuration and two files of statistics; the second has more in it.
func layOut(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f := mailstat.File{Since: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	f.Accepted, f.Made, f.Refused = 3, 2, 1
	f.From[1], f.FromKB[1], f.To[3], f.ToKB[3] = 5, 9, 6, 10
	files := map[string][]byte{"sendmail.cf": []byte(strings.ReplaceAll(config, "DIR", dir)), "statistics": f.Bytes()}
	f.To[3] = 777
	files["other"] = f.Bytes()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// invoke runs the program; DIR stands for the folder in arguments and in what comes back.
func invoke(dir string, args ...string) string {
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	var out bytes.Buffer
	run(args, &out, &out)
	return strings.ReplaceAll(out.String(), dir, "DIR")
}

// TestFlags: what each flag prints that is not there without it.
func TestFlags(t *testing.T) {
	dir := layOut(t)
	usual := invoke(dir, "-C", "DIR/sendmail.cf")
	for _, c := range []struct {
		flag       string
		args       []string
		want, miss string // expressions
	}{
		{"-C file", []string{"-C", "DIR/none"}, `^mailstats: DIR/none: No such file or directory\n$`, "local"},
		{"-f file", []string{"-C", "DIR/sendmail.cf", "-f", "DIR/other"}, ` 777 `, ""},
		{"-o", []string{"-C", "DIR/sendmail.cf", "-o"}, "", "local"},
		{"-P", []string{"-C", "DIR/sendmail.cf", "-P"}, `(?m)^\d+ \d+\n`, "msgsfr"},
		{"-p", []string{"-C", "DIR/sendmail.cf", "-p"}, `(?m)^\d+ \d+\n`, "msgsfr"},
	} {
		got := invoke(dir, c.args...)
		if c.want != "" && (!regexp.MustCompile(c.want).MatchString(got) || regexp.MustCompile(c.want).MatchString(usual)) {
			t.Errorf("%s: no %q in\n%s\nor also without it, in\n%s", c.flag, c.want, got, usual)
		}
		if c.miss != "" && (strings.Contains(got, c.miss) || !strings.Contains(usual, c.miss)) {
			t.Errorf("%s: %q in\n%s\nor not without it, in\n%s", c.flag, c.miss, got, usual)
		}
		if st, err := os.Stat(filepath.Join(dir, "statistics")); err != nil || (st.Size() == 0) != (c.flag == "-p") {
			t.Errorf("%s: the file has %d bytes now (%v)", c.flag, st.Size(), err)
		}
	}
	if c := invoke(dir, "-c"); c != invoke(dir, "-C", submitConfig) || c == invoke(dir) {
		t.Errorf("-c: %s", c)
	}
}

// TestLikeOriginal holds what is printed beside the original's program.
func TestLikeOriginal(t *testing.T) {
	dir := layOut(t)
	now := regexp.MustCompile(`\d\d:\d\d:\d\d|\b1[78]\d{8}\b`)
	for _, args := range [][]string{{}, {"-f", "DIR/other"}, {"-o"}, {"-P"}, {"-P", "-o"}, {"-f", "DIR/none"}, {"-x"},
		{"word"}, {"-p"}, {}} {
		args = append([]string{"-C", dir + "/sendmail.cf"}, args...)
		got := invoke(dir, args...)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "DIR", dir)
		}
		statistics, err := os.ReadFile(filepath.Join(dir, "statistics"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := oracletest.Command(t, "usr/libexec/sendmail/mailstats", args...)
		out, _ := cmd.CombinedOutput()
		want := strings.ReplaceAll(strings.ReplaceAll(string(out), cmd.Path, "mailstats"), dir, "DIR")
		if len(statistics) > 0 && now.ReplaceAllString(got, "TIME") != now.ReplaceAllString(want, "TIME") {
			t.Errorf("%v:\nours:\n%s\noriginal:\n%s", args, got, want)
		}
	}
}
