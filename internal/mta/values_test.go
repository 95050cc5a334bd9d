package mta

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gosendmail/cf"
	"gosendmail/internal/oracletest"
)

// plainConfig is a configuration to which the lines under test are added; QUEUE is a folder.
const plainConfig = `V10/Berkeley
Cwlocalhost
Djmail.example.test
DnMAILER-DAEMON
O QueueDirectory=QUEUE
O AliasFile=/etc/mail/aliases
O HelpFile=/dev/null
O LogLevel=0
O DaemonPortOptions=Name=MTA, Addr=127.0.0.1
Mlocal, P=/bin/cat, F=lsDFMAw5:/|@qPn9, S=0, R=0, A=cat -u $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=0, R=0, A=sh -c $u
S0
R$*	$#local $: $1
`

// oddValues are values that are wrong for a kind of option.
var oddValues = map[cf.Kind][]string{
	cf.Bool:   {"zork", "1", "on"},
	cf.Int:    {"many", "10x", "-", "1,000", "0x10", "99999999999999999999"},
	cf.Size:   {"many", "10M", "1 000"},
	cf.Octal:  {"9", "rw", "0888"},
	cf.Time:   {"many", "5q", "h", "1.5h", "10 m"},
	cf.Choice: {"zork", "Z", "queuez", "hostt"},
	cf.User:   {"nosuch", "0x", "daemon:nosuch", "12a"},
	cf.List:   {"zork"},
}

// oddLines are other lines that are wrong.
var oddLines = []string{
	"O PrivacyOptions=goaway,zork", "O DontBlameSendmail=safe,zork", "O ResolverOptions=+zork", "O AuthOptions=zork", "O AuthMechanisms=PLIAN",
	"O TLSSrvOptions=zork", "O ServerSSLOptions=zork", "O ClientSSLOptions=SSL_OP_ZORK", "O ConnectOnlyTo=zork", "O Milter=zork", "O Milter.zork=1",
	"O Milter.LogLevel=many", "O Timeout=5q", "O Timeout.zork=1h", "O Timeout.queuereturn.zork=1h", "O TimeZoneSpec=Zork",
	"O CipherSuites=zork", "O CertFingerprintAlgorithm=zork", "O DirectSubmissionModifiers=z", "O SafeFileEnvironment=/nonexistent/x",
	"O ErrorHeader=/nonexistent/x", "O HostStatusDirectory=/nonexistent/x", "O NoSuchOption=1", "O", "O =1", "O1x",
	"My, P=/bin/x, F=Y, A=x", "Mx, P=/bin/x, F=l, A=x, M=many", "Mx, P=/bin/x, F=l, A=x, m=10x", "Mx, P=/bin/x, F=l, A=x, r=many",
	"Mx, P=/bin/x, F=l, A=x, L=many", "Mx, P=/bin/x, F=l, A=x, N=many", "Mx, P=/bin/x, F=l, A=x, W=many", "Mx, P=/bin/x, F=l, A=x, Z=1",
	"Mx, P=/bin/x, F=l, A=x, Q=nosuch", "Mx, P=/bin/x, F=l, A=x, U=nosuch", "Mx, P=/bin/x, F=l, A=x, U=daemon:nosuch", "Mx, P=/bin/x, F=l, A=x, U=12a",
	"Mx, P=/bin/x, F=l, A=x, E=", "Mx, P=/bin/x", "Mx, A=x", "Mz, P=[ZORK], F=l, A=x", "Mx, P=[TCP], A=TCP $h", "Mx, P=[FILE], A=x y", "M", "Mx zork",
	"Qq, F=Z", "Qq, N=many", "Qq, I=many", "Qq, J=many", "Qq, R=many", "Qq, r=many", "Qq, Z=1", "Q",
	"Xe, S=inet:1@localhost, Z=1", "Xf, S=inet:1@localhost, T=Z:1m", "Xg, F=T", "X",
	"Zork", "Pzork", "Pzork=many", "Vzork", "V10/Zork", "Hzork", "H?Zork", "H", "H x: y", "F", "Fx", "Fx/nonexistent/x", "Fx a@zork:x", "C{", "D{",
	"K", "Kx", "Kx zork", "Kx hash -Z /x", "Kx dns -R ZORK", "S", "S99999", "R", "Rzork", "R$9	$1", "R$*	$9",
}

// oddKeys are wrong keys, or values of them, in DaemonPortOptions and ClientPortOptions.
var oddKeys = []string{
	"Port=zork", "port=zork", "Port=-1", "Port=", "Addr=zork.invalid", "addr=1.2.3.4.5", "Addr=::1", "Family=zork", "family=zork",
	"Listen=many", "M=Z", "Modifier", "children=many", "SndBufSize=many", "RcvBufSize=10x", "DeliveryMode=zork", "DeliveryMode=", "refuseLA=many",
	"delayLA=many", "queueLA=many", "Zork=1", "zort=1", "Prot=25", "Q=3", "zork", "=1",
}

// ends are the options that end the original where they are wrong, before it reads on, with the letters that are right.
var ends = map[string]string{"DeliveryMode": "qdib", "EightBitMode": "pms"}

// ownOptions are options that the original, as Debian has built it, does not know; it says so whatever their value is.
var ownOptions = []string{"AuthBackends", "AuthOldClients", "Chunking", "DANE", "LogFile",
	"DestinationConcurrencyLimit", "MailerConcurrencyLimit", "CommandTimeLimit", "ClientConnectionCountLimit",
	"MaxForwardAddresses"}

