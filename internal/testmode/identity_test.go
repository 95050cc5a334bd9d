package testmode_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gosendmail/internal/debug"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/testmode"
)

// hostFiles are hosts(5) files of a machine called mail.example.test.
var hostFiles = []string{
	"127.0.0.1 mail.example.test mail localhost\n::1 localhost\n",
	"127.0.0.1 localhost\n127.0.1.1 mail.example.test mail\n::1 localhost ip6-localhost\n",
	"127.0.0.1 localhost\n192.0.2.5 mail mail.example.test mailhost\n2001:db8::5 six.example.test mail.example.test mx6\n192.0.2.6 mail.example.test other\n",
	"127.0.0.1 localhost\n",
	"127.0.0.1 localhost mail.example.test\n::1 mail.example.test loc6\n",
	"127.0.0.1 localhost.localdomain localhost\n127.0.1.1 mail\n",
	"127.0.0.1 x\n127.0.0.1 y z\n192.0.2.7 if.example.test ifalias\n2001:db8::7 if6.example.test\n",
	"127.0.0.1 localhost\n192.0.2.7 short mail.example.test long.example.test\n192.0.2.8 mail.example.test\n",
}

// ownProgram builds our sendmail into a folder that a private world can reach.
func ownProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sendmail")
	if msg, err := exec.Command("go", "build", "-o", program, "gosendmail/cmd/sendmail").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, msg)
	}
	for d := filepath.Dir(program); d != "/" && d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// built is what -d0 says of a program and its libraries, which are different ones.
var built = regexp.MustCompile(`Version .*|( Compiled with:|    OS Defines:| libsm Defines:|   FFR Defines:).*(\n\t\t.*)*|Kernel symbols.*\n|( +Pid file:\t).*|( +OpenSSL:).*\n`)

// same compares two outputs in a folder of the world.
func same(t *testing.T, what, theirs, ours string) {
	t.Helper()
	a, b := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("%s: line %d:\n original %q\n ours     %q", what, i+1, at(a, i-1, i+4), at(b, i-1, i+4))
			return
		}
	}
}

// TestOwnNames: the names of this host in class w, from the kernel, hosts(5), the DNS and the interfaces, and what -d0
// prints of them.
func TestOwnNames(t *testing.T) {
	ours := ownProgram(t)
	script := `ip addr add 192.0.2.7/24 dev lo; ip addr add 2001:db8::7/64 dev lo
for f in $ARENA/*.hosts; do cat $f >/etc/hosts
for probe in false loopback true; do for p in "${SM%% *}" ` + ours + `; do
echo "### $(basename $f .hosts) $probe $p"
printf '$=w\n$=k\n$=m\n$w\n$j\n$m\n$k\n' | $p -C$ARENA/o.cf -ODontProbeInterfaces=$probe -d0.43 -bt 2>&1; echo; done; done; done
`
	_, out := oracletest.Arena(t, script, func(dir string) {
		for i, text := range hostFiles {
			write(t, dir, fmt.Sprintf("%d.hosts", i), text)
		}
	})
	parts := strings.Split(built.ReplaceAllString(out, ""), "### ")[1:]
	if len(parts) != 3*2*len(hostFiles) {
		t.Fatalf("%d answers", len(parts))
	}
	for i := 0; i < len(parts); i += 2 {
		what, theirs, _ := strings.Cut(parts[i], "\n")
		_, answer, _ := strings.Cut(parts[i+1], "\n")
		if !strings.Contains(theirs, "Canonical name:") || !strings.Contains(theirs, "SYSTEM IDENTITY") {
			t.Fatalf("%s: the original printed %q", what, theirs)
		}
		same(t, what, theirs, answer)
	}
}

// TestIdentity: what each operation mode prints at -d0.
func TestIdentity(t *testing.T) {
	ours := ownProgram(t)
	modes := []string{"", "-bp", "-bv root", "-bv nosuch alice@remote.test", "-bi", "-bt", "-bC", "-q", "-bh", "-C/nope -bt", "-C$ARENA/bad.cf -bt", "-d0.101"}
	var script strings.Builder
	script.WriteString("cp $ARENA/o.cf /etc/mail/sendmail.cf\nsed 's/^Dj.*/Djmail/; s/^Sparse.*/&\\nRbad/; s/^O HoldExp.*/O Nonsense=1/; /^M/,/^$/d' $ARENA/o.cf >$ARENA/bad.cf\n")
	for _, m := range modes {
		for _, level := range []string{"1", "4", "10", "15", "20"} {
			fmt.Fprintf(&script, "for p in ${SM%%%% *} %s; do rm -f /etc/mail/aliases.db; echo \"### -d0.%s %s\"; $p -d0.%s %s </dev/null 2>&1; echo \"exit $?\"; done\n", ours, level, m, level, m)
		}
	}
	_, out := oracletest.Arena(t, script.String(), nil)
	parts := strings.Split(built.ReplaceAllString(out, ""), "### ")[1:]
	if len(parts) != 2*5*len(modes) {
		t.Fatalf("%d answers", len(parts))
	}
	for i := 0; i < len(parts); i += 2 {
		what, theirs, _ := strings.Cut(parts[i], "\n")
		_, answer, _ := strings.Cut(parts[i+1], "\n")
		same(t, what, theirs, answer)
	}
}

// TestBuild: the layout of what -d0.1 says, which monitors read.
func TestBuild(t *testing.T) {
	var b strings.Builder
	log := &debug.Log{W: &b, Levels: new(debug.Levels)}
	log.Levels.Set("0.1")
	words := strings.Fields("DNSMAP IPV6_FULL LDAPMAP LDAP_NETWORK_TIMEOUT LDAP_REFERRALS LOG MAP_REGEX MATCHGECOS MAXDAEMONS=64 MILTER MIME7TO8")
	testmode.PrintBuild(log, testmode.Build{Version: "8.18.1", Abilities: words})
	want := "Version 8.18.1\n Compiled with: DNSMAP IPV6_FULL LDAPMAP LDAP_NETWORK_TIMEOUT\n\t\tLDAP_REFERRALS LOG MAP_REGEX MATCHGECOS MAXDAEMONS=64 MILTER\n\t\tMIME7TO8\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}
