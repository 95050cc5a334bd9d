package queue_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/queue"
)

// sample has every sort of line, in the original's order and with its escapes.
const sample = "V8\nT1795322159\nK1795322160\nN3\nP498317\nI254/0/10117141\nB8BITMIME\nMOperating system error\nFw8bdns\n" +
	"$_good.client.test [127.0.2.8]\n$rESMTP\n$sx.y\n${daemon_flags}c u\nS<a@remote.test>\nZa+2Bb\nA<>\n!\x12 1000\n" +
	"Ccarol:2003:2003::include:/etc/mail/list\nQrfc822;a+2Bb@c\nrRFC822; list@mail.example.test\nRPNSFD:carol\n" +
	"C::include:/etc/mail/list\nrRFC822; list@mail.example.test\nRFDA:\"|/bin/false\"\n" +
	"C\nrRFC822; q@b\nRPN:<q%b@mail.example.test>\nRPF:a b <bob@example.test>\nRPFD:<x@y>\n" +
	"H?P?Return-Path: <\x81g>\nH??Received: from x.y\n\tby mail.example.test;\n\tSun, 22 Nov 2026 04:35:59 GMT\n" +
	"H?D?Date: x\nH??X-A: $j ${foo} tab\tctl \x01 \xff\xff \xff\x81j \xe9 ?a? %\nH??X-Empty:\nH?_adefglmnos{}?X-DF:no space\n.\n"

