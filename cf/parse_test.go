package cf_test

import (
	"strings"
	"testing"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/macro"
)

func parse(t *testing.T, text string) *cf.Config {
	t.Helper()
	m := macro.NewTable(nil)
	m.Define("w", "host.example.test")
	m.Define("v", "8")
	c, err := cf.Parse(strings.NewReader(text), cf.Input{File: "x.cf", Macros: m})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfig(t *testing.T) {
	c := parse(t, `V10/Berkeley
O OperatorChars=.:@
O QueueLA=8
Ou8:12
O Timeout.queuereturn=3d
O Timeout.initial=30s
O PrivacyOptions=goaway,restrictmailq
O MinQueueAge=15m
Dx$w here
Cw one $w two
C{y} $=w
F{z} -o /etc/x %[^!]
Kmap hash -o
	/etc/map
H?P?Return-Path: <$g>
H?${if_x}?X-If: ${if_x}
HSubject: $>+CheckSubject
Pbulk=-60
Qslow, P=/q, I=1h
Xfilter, S=inet:1@localhost, F=T, T=C:1m;R:2m
Sname=7
R$* $=y	$: $w $1	comment
Slocal
Mlocal, P=/bin/x, F=lsDFM, S=10/name, R=20, T=DNS/RFC822/X-Unix, A=mail $u
Msmtp, P=[IPC], F=mDFMuX, S=11, R=21, E=\r\n, L=990, A=TCP $h
`)
	for _, m := range c.Messages {
		t.Errorf("complaint: %v", m)
	}
	s := c.Settings
	if s.QueueLA != 8 || s.DefaultUser.UID != 8 || s.DefaultUser.GID != 12 || s.Timeout.Initial != 30*time.Second ||
		s.Timeout.QueueReturn[cf.Urgent] != 72*time.Hour || s.MinQueueAge != 15*time.Minute {
		t.Errorf("settings: %+v", s)
	}
	if !s.Privacy("novrfy") || !s.Privacy("restrictmailq") || s.Privacy("restrictqrun") {
		t.Errorf("privacy: %v", s.PrivacyOptions)
	}
	if c.Classes[0].Words[1].Text != "host" || !c.Classes[1].Words[0].Copy || c.Classes[2].File.Format != "%[^!]" {
		t.Errorf("classes: %+v", c.Classes)
	}
	if m := c.Maps[0]; m.Name != "map" || m.Class != "hash" || m.Args != "-o\n\t/etc/map" || m.Line != 14 {
		t.Errorf("map: %+v", m)
	}
	if h := c.Headers; h[0].Flags != "P" || h[1].Macro != "{if_x}" || h[2].Check != "CheckSubject" || !h[2].KeepComments {
		t.Errorf("headers: %+v", h)
	}
	if r := c.Rulesets[0]; r.Name != "name" || r.Number != 7 || r.Rules[0].Line != 22 {
		t.Errorf("ruleset: %+v", r)
	}
	l := c.Mailer("LOCAL")
	if l.SenderHeader.Name != "name" || l.EOL != "\n" || l.RecipientEnvelope.Number != 20 || c.Mailer("smtp").DiagnosticType != "smtp" {
		t.Errorf("mailer: %+v", l)
	}
	if f := c.Filters[0]; f.Connect != time.Minute || f.Reply != 2*time.Minute || f.Flag != 'T' {
		t.Errorf("filter: %+v", f)
	}
}

// TestComplaints: the original's words, with positions, and a hint where a name is nearly right.
func TestComplaints(t *testing.T) {
	for text, want := range map[string]string{
		"Zfoo": "x.cf: line 2: unknown configuration line \"Zfoo\"", "O Foo=1": "x.cf: line 2: readcf: unknown option name Foo",
		"O Queue=x":       "x.cf: line 2: readcf: ambiguous option name Queue (matches QueueFactor and QueueDirectory)",
		"O Timeout.bar=2": "x.cf: line 2: settimeout: invalid timeout bar",
		"Rx\ty":           "x.cf: line 2: missing valid ruleset for \"Rx\ty\"", "Mfoo, A=x y": "x.cf: line 2: Mfoo: P= argument required",
		"Mfoo, P=x": "x.cf: line 2: Mfoo: A= argument required", "S100": "x.cf: line 2: bad ruleset 100 (100 max)",
		"HFoo: $>": "x.cf: line 2: invalid ruleset name: \"\"", "HFoo: $>+ ": "x.cf: line 2: invalid ruleset name: \"\"",
		"Sfoo=9999": "x.cf: line 2: bad ruleset number 9999 in \"foo=9999\" (100 max)",
		"K":         "x.cf: line 2: readcf: config K line: no map name", "Vx": "x.cf: line 2: invalid argument to V line: \"x\"",
	} {
		c := parse(t, "V10\n"+text+"\n")
		if e := c.Errors(); len(e) != 1 || e[0].Error() != want {
			t.Errorf("%q: %v, want %q", text, e, want)
		}
	}
	c := parse(t, "O LogLeval=1\n")
	if e := c.Errors(); len(e) != 1 || e[0].Hint != "LogLevel" {
		t.Errorf("hint: %+v", e)
	}
}

// TestSticky: what the command line says wins over the file.
func TestSticky(t *testing.T) {
	c, err := cf.Parse(strings.NewReader("V10\nO LogLevel=3\nO Timeout.mail=1m\n"), cf.Input{Options: []string{" LogLevel=7", " Timeout.mail=2m", "MxY"}})
	if err != nil || c.Settings.LogLevel != 7 || c.Settings.Timeout.Mail != 2*time.Minute {
		t.Errorf("%+v, %v", c.Settings, err)
	}
	if v, _ := c.Macros.Macro("x"); v != "Y" {
		t.Errorf("-M: %q", v)
	}
}

// TestOptionTable: every option has a setter, and its default can be read.
func TestOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range cf.Options() {
		if seen[o.Name] {
			t.Errorf("%s is there twice", o.Name)
		}
		seen[o.Name] = true
		if c := parse(t, "V10\nO "+o.Name+"="+o.Default+"\n"); o.Default != "" && len(c.Errors()) > 0 {
			t.Errorf("%s=%s: %v", o.Name, o.Default, c.Errors())
		}
	}
}

// FuzzParse: no file makes the parser panic, and every complaint has a text.
func FuzzParse(f *testing.F) {
	f.Add("V10/Berkeley\nS3\nR$* $=w\t$: $>4 $1\nMx, P=[IPC], A=TCP $h\n")
	f.Add("O Timeout.queuereturn=5d\nOA/x\nOr1h\nFw|ls -l\nF{x}k@hash:y\nHFoo: $>bar\n")
	f.Add("Dx\\\"\nC{a b}\nS9=\nSx=3\nSx=4\nKa b -c\nXm, T=C:1\nQq, I=\nE\nPx=y\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := cf.Parse(strings.NewReader(s), cf.Input{File: "f"})
		if err != nil {
			return
		}
		for _, m := range c.Messages {
			if m.Text == "" {
				t.Fatal("a complaint without words")
			}
		}
	})
}
