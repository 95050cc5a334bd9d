package mailers

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"gosendmail/internal/envelope"
)

// split cuts a message into what a Job has.
func split(text string) (header []envelope.Field, body string) {
	head, body, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(head + "\n") {
		line = strings.TrimSuffix(line, "\n")
		if line[0] == ' ' || line[0] == '\t' {
			header[len(header)-1].Value += "\n" + line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		header = append(header, envelope.Field{Name: name, Value: value})
	}
	return header, body
}

// written is what a mailer with these flags gets on its standard input.
func written(t testing.TB, cfg Config, line, message string) string {
	t.Helper()
	cfg.Hostname = "mail.example.test"
	table := newTable(t, cfg)
	job := newJob(mustMailer(t, line), "", "u")
	job.Envelope.ID = "ID"
	var body string
	job.Header, body = split(message)
	job.Envelope.Flags.EightBit = strings.ContainsFunc(message, func(r rune) bool { return r >= 0x80 })
	job.Envelope.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	var b bytes.Buffer
	if err := table.feed(job, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestConversions holds what the original 8.17.1.9 wrote for the same messages and flags.
func TestConversions(t *testing.T) {
	mime := "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
	auto := "X-MIME-Autoconverted: from 8bit to quoted-printable by mail.example.test id ID\n"
	for _, c := range []struct {
		name, flags, in, out string
		mode                 EightBitMode
	}{
		{
			name: "declared text for seven bits", flags: "n7",
			in: "Subject: caf\u00e9\n" + mime + "\nFrom caf\u00e9 =1\nline two  \n.dot\n.\nx\n",
			out: "Subject: cafC)\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n" + auto +
				"\nFrom caf=C3=A9 =3D1\nline two =20\n.dot\n=2E\nx\n",
		},
		{
			name: "undeclared text, mime", flags: "n7", mode: Mime8,
			in: "Subject: hi\n\ncaf\u00e9\nFrom here\nlast",
			out: "Subject: hi\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n" + auto +
				"\ncaf=C3=A9\nFrom here\nlast\n",
		},
		{name: "undeclared text, pass", flags: "n", in: "Subject: hi\n\ncaf\u00e9\nlast", out: "Subject: hi\n\ncaf\u00e9\nlast\n"},
		{name: "escaped From", flags: "nE", in: mime + "\nFrom caf\u00e9\n From x\n", out: mime + "\n>From caf\u00e9\n From x\n"},
		{
			name: "parts", flags: "n7E",
			in: "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nContent-Type: multipart/mixed; boundary=bb\n\npre\u00e9\n--bb\nContent-Transfer-Encoding: 8bit\n\nplain\n" +
				"--bb\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: in\n\nFrom caf\u00e9\nFrom\n--bb--\n",
			out: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bb\n\npreC)\n--bb\nContent-Transfer-Encoding: 8bit\n\nplain\n" +
				"--bb\nContent-Type: message/rfc822\n\nSubject: in\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n" + auto + "\nFrom=20caf=C3=A9\nFrom\n--bb--\n",
		},
		{
			name: "parts of text and of bytes", flags: "n7",
			in: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: text/plain\n\ncaf\u00e9 and more that is ASCII only\n" +
				"--bb\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: 8bit\n\n\u00e9\u00e9\u00e9\u00e9\n--bb\n\nplain\n--bb--\nepilogue\n",
			out: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n" + auto +
				"\ncaf=C3=A9 and more that is ASCII only\n--bb\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n" +
				strings.Replace(auto, "quoted-printable", "base64", 1) + "\nw6nDqcOpw6k=\n--bb\n\nplain\n--bb--\nepilogue\n",
		},
		{
			name: "quoted-printable to eight bits", flags: "n9",
			in: "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\ncaf=C3=A9=\n joined\n",
			out: "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n" +
				"X-MIME-Autoconverted: from quoted-printable to 8bit by mail.example.test id ID\n\ncaf\u00e9 joined\n",
		},
		{
			name: "broken base64 stays", flags: "n9",
			in:  "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!\n",
			out: "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!\n",
		},
		{name: "blank line at the end", flags: "b", in: "Subject: hi\n\nx\n", out: fromLineText + "Subject: hi\n\nx\n\n"},
		{name: "hidden dots", flags: "nX", in: "Subject: hi\n\n.\n..a\n", out: "Subject: hi\n\n..\n...a\n"},
		{name: "NULs", flags: "n1", in: "Subject: hi\n\na\x00b\n", out: "Subject: hi\n\nab\n"},
		{name: "header in seven bits", flags: "n6", in: "Subject: \u00e9\n\n\u00e9\n", out: "Subject: C)\n\n\u00e9\n"},
	} {
		got := written(t, Config{EightBit: c.mode}, "p, P=/bin/cat, F="+c.flags+", A=cat $u", c.in)
		if got != c.out {
			t.Errorf("%s:\n%q\nwant\n%q", c.name, got, c.out)
		}
	}
}

// TestLongLines holds what the original wrote with L=20.
func TestLongLines(t *testing.T) {
	in := "Subject: hi\nX-Long: " + strings.Repeat("y", 60) + "\n\n" + strings.Repeat("z", 50) + "\n." + strings.Repeat("w", 45) + "\n" +
		strings.Repeat("v", 20) + "\n" + strings.Repeat("u", 21) + "\nFrom" + strings.Repeat(" t", 20) + "\n"
	want := "Subject: hi\nX-Long: yyyyyyyyyyy!\n yyyyyyyyyyyyyyyyyy!\n yyyyyyyyyyyyyyyyyy!\n yyyyyyyyyyyyy\n\n" +
		"zzzzzzzzzzzzzzzzzzz!\n zzzzzzzzzzzzzzzzzz!\n zzzzzzzzzzzzz\n..wwwwwwwwwwwwwwwwww!\n wwwwwwwwwwwwwwwwww!\n wwwwwwwww\n" +
		"vvvvvvvvvvvvvvvvvvvv\nuuuuuuuuuuuuuuuuuuu!\n uu\n>From t t t t t t t !\n t t t t t t t t t !\n t t t t\n"
	if got := written(t, Config{}, "p, P=/bin/cat, F=nXE, L=20, A=cat $u", in); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestPiecesDoNotMatter writes the same text in pieces of all sizes.
func TestPiecesDoNotMatter(t *testing.T) {
	var text []byte
	for range 5000 {
		text = append(text, "ab.\nFrom \x00\xe9"[rand.IntN(11)])
	}
	m := mustMailer(t, "p, P=/bin/cat, F=7X, L=7, A=cat $u")
	run := func(n int) string {
		var b bytes.Buffer
		bw := bufio.NewWriter(&b)
		w := newMessageWriter(bw, m, false)
		for rest := text; len(rest) > 0; {
			k := min(n, len(rest))
			w.Write(rest[:k])
			rest = rest[k:]
		}
		w.endLine()
		bw.Flush()
		return b.String()
	}
	want := run(len(text))
	for n := 1; n < 20; n++ {
		if run(n) != want {
			t.Errorf("pieces of %d", n)
		}
	}
	for line := range strings.Lines(want) {
		if len(strings.TrimSuffix(line, "\n")) > 8 {
			t.Errorf("line %q", line)
		}
	}
}

// FuzzEncoder holds two promises: no panic on any MIME structure, and text that survives decoding.
func FuzzEncoder(f *testing.F) {
	f.Add("text/plain", "caf\xe9\n")
	f.Add("multipart/mixed; boundary=b", "--b\n\n\xe9\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n\xe9\n--b--\n")
	f.Add("message/rfc822", "A: b\n\n\xe9")
	f.Fuzz(func(t *testing.T, kind, body string) {
		header := []envelope.Field{{Name: "MIME-Version", Value: " 1.0"}, {Name: "Content-Type", Value: " " + kind}}
		plan, err := surveyParts(strings.NewReader(body), header)
		if err != nil {
			return
		}
		var b bytes.Buffer
		e := &encoder{plan: plan, out: &b, note: func(h []envelope.Field, _ encoding) []envelope.Field { return h }}
		if err := e.run(strings.NewReader(body), header); err != nil {
			t.Fatal(err)
		}
		if plan[0] != encodingQP {
			return
		}
		back, err := io.ReadAll(quotedprintable.NewReader(&b))
		if err != nil {
			t.Fatalf("%v: %q", err, body)
		}
		if strings.TrimSuffix(string(back), "\n") != strings.TrimSuffix(body, "\n") {
			t.Errorf("%q became %q", body, back)
		}
	})
}
