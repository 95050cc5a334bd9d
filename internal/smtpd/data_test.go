package smtpd

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/status"
)

// readData runs a dataReader over what a client sends after 354 and returns the message, the outcome and the bytes that
// follow the message.
func readData(t testing.TB, sent string, feat features, limit int64, chunk int) (msg string, fault error, rest string, lost error) {
	t.Helper()
	s := newStream(&wire{Reader: &chunks{strings.NewReader(sent), chunk}}, 0)
	s.borrow()
	d := newDataReader(s, feat, limit, 0)
	var b bytes.Buffer
	_, err := io.Copy(&b, d)
	lost = d.drain()
	if d.err != nil {
		err = d.err
	}
	rest = string(s.buf[s.r:s.w])
	s.giveBack()
	return b.String(), err, rest, lost
}

// wire is a connection whose other end only sends.
type wire struct{ io.Reader }

func (*wire) Write(p []byte) (int, error)      { return len(p), nil }
func (*wire) Close() error                     { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }

// chunks gives n bytes at a time; 0: as many as fit.
type chunks struct {
	io.Reader
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.n > 0 && len(p) > c.n {
		p = p[:c.n]
	}
	return c.Reader.Read(p)
}

func TestData(t *testing.T) {
	long := strings.Repeat("x", 3*dataBuffer)
	lf, cr := features{bareLF: acceptBare}, features{bareCR: acceptBare}
	for _, c := range []struct {
		sent string
		feat features
		want string
		err  error
	}{
		{".\r\n", features{}, "", nil},
		{"a\r\n.\r\n", features{}, "a\n", nil},
		{"\r\n\r\n.\r\n", features{}, "\n\n", nil},
		{"..\r\n...\r\n..a\r\n.\r\n", features{}, ".\n..\n.a\n", nil},
		{".a\r\n.\r\n", features{}, "a\n", nil},
		{"a.\r\n.\r\n", features{}, "a.\n", nil},
		{"a\x00b\r\n.\r\n", features{}, "a\x00b\n", nil},
		{"\xe9\r\n.\r\n", features{}, "\xe9\n", nil},
		{long + "\r\n" + long + "\r\n.\r\n", features{}, long + "\n" + long + "\n", nil},
		// What smuggled messages are made of: none of it ends the message.
		{"a\n.\nb\r\n.\r\n", features{}, "", errBareLF},
		{"a\n.\r\nb\r\n.\r\n", features{}, "", errBareLF},
		{"a\r\n.\nb\r\n.\r\n", features{}, "", errBareLF},
		{"a\r.\r\nb\r\n.\r\n", features{}, "", errBareCR},
		{"a\r\n.\r\r\nb\r\n.\r\n", features{}, "", errBareCR},
		{"a\r\n.\rb\r\n.\r\n", features{}, "", errBareCR},
		{"a\r\r\n.\r\n", features{}, "", errBareCR},
		{"a\n.\nb\r\n.\r\n", lf, "a\n.\nb\n", nil},
		{"a\n.\r\nb\r\n.\r\n", lf, "a\n.\nb\n", nil},
		{"a\n..b\r\n.\r\n", lf, "a\n.b\n", nil},
		{"a\r\n.\nb\r\n.\r\n", lf, "a\n.\nb\n", nil},
		{"a\n.\nb\r\n.\r\n", features{bareLF: replaceBare}, "a . b\n", nil},
		{"a\rb\r\r\n.\r\n", cr, "a\rb\r\n", nil},
		{"a\rb\r\n.\r\n", features{bareCR: replaceBare}, "a b\n", nil},
		{"a\r\n.\r\r\nb\r\n.\r\n", cr, "a\n.\r\nb\n", nil},
		{"a\n.\nREST", features{anyDot: true, bareLF: acceptBare}, "a\n", nil},
		{"a\r\n.\nREST", features{anyDot: true}, "a\n", nil},
	} {
		for _, chunk := range []int{0, 1, 2, 3, 7} {
			msg, err, rest, lost := readData(t, c.sent+"REST", c.feat, 0, chunk)
			if c.err != nil {
				msg = ""
			}
			if chunk == 0 && rest != "REST" && !c.feat.anyDot {
				t.Errorf("%.40q: %q is left for commands", c.sent, rest)
			}
			if msg != c.want || !errors.Is(err, c.err) && err != c.err || lost != nil {
				t.Errorf("%.40q in pieces of %d: %.40q, %v, %v; want %.40q, %v", c.sent, chunk, msg, err, lost, c.want, c.err)
			}
		}
	}
}

func TestDataSizeLimit(t *testing.T) {
	_, err, rest, lost := readData(t, strings.Repeat("0123456\r\n", 1000)+".\r\nNOOP\r\n", features{}, 7999, 0)
	var s status.Status
	if !errors.As(err, &s) || s.Code != 552 || rest != "NOOP\r\n" || lost != nil {
		t.Errorf("%v, %q, %v", err, rest, lost)
	}
	if _, err, _, _ := readData(t, strings.Repeat("0123456\r\n", 1000)+".\r\n", features{}, 8000, 0); err != nil {
		t.Errorf("a message of the size allowed: %v", err)
	}
}

func TestDataLost(t *testing.T) {
	for _, sent := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\r", "a\n"} {
		_, err, _, lost := readData(t, sent, features{}, 0, 0)
		if err == nil || lost == nil {
			t.Errorf("%q passed for a message", sent)
		}
	}
}

// FuzzData: the pieces in which a message arrives do not matter; what is left over begins after CRLF dot CRLF; nothing
// with a bare LF or CR passes.
func FuzzData(f *testing.F) {
	f.Add("a\r\n..b\r\n.\r\nQUIT\r\n", 3, uint8(0))
	f.Add("a\n.\nb\r\n.\r\r\n", 1, uint8(1))
	f.Add("\r\n.\r\n.\r\n", 2, uint8(4))
	f.Fuzz(func(t *testing.T, sent string, chunk int, mode uint8) {
		feat := features{bareLF: lineEnd(mode % 3), bareCR: lineEnd(mode / 3 % 3), anyDot: mode >= 128}
		msg, err, rest, lost := readData(t, sent, feat, 0, 0)
		msg2, err2, _, lost2 := readData(t, sent, feat, 0, chunk&15)
		if msg != msg2 && err == nil || (err == nil) != (err2 == nil) || (lost == nil) != (lost2 == nil) {
			t.Fatalf("%q %v %v in one piece, %q %v %v in pieces of %d", msg, err, lost, msg2, err2, lost2, chunk&15)
		}
		if lost != nil || feat.anyDot {
			return
		}
		body, ok := strings.CutSuffix(strings.TrimSuffix(sent, rest), ".\r\n")
		if !ok || body != "" && !strings.HasSuffix(body, "\r\n") {
			t.Fatalf("the message ended after %q", body)
		}
		if err == nil && mode == 0 {
			clean := strings.ReplaceAll(body, "\r\n", "")
			if strings.ContainsAny(clean, "\r\n") {
				t.Fatalf("%q passed", body)
			}
			undone := strings.TrimPrefix(strings.ReplaceAll("\n"+strings.ReplaceAll(body, "\r\n", "\n"), "\n.", "\n"), "\n")
			if msg != undone {
				t.Fatalf("%q became %q", body, msg)
			}
		}
	})
}
