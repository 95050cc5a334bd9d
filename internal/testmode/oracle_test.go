package testmode_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/mta"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/testmode"
)

// version is the original's, so that $v shows the same.
const version = "8.17.1.9"

// seedFile is a file of the seed's site, as the acceptance tests have it.
func seedFile(tb testing.TB, name string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("..", "acceptance", "testdata", "seed", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// seedSite makes the seed's configuration with the original's tree and its tables with the original's makemap.
func seedSite(tb testing.TB) (path string) {
	tb.Helper()
	tree := oracletest.Tree(tb)
	dir := tb.TempDir()
	mc := strings.NewReplacer("/etc/mail", dir, "solaris9", "solaris8").Replace(seedFile(tb, "sendmail.mc"))
	m4 := oracletest.M4(tb, "-D_CF_DIR_="+tree+"/", tree+"/m4/cf.m4", "-")
	m4.Stdin = strings.NewReader(mc)
	out, err := m4.Output()
	if err != nil {
		tb.Fatal(err)
	}
	path = write(tb, dir, "sendmail.cf", trusting(string(out), dir))
	for _, name := range []string{"virtuser-domains", "local-host-names"} {
		write(tb, dir, name, seedFile(tb, name))
	}
	for _, name := range []string{"access", "virtusertable", "mailertable", "drac"} {
		mk := oracletest.Command(tb, "usr/libexec/sendmail/makemap", "-C", path, "hash", filepath.Join(dir, name))
		if name != "drac" {
			mk.Stdin = strings.NewReader(seedFile(tb, name))
		}
		if msg, err := mk.CombinedOutput(); err != nil {
			tb.Fatalf("makemap %s: %v\n%s", name, err, msg)
		}
	}
	return path
}

// trusting moves a configuration into a folder and lets it trust that folder, which lies in a writable one.
func trusting(cf, dir string) string {
	return strings.Replace(strings.ReplaceAll(cf, "/etc/mail", dir), "V10/Berkeley\n",
		"V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath,ClassFileInUnsafeDirPath,LinkedMapInWritableDir\n", 1)
}

func write(tb testing.TB, dir, name, text string) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func load(tb testing.TB, path string) *mta.Site {
	tb.Helper()
	site, err := mta.Load(context.Background(), mta.LoadOptions{Path: path, Version: version, OpMode: 't'})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { site.Close() })
	return site
}

// compare runs the same commands through both.
func compare(t *testing.T, path, commands string) {
	t.Helper()
	original := oracletest.Sendmail(t, "-bt", "-C"+path)
	original.Stdin = strings.NewReader(commands)
	want, err := original.Output()
	if err != nil && original.ProcessState.ExitCode() < 0 {
		t.Fatal(err)
	}
	var got bytes.Buffer
	testmode.Run(context.Background(), load(t, path), strings.NewReader(commands), &got, testmode.Options{Login: "root@localhost"})
	if got.String() == steady(want) {
		return
	}
	a, b := strings.Split(steady(want), "\n"), strings.Split(got.String(), "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			t.Fatalf("line %d of the output:\n original %q\n ours     %q", i+1, at(a, i-1, i+3), at(b, i-1, i+3))
		}
	}
	t.Fatalf("ours goes on: %q", b[len(a):min(len(b), len(a)+5)])
}

// steady drops the warnings of the original that the tests' folder, which lies in a writable one, brings about.
// Places in memory, which the finest rule traces show, mean nothing to others.
func steady(out []byte) string {
	return errno.ReplaceAllString(pointer.ReplaceAllString(warning.ReplaceAllString(string(out), ""), "0x0="), "${1}0")
}

var (
	warning = regexp.MustCompile(`WARNING: World writable directory .*\n`)
	pointer = regexp.MustCompile(`0x[0-9a-f]+=`)
	errno   = regexp.MustCompile(`(tempfail: errno=)[0-9]+`)
)

func at(list []string, from, to int) []string {
	return list[max(0, min(from, len(list))):max(0, min(to, len(list)))]
}