// stricter are lines that are refused here and taken there, on purpose (docs/differences.md).
var stricter = []string{"O TimeZoneSpec=Zork"}

// odd lists all lines that are wrong. whole has those that make the rest of a configuration another.
func odd() (list, whole []string) {
	for _, o := range cf.Options() {
		for _, v := range oddValues[o.Kind] {
			line := "O " + o.Name + "=" + v
			switch {
			case o.Name == "AliasFile", o.Name == "MailboxDatabase", o.Name == "InputMailFilters", o.Kind == cf.List && strings.HasSuffix(o.Name, "PortOptions"):
			case o.Name == "MaxMimeHeaderLength" || o.Name == "MaxHeadersLength" || o.Name == "SmtpUTF8": // have warnings of their own
			case ends[o.Name] != "" && strings.IndexByte(ends[o.Name], v[0]) < 0:
				whole = append(whole, line)
			case o.Name == "RunAsUser": // the original cannot enter the queue then
			default:
				list = append(list, line)
			}
		}
	}
	for _, sub := range cf.Values("Timeout") {
		if !strings.Contains(sub, "retry") {
			list = append(list, "O Timeout."+sub+"=5q", "O Timeout."+sub+"=h")
		}
	}
	list = append(list, oddLines...)
	for _, k := range oddKeys {
		list = append(list, "O DaemonPortOptions="+k, "O ClientPortOptions="+k)
	}
	return list, whole
}

// saying is what a server said of a line; refused says that it would not start.
type saying struct {
	refused bool
	texts   []string
}

var replied = regexp.MustCompile(`^([245]\d\d) (?:\d\.\d\.\d )?\S*?x\.cf: line (\d+): (.*)$`)

// original asks the original about a configuration, and returns what it said by lines.
func original(t *testing.T, path string) map[int]*saying {
	t.Helper()
	cmd := oracletest.Sendmail(t, "-C", path, "-bs")
	cmd.Stdin = strings.NewReader("")
	out, _ := cmd.CombinedOutput() // it fails where lines are wrong
	said := map[int]*saying{}
	for line := range strings.Lines(string(out)) {
		m := replied.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		if said[n] == nil {
			said[n] = &saying{}
		}
		said[n].refused = said[n].refused || m[1] != "550"                           // which does not keep it from starting
		said[n].texts = append(said[n].texts, strings.ReplaceAll(m[3], "\x01", "$")) // the mark of a macro
	}
	return said
}

// here is the same for this program.
func here(t *testing.T, path string) map[int]*saying {
	t.Helper()
	site, err := Load(context.Background(), LoadOptions{Path: path, OpMode: 's'})
	if err != nil {
		t.Fatal(err)
	}
	said := map[int]*saying{}
	for _, m := range slices.Concat(site.Problems, site.Refused) {
		if said[m.Line] == nil {
			said[m.Line] = &saying{}
		}
		said[m.Line].refused = said[m.Line].refused || !m.Warning
		said[m.Line].texts = append(said[m.Line].texts, strings.TrimPrefix(m.Text, fmt.Sprintf("%s: line %d: ", path, m.Line)))
	}
	return said
}

// TestNoWrongValueIsTakenInSilence gives every option, key and equate values that are wrong in every way of its kind:
// each is refused where the original refuses it, in its words, and where the original takes it in silence there is a
// warning at its line.
func TestNoWrongValueIsTakenInSilence(t *testing.T) {
	list, whole := odd()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.cf")
	config := func(lines ...string) (first int) {
		head := strings.Replace(plainConfig, "QUEUE", dir, 1)
		if err := os.WriteFile(path, []byte(head+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return strings.Count(head, "\n") + 1
	}
	first := config(list...)
	got := here(t, path)
	for i, line := range list {
		if got[first+i] == nil && !rightAfterAll(line) {
			t.Errorf("%s: nothing is said", line)
		}
	}
	want := original(t, path)
	if len(want) < len(list)/4 {
		t.Fatalf("the original said something of %d lines", len(want))
	}
	for i, line := range list {
		compareSayings(t, line, got[first+i], want[first+i])
	}
	for _, line := range whole {
		at := config(line)
		compareSayings(t, line, here(t, path)[at], original(t, path)[at])
	}
	t.Logf("%d lines, the original said something of %d", len(list)+len(whole), len(want)+len(whole))
}

// rightAfterAll are values that are wrong for the kind of option, but not for this one.
func rightAfterAll(line string) bool {
	name, value, _ := strings.Cut(strings.TrimPrefix(line, "O "), "=")
	return name == "DeliveryMode" && (value == "q" || value == "Z") || name == "QueueSortOrder" && value == "zork"
}

func compareSayings(t *testing.T, line string, got, want *saying) {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "O "), "=")
	if slices.Contains(ownOptions, name) || slices.Contains(stricter, line) {
		return
	}
	if got == nil {
		got = &saying{}
	}
	if want == nil {
		want = &saying{}
	}
	if got.refused != want.refused {
		t.Errorf("%s: refused %t %q, by the original %t %q", line, got.refused, got.texts, want.refused, want.texts)
		return
	}
	for _, text := range want.texts {
		if !slices.Contains(got.texts, text) {
			t.Errorf("%s: %q, the original: %q", line, got.texts, text)
			return
		}
	}
}
