package mailers

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"gosendmail/cf"
)

// parse reads one M line through package cf.
func parse(t testing.TB, line string) *cf.Mailer {
	t.Helper()
	text := "V10\nMlocal, P=[IPC], A=TCP $h\nMprog, P=/bin/sh, A=sh -c $u\nM" + line + "\n"
	c, err := cf.Parse(strings.NewReader(text), cf.Input{File: "test.cf"})
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(line, ",")
	m := c.Mailer(name)
	if m == nil {
		t.Fatalf("M%s: %v", line, c.Messages)
	}
	return m
}

func mustMailer(t testing.TB, line string) *Mailer {
	t.Helper()
	m, err := New(parse(t, line))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNew(t *testing.T) {
	got := mustMailer(t, `x, P=[IPC], A=TCP $h 587, F=mDFMuX, S=11/31, R=21, E=\r\n, L=990, T=DNS/RFC822/SMTP, M=5000000, `+
		`U=8:50, N=3, W=2m30s, m=3, r=7, C=iso-8859-1, D=$z:/, /=/foo/$h`)
	want := &Mailer{
		Name: "x", Path: "[IPC]", Argv: []string{"TCP", "$h", "587"}, SenderEnvelope: "11", SenderHeader: "31",
		RecipientEnvelope: "21", RecipientHeader: "21", EOL: "\r\n", LineLimit: 990, MTAType: "DNS", AddrType: "RFC822", DiagType: "SMTP",
		MaxSize: 5000000, User: &User{8, 50}, Nice: 3, Wait: 150 * time.Second, MaxMessages: 3, MaxRecipients: 7, Charset: "iso-8859-1",
		Dirs: "$z:/", Root: "/foo/$h", Flags: got.Flags,
	}
	if !reflect.DeepEqual(got, want) || got.Flags.String() != "DFMXmu" {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

func TestNewRefusesWhatCannotDeliver(t *testing.T) {
	for line, want := range map[string]string{
		"x, P=[FOO], A=TCP $h":      "Mx: unknown built-in path P=[FOO]",
		"x, P=[LPC], A=TCP $h":      "Mx: unknown built-in path P=[LPC]",
		"x, P=bin/x, A=x $u":        "Mx: P=bin/x is neither built in nor an absolute path",
		"x, P=[mbox], A=mbox":       "Mx: P=[mbox] needs A=mbox and a path",
		"x, P=[maildir], A=a b c $": "Mx: P=[maildir] needs A=maildir and a path",
	} {
		if _, err := New(parse(t, line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestKnownFlagsAreUnique(t *testing.T) {
	seen := map[byte]bool{}
	for _, f := range KnownFlags {
		if seen[f.Flag] || f.Meaning == "" || f.By == "" {
			t.Errorf("%c: %+v", f.Flag, f)
		}
		seen[f.Flag] = true
	}
}
