package mailers

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/priv"
)

func testAccounts(t testing.TB) priv.Accounts {
	t.Helper()
	dir := t.TempDir()
	a := priv.Accounts{PasswdFile: filepath.Join(dir, "passwd"), GroupFile: filepath.Join(dir, "group")}
	os.WriteFile(a.PasswdFile, []byte("mail:x:8:12::/:/bin/sh\n"), 0o644)
	os.WriteFile(a.GroupFile, []byte("mail:x:12:\nstaff:x:50:\n"), 0o644)
	return a
}

func TestParseMailer(t *testing.T) {
	a := testAccounts(t)
	got, warnings, err := ParseMailer(t.Context(), `x, Path=[IPC], Argv=TCP $h 587, F=mDF MuX, Sender=EnvFromSMTP/HdrFromSMTP, Recipient=21, `+
		`Eol=\r\n, Linelimit=990, Type=DNS/RFC822/SMTP, Maxsize=5000000, Userid=mail:staff, Nice=3, W=2m30s, m=3, r=7, C=iso-8859-1, D=$z:/, /=/foo, Q=q1`, a)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := &Mailer{
		Name: "x", Path: "[IPC]", Argv: []string{"TCP", "$h", "587"}, SenderEnvelope: "EnvFromSMTP", SenderHeader: "HdrFromSMTP",
		RecipientEnvelope: "21", RecipientHeader: "21", EOL: "\r\n", LineLimit: 990, MTAType: "DNS", AddrType: "RFC822", DiagType: "SMTP",
		MaxSize: 5000000, User: &User{8, 50}, Nice: 3, Wait: 150 * time.Second, MaxMessages: 3, MaxRecipients: 7, Charset: "iso-8859-1",
		Dirs: "$z:/", Root: "/foo", QueueGroup: "q1", Flags: got.Flags,
	}
	if !reflect.DeepEqual(got, want) || got.Flags.String() != "DFMXmu" {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

func TestMailerDefaults(t *testing.T) {
	for line, want := range map[string]Mailer{
		"x P=[IPC], A=TCP $h":               {EOL: "\r\n", MTAType: "dns", AddrType: "rfc822", DiagType: "smtp", MaxRecipients: 100},
		"x, P=[IPC], A=FILE /tmp/x":         {EOL: "\r\n", MTAType: "dns", AddrType: "rfc822", DiagType: "x-unix", MaxRecipients: 100},
		"x, P=/bin/x, A=x $u, F=L":          {EOL: "\n", LineLimit: 990, MaxRecipients: 100},
		"x, P=/bin/x, A=x $u, F=L, L=80":    {EOL: "\n", LineLimit: 80, MaxRecipients: 100},
		"x, P=/bin/x, A=x, F=z":             {EOL: "\r\n", MaxRecipients: 100},
		"x, P=/bin/x, A=x $u, T=a/b, S=0/0": {EOL: "\n", MTAType: "a", AddrType: "b", DiagType: "smtp", MaxRecipients: 100},
		`x, P=/bin/x, A=x $u\,v, E=\001`:    {EOL: "001", MaxRecipients: 100},
	} {
		m, warnings, err := ParseMailer(t.Context(), line, priv.Accounts{})
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %v", line, err, warnings)
			continue
		}
		got := Mailer{EOL: m.EOL, LineLimit: m.LineLimit, MTAType: m.MTAType, AddrType: m.AddrType, DiagType: m.DiagType, MaxRecipients: m.MaxRecipients, SenderEnvelope: m.SenderEnvelope}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", line, got, want)
		}
	}
}

// TestMailerComplaints has the words of the original 8.17.1.9, but for the last four, which it accepts and cannot run.
func TestMailerComplaints(t *testing.T) {
	a := testAccounts(t)
	for line, want := range map[string]string{
		"x":                                  "Mx: A= argument required",
		"x, P=/bin/x":                        "Mx: A= argument required",
		"x, A=foo":                           "Mx: P= argument required",
		"x, P=/bin/x, A=x $u, B=80":          "Mx: unknown mailer equate B=",
		"x, P=/bin/x, A=x $u, F":             "mailer x: `=' expected",
		"x, P=[TCP], A=TCP $h":               "Mx: P=[TCP] must be replaced by P=[IPC]",
		", P=[IPC], A=TCP $h":                "name required for mailer",
		"x, P=[IPC], A=TCP":                  "Mx: too few parameters for [IPC] mailer",
		"x, P=[IPC], A=TCP $h, C=":           "mailer x: null charset",
		"x, P=[IPC], A=TCP $h, U=":           "mailer x: null user name",
		"x, P=[IPC], A=TCP $h, U=nosuch:foo": "readcf: mailer U= flag: unknown user nosuch",
		"x, P=[IPC], A=TCP $h, W=x":          "Invalid time unit `x'",
		"x, P=/bin/x, A=x $u, R=99999":       "bad ruleset 99999 (100 max)",
		"x, P=[IPC], A=FOO $h":               "Mx: A=FOO must be TCP or FILE",
		"x, P=[FOO], A=TCP $h":               "Mx: unknown built-in path P=[FOO]",
		"x, P=[LPC], A=TCP $h":               "Mx: unknown built-in path P=[LPC]",
		"x, P=[mbox], A=mbox":                "Mx: [mbox] needs A=mbox and a path",
	} {
		_, warnings, err := ParseMailer(t.Context(), line, a)
		all := strings.Join(warnings, "\n")
		if err != nil {
			all += err.Error()
		}
		if !strings.HasSuffix(all, want) || strings.Count(all, "\n") > 0 {
			t.Errorf("%s: %q, want %q", line, all, want)
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

func FuzzParseMailer(f *testing.F) {
	f.Add(`x, P=[IPC], A=TCP $h 587, F=mDFMuX, S=1/2, E=\r\n, U=8:8, T=a/b/c, W=1h2m, "q,\`)
	f.Fuzz(func(t *testing.T, line string) {
		m, _, err := ParseMailer(context.Background(), line, priv.Accounts{PasswdFile: os.DevNull, GroupFile: os.DevNull})
		if err == nil && (m == nil || m.Name == "" || len(m.Argv) == 0 || m.EOL == "") {
			t.Errorf("%q: %+v", line, m)
		}
	})
}
