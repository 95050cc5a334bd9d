package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestRestrict looks at what the shell would be given.
func TestRestrict(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	for _, c := range []struct{ command, line, told string }{
		{"show", "DIR/show", ""},
		{" /usr/bin/show 'a b' \"c\"", "DIR/show 'a b' \"c\"", ""},
		{"~root/show ~", "DIR/show ~", ""},
		{"exec\t../show x", "exec DIR/show x", ""},
		{"show x || exit 75", "DIR/show x ||exit 75", ""},
		{"exec show&&tolink", "", `"show&&tolink" not available for sendmail programs (stat failed)`},
		{"show a&&\n /x/tolink", "DIR/show a&&DIR/tolink", ""},
		{"show || /bin/sh", "", `"sh" not available for sendmail programs (stat failed)`},
		{"exec exec show", "", `"exec" not available for sendmail programs (stat failed)`},
		{"exec ", "", "missing command to exec"},
		{"plain", "", `"plain" not available for sendmail programs`},
		{"dangling", "", `"dangling" not available for sendmail programs (stat failed)`},
		{"todir", "", `"todir" not available for sendmail programs (not a file)`},
		{"..", "", `".." not available for sendmail programs (not a file)`},
		{"A=b show", "", `"A=b" not available for sendmail programs (stat failed)`},
		{"show " + strings.Repeat("x", maxCommand), "", "command too long: show " + strings.Repeat("x", maxCommand)},
	} {
		line, r := restrict(dir, c.command)
		told := ""
		if r != nil {
			told = r.told
		}
		if strings.ReplaceAll(line, dir, "DIR") != c.line || told != c.told {
			t.Errorf("restrict %q: %q, %q", c.command, line, told)
		}
	}
	for _, c := range special {
		for _, quote := range []string{"", "'", `"`, `\`} {
			if line, r := restrict(dir, "show "+quote+string(c)+quote); r == nil {
				t.Errorf("%q in quotes %q gives %q", c, quote, line)
			}
		}
	}
}

// FuzzRestrict looks for a line on which the shell would find more than programs of the folder, their arguments, && and
// ||.
func FuzzRestrict(f *testing.F) {
	dir := f.TempDir()
	f.Add("show || exit 75")
	f.Add("exec show 'a' && echo x")
	f.Fuzz(func(t *testing.T, command string) {
		line, r := restrict(dir, command)
		if r != nil {
			return
		}
		for part := range strings.SplitSeq(strings.ReplaceAll(line, "&&", "||"), "||") {
			if strings.ContainsAny(part, special) {
				t.Fatalf("%q gives %q", command, line)
			}
			words := strings.Fields(part)
			if len(words) > 0 && words[0] == "exec" {
				words = words[1:]
			}
			if len(words) > 0 && words[0] != "echo" && words[0] != "exit" { // nothing else is in this folder
				t.Fatalf("%q gives %q", command, line)
			}
		}
	})
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"smrsh"}, {"smrsh", "-c"}, {"smrsh", "-c", " "}, {"smrsh", "-x", "show"}, {"smrsh", "-c", "a", "b"}} {
		var told bytes.Buffer
		if code := run(args, &told); code != 64 || told.String() != "Usage: smrsh -c command\n" {
			t.Errorf("%q: %d %q", args, code, told.String())
		}
	}
}