func TestRoundTrip(t *testing.T) {
	c, err := queue.ParseControl([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(queue.AppendControl(nil, c)); got != sample {
		t.Errorf("got\n%q\nwant\n%q", got, sample)
	}
	env := c.Envelope
	if env.Sender != "a@remote.test" || env.SenderText != "<a@remote.test>" || env.EnvID != "a+b" ||
		env.Tries != 3 || !env.Created.Equal(time.Unix(1795322159, 0)) || env.Macros["daemon_flags"] != "c u" {
		t.Errorf("envelope %+v", env)
	}
	r := env.Recipients
	if len(r) != 5 || r[0].Orcpt != "rfc822;a+b@c" || r[0].Ctladdr.User != "carol" || r[0].Ctladdr.UID != 2003 ||
		r[1].Ctladdr.User != "" || !r[1].IsAlias || r[1].Primary || r[2].Ctladdr != nil ||
		r[2].Notify != envelope.NotifyNever || r[3].Notify != envelope.NotifyImplied|envelope.NotifyFailure || r[4].Notify != 0 {
		t.Errorf("recipients %+v", r)
	}
	if h := env.Header[0]; !h.Template || h.Value != " <$g>" {
		t.Errorf("Return-Path %+v", h)
	}
	if h := env.Header[3]; h.Template || !strings.Contains(h.Value, "\x01 \xff \x81j \xe9") {
		t.Errorf("X-A %+v", h)
	}
}

// TestForeign reads what other programs write.
func TestForeign(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		check func(*queue.Control) bool
	}{
		"flagless header and RP of MailScanner": {
			"V8\nT1\nK0\nN0\nP1\n$_x\nSa@b\nRP:c@d\nHReceived: x\n\ty\nH??Subject: z\n.\n",
			func(c *queue.Control) bool {
				return c.Envelope.Recipients[0].Addr == "c@d" && c.Envelope.Header[0].Name == "Received" &&
					c.Envelope.Header[0].Value == " x\n\ty" && len(c.Envelope.Header) == 2
			},
		},
		"V6 of Sendmail::Queue": {
			"V6\nT1\nK0\nN0\nP30000\nI0/0/0\nFws\n$_localhost\n$rESMTP\n${daemon_flags}\nS<a@b>\nA\nrRFC822; c@d\nRPFD:<c@d>\nH??To: c@d\n.\n",
			func(c *queue.Control) bool {
				return c.Version == 6 && c.Envelope.Flags.Warning && c.Envelope.Recipients[0].Final == "RFC822; c@d"
			},
		},
		"version 0 without flags": {
			"T1\nSa\nRb,c\n.\n", func(c *queue.Control) bool { return c.Envelope.Recipients[0].Addr == "b,c" },
		},
		"CRLF": {
			"V8\r\nT1\r\nSa\r\nRPFD:b\r\nH??X: a\r\n\tb\r\n.\r\n", func(c *queue.Control) bool {
				return c.Envelope.Recipients[0].Addr == "b" && c.Envelope.Header[0].Value == " a\n\tb" && c.Envelope.SenderText == "a"
			},
		},
		"no line end after the dot": {
			"V8\nT1\nSa\nRPFD:b\n.", func(c *queue.Control) bool { return c.Envelope.Recipients[0].Addr == "b" },
		},
		"marks in a field without flags": {
			"V8\nSa\nRb\nH??X: \xff\x81j \x81j\nH?P?Y: <\x81g>\n.\n", func(c *queue.Control) bool {
				h := c.Envelope.Header
				return h[0].Value == " \x81j \x81j" && !h[0].Template && h[1].Template
			},
		},
		"numbers that are none, old lines, a NUL": {
			"Vx\nT\nKx\nNy\nP99999999999999999999\nDdfold\nE/x\nS<a@b>\x00c\nRx@y\n.x\n", func(c *queue.Control) bool {
				env := c.Envelope
				return env.Created.IsZero() && env.LastTry.IsZero() && env.Tries == 0 &&
					env.Priority == math.MaxInt64 && env.Sender == "a@b" && env.Recipients[0].Addr == "x@y" &&
					len(c.Complaints) == 0
			},
		},
		"fields and macros that are none": {
			"V8\nSa\nRPFD:b\n$\n${open\n${}x\n$ x\nH\nH?x\nH??x\nHa b: c\nH??Good: x\n.\n",
			func(c *queue.Control) bool {
				env := c.Envelope
				return len(env.Header) == 1 && len(env.Macros) == 0 && slices.Equal(c.Complaints, []string{
					"Name required for macro/class", "Unbalanced { on open", "Name required for macro/class",
					`header syntax error, line ""`, `header syntax error, line "?x"`, `header syntax error, line "??x"`,
					`header syntax error, line "a b: c"`,
				})
			},
		},
		"quarantined without a reason": {"V8\nSa\nq\nRPFD:b\n.\n", func(c *queue.Control) bool { return c.Held }},
		"colon in an address without flags": {
			"V8\nT1\nSa\nR:include:/x\nRPFD:\"a:b\"@c\n.\n",
			func(c *queue.Control) bool {
				return c.Envelope.Recipients[0].Addr == "include:/x" && c.Envelope.Recipients[1].Addr == `"a:b"@c`
			},
		},
	} {
		got, err := queue.ParseControl([]byte(c.in))
		if err != nil || !c.check(got) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestBadControl(t *testing.T) {
	for in, want := range map[string]error{
		"":                               queue.ErrIncomplete,
		"V8\nT1\nSa\nRPFD:b\n":           queue.ErrIncomplete,
		"V8\nT1\nSa\nRPFD:b.":            queue.ErrIncomplete,
		"V8\nT1\nRPFD:b\n.\n":            queue.ErrIncomplete,
		sample[:len(sample)-3]:           queue.ErrIncomplete,
		sample + "RPFD:evil@x\n":         queue.ErrBogus,
		"V8\nSa\nBzork\n.\n":             queue.ErrBogus,
		"V8\nSa\nA+x\n.\n":               queue.ErrBogus,
		"V9\nSa\n.\n":                    queue.ErrVersion,
		"V99999999999999999999\nSa\n.\n": queue.ErrVersion,
		"V8\nT1\nWhat\n.\n":              queue.ErrLine,
		"V8\nT1\n\nSa\n.\n":              queue.ErrLine,
		"V8\nSa\nXyz\n.\n":               queue.ErrLine,
		"V8\nd/a/../b\n.\n":              queue.ErrPlace,
		"V8\ndrelative\n.\n":             queue.ErrPlace,
	} {
		if c, err := queue.ParseControl([]byte(in)); !errors.Is(err, want) || c != nil {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
}

// TestNoForging writes texts with line breaks: none may become a line of its own.
func TestNoForging(t *testing.T) {
	evil := "x\nRPFD:evil@example.test\n.\n"
	env := testEnvelope("<a@b>" + evil)
	env.SenderText, env.Message, env.EnvID, env.QuarantineReason, env.AuthParam, env.Body =
		evil, evil, evil, evil, evil, evil
	env.Macros = map[string]string{"_": evil, "xx": evil}
	env.Recipients[0].Orcpt, env.Recipients[0].Final = evil, evil
	env.Recipients[0].Ctladdr = &envelope.Ctladdr{User: evil, Addr: evil}
	env.Header = []envelope.Field{{Name: "X" + evil, Flags: "", Value: " v\nRPFD:evil@example.test\n\x00end"}}
	data := queue.AppendControl(nil, &queue.Control{Envelope: env})
	c, err := queue.ParseControl(data)
	if err != nil {
		t.Fatalf("%v in\n%q", err, data)
	}
	if len(c.Envelope.Recipients) != 1 || strings.Contains(string(data), "\nRPFD:evil@") {
		t.Errorf("forged:\n%q", data)
	}
}

// TestGenuineFiles takes what genuine sendmails wrote; the files are made by the tests against the original.
func TestOnlyPendingAreWritten(t *testing.T) {
	env := testEnvelope("<a@b>", "<c@d>", "<e@f>")
	env.Recipients[1].State = envelope.Delivered
	c, err := queue.ParseControl(queue.AppendControl(nil, &queue.Control{Envelope: env}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Envelope.Recipients {
		got = append(got, r.Addr)
	}
	if !reflect.DeepEqual(got, []string{"<a@b>", "<e@f>"}) {
		t.Errorf("got %q", got)
	}
}

func FuzzParseControl(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("V8\nT1\nSa\nRPFD:b\n.\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := queue.ParseControl(data)
		if err != nil {
			return
		}
		again, err := queue.ParseControl(queue.AppendControl(nil, c))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%q", err, data)
		}
		first := queue.AppendControl(nil, again) // without empty and repeated lines
		again, err = queue.ParseControl(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%q", err, first)
		}
		if second := queue.AppendControl(nil, again); string(first) != string(second) {
			t.Fatalf("not stable:\n%q\n%q", first, second)
		}
		if len(again.Envelope.Recipients) != len(c.Envelope.Recipients) {
			t.Fatalf("recipients were lost or forged: %q", first)
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, filepath.Base(f))
	}
	return names
}