// addresses makes n addresses of all shapes.
func addresses(n int) []string {
	users := strings.Split("you|user2|root|nosuch|a.b|\"quoted user\"|\"a@b\"|user+tag|UPPER|x%y|a\\@b|(c)joe|joe(c)||<|>|\"||prog|/file|!u!v|::x|x:y|*|$1|\\\"|\\|.a|a..b|:include:/x", "|")
	domains := strings.Split("domain1.com|domain2.tv|domain.com|host.domain.com|routed.test|example.org|[127.0.0.1]|[IPv6:::1]|localhost|DOMAIN1.COM||x.uucp|host|a!b|[1.2.3.4|domain1.com.|host.decnet|x.REDIRECT|local|a b.c|_x._y", "|")
	forms := []string{"%[1]s@%[2]s", "<%[1]s@%[2]s>", "%[1]s", "Name <%[1]s@%[2]s>", "\"Na, me\" <%[1]s@%[2]s>", "%[1]s@%[2]s (comment)",
		"<@%[2]s:%[1]s@%[3]s>", "%[2]s!%[1]s", "%[1]s%%%[2]s@%[3]s", "%[3]s!%[2]s!%[1]s", "%[1]s@%[2]s,%[1]s@%[3]s",
		"%[1]s@%[2]s@%[3]s", "(x(y)z)%[1]s@%[2]s", "%[1]s @ %[2]s", "%[1]s:%[2]s", "%[2]s::%[1]s", "group: %[1]s@%[2]s, x@y;",
		"<%[1]s@%[2]s", "%[1]s@%[2]s>", "(%[1]s@%[2]s", "%[1]s@%[2]s)", "<>"}
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(forms[i%len(forms)], users[i*7%len(users)], domains[i*5%len(domains)], domains[(i*3+1)%len(domains)]+"%.0s"))
	}
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "%.0s", "")
		if j := strings.Index(list[i], "%!(EXTRA"); j >= 0 {
			list[i] = list[i][:j]
		}
	}
	return list
}

// seedProbes are 500 addresses for the rulesets that matter most, with each value of ${client_resolve}.
func seedProbes() string {
	var b strings.Builder
	clients := []string{"127.0.0.1", "24.60.1.2", "10.1.2.3", "127.0.4.9"}
	resolve := []string{"OK", "TEMP", "FAIL", "FORGED"}
	for i, a := range addresses(500) {
		fmt.Fprintf(&b, ".D{client_addr}%s\n.D{client_name}foo.example.org\n", clients[i%len(clients)])
		fmt.Fprintf(&b, "3,0 %[1]s\ncheck_rcpt %[1]s\n", a)
		fmt.Fprintf(&b, ".D{client_resolve}%s\nLocal_check_relay %s\n", resolve[i/2%len(resolve)], a)
	}
	return b.String()
}

// TestSeedTraces compares the traces on the configuration that the original's tree makes of the seed.
func TestSeedTraces(t *testing.T) { compare(t, seedSite(t), seedProbes()) }

// TestSeedTracesOnOurFile compares them on the configuration that our own library makes.
func TestSeedTracesOnOurFile(t *testing.T) {
	dir := filepath.Dir(seedSite(t))
	out, err := mc.CompileText(mc.Options{}, "sendmail.mc", strings.ReplaceAll(seedFile(t, "sendmail.mc"), "/etc/mail", dir))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, write(t, dir, "ours.cf", trusting(string(out.Text()), dir)), seedProbes())
}

// TestSeedCommands: all other commands, and the fine traces.
func TestSeedCommands(t *testing.T) {
	path := seedSite(t)
	var b strings.Builder
	for i, a := range addresses(60) {
		fmt.Fprintf(&b, "/tryflags %s\n/parse %s\n/try smtp %[2]s\n/try local %[2]s\n", []string{"hs", "hr", "es", "er"}[i%4], a)
	}
	b.WriteString(`=M
=Scheck_rcpt
=S0
=S100
=Snope
=
=X
.
.X
-
-x
/
/foo
/map
/map access
/map access 24.60
/map nope x
/map virtuser you@domain1.com
/try
/try x
/try nope a@b
/tryflags
/parse
/mx
/canon
${
${a b}
.D{foo}a$w b
${foo}
.D{bar}x#y z \#w
${bar}
.Cxa b a $={VirtHost}
$=x
$={VirtHost}
$={persistentMacros}
$={checkMIMEHeaders}
$=m
$=e
$j
$m
${nope}
3
3,,0 a@b
,3 a@b
100 a
3 a@b,c@d,e
/header Subject: foo
/header foo
-d60.5
3,0 you@domain1.com
-d0
-d21.36
Local_check_relay x@y
check_rcpt a@[127.0.4.9]
-d21.12
3,0 a@b.c
/quit
`)
	compare(t, path, b.String())
}
