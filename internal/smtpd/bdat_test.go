package smtpd

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/status"
)

const transaction = "EHLO c.test\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"

// TestChunks sends messages by BDAT. What is sent comes in one piece, and byte by byte.
func TestChunks(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		features   []string
		limit      int64
		replies    string // codes, QUIT's last
		messages   []string
	}{
		{"one", transaction + "BDAT 13 LAST\r\nS: x\r\n\r\n.\r\n\r\n" + "QUIT\r\n",
			nil, 0, "250 250 250 250 221", []string{"S: x\n\n.\n\n"}},
		{"several", transaction + "BDAT 4\r\na\r\nbBDAT 3\r\n\r\ncbdat 0 last\r\nQUIT\r\n",
			nil, 0, "250 250 250 250 250 250 221", []string{"a\nb\nc\n"}},
		{"a line end in two chunks", transaction + "BDAT 2\r\na\rBDAT 2 LAST\r\n\nbQUIT\r\n",
			nil, 0, "250 250 250 250 250 221", []string{"a\nb\n"}},
		{"dots and commands", transaction + "BDAT 19 LAST\r\n..\r\n.\r\nRSET\r\nQUIT\r\nQUIT\r\n",
			nil, 0, "250 250 250 250 221", []string{"..\n.\nRSET\nQUIT\n"}},
		{"none", transaction + "BDAT 0 LAST\r\nQUIT\r\n", nil, 0, "250 250 250 250 221", []string{""}},
		{"NOOP between", transaction + "BDAT 1\r\naNOOP\r\nBDAT 1 LAST\r\nbQUIT\r\n",
			nil, 0, "250 250 250 250 250 250 221", []string{"ab\n"}},
		{"RSET between", transaction + "BDAT 1\r\naRSET\r\nQUIT\r\n", nil, 0, "250 250 250 250 250 221", nil},
		{"DATA between", transaction + "BDAT 1\r\naDATA\r\nBDAT 1 LAST\r\nbQUIT\r\n",
			nil, 0, "250 250 250 250 503 250 221", []string{"ab\n"}},
		{"MAIL between", transaction + "BDAT 1\r\naMAIL FROM:<x@y>\r\nBDAT 1 LAST\r\nbQUIT\r\n",
			nil, 0, "250 250 250 250 503 250 221", []string{"ab\n"}},
		{"QUIT between", transaction + "BDAT 1\r\naQUIT\r\n", nil, 0, "250 250 250 250 221", nil},
		{"no transaction", "EHLO c.test\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n", nil, 0, "250 503 221", nil},
		{"no recipient", "EHLO c.test\r\nMAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n",
			nil, 0, "250 250 503 503 221", nil},
		{"after a fault", transaction + "BDAT 5\r\na\nb\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n",
			nil, 0, "250 250 250 421", nil},
		{"bare line ends that are let in", transaction + "BDAT 5 LAST\r\na\nb\rcQUIT\r\n",
			[]string{"G", "U"}, 0, "250 250 250 250 221", []string{"a\nb\rc\n"}},
		{"bare line ends that are replaced", transaction + "BDAT 5\r\na\nb\rcBDAT 1 LAST\r\n\rQUIT\r\n",
			[]string{"g2", "u2"}, 0, "250 250 250 250 250 221", []string{"a b c \n"}},
		{"too large", transaction + "BDAT 3\r\nabcBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n",
			nil, 2, "250 250 250 552 503 221", nil},
		{"no size", transaction + "BDAT\r\nQUIT\r\n", nil, 0, "250 250 250 501", nil},
		{"no number", transaction + "BDAT 1x LAST\r\nQUIT\r\n", nil, 0, "250 250 250 501", nil},
		{"a negative number", transaction + "BDAT -1\r\nQUIT\r\n", nil, 0, "250 250 250 501", nil},
		{"a number that is too large", transaction + "BDAT 99999999999999999999\r\nQUIT\r\n",
			nil, 0, "250 250 250 501", nil},
		{"another word", transaction + "BDAT 1 FIRST\r\nQUIT\r\n", nil, 0, "250 250 250 501", nil},
		{"no number in the second", transaction + "BDAT 1\r\naBDAT x\r\nQUIT\r\n",
			nil, 0, "250 250 250 250 501", nil},
		{"NUL in the command", transaction + "BDAT 6 LAST\x00\r\nQUIT\r\nQUIT\r\n", nil, 0, "250 250 250 501", nil},
		{"two messages", transaction + "BDAT 1 LAST\r\naMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
			[]string{"F"}, 0, "250 250 250 250 250 250 354", []string{"a\n"}},
	} {
		for _, piece := range []int{len(c.sent), 1} {
			closed := strings.HasSuffix(c.replies, "421") || strings.HasSuffix(c.replies, "501")
			if closed && piece == 1 {
				continue // nobody takes the rest
			}
			t.Run(c.name+" in pieces of "+strconv.Itoa(piece), func(t *testing.T) {
				f := &fake{features: append([]string{"F"}, c.features...)}
				p, _ := serve(t, f, Config{Chunking: true, MaxMessageSize: c.limit})
				p.expect("220")
				for rest := c.sent; rest != ""; rest = rest[min(piece, len(rest)):] {
					p.send(rest[:min(piece, len(rest))])
				}
				for code := range strings.FieldsSeq(c.replies) {
					p.expect(code)
				}
				if !strings.HasSuffix(c.replies, "354") {
					if rest, err := io.ReadAll(p.in); err != nil || len(rest) > 0 {
						t.Errorf("behind the last reply: %q, %v", rest, err)
					}
				}
				var got []string
				for _, m := range f.messages {
					got = append(got, string(m))
				}
				if strings.Join(got, "|") != strings.Join(c.messages, "|") || len(got) != len(c.messages) {
					t.Errorf("messages %q, want %q", got, c.messages)
				}
			})
		}
	}
}

// TestChunksAreNotOffered: without Config.Chunking BDAT is a command that nobody knows.
func TestChunksAreNotOffered(t *testing.T) {
	p, _ := serve(t, &fake{features: []string{"F"}}, Config{})
	p.expect("220")
	p.send(transaction + "BDAT 1 LAST\r\n")
	for range 3 {
		p.expect("250")
	}
	p.expect("500 5.5.1 Command unrecognized")
}

// TestChunksOfRefusedClients: what a client sends that was refused is no command either.
func TestChunksOfRefusedClients(t *testing.T) {
	refusal := say(550, order500, "no")
	p, _ := serve(t, &fake{refusal: &refusal}, Config{Chunking: true})
	p.expect("220")
	p.send("BDAT 6 LAST\r\nQUIT\r\n")
	p.expect("550")
	p.send("NOOP\r\n")
	p.expect("250")
}

// TestChunksBehindARefusedOne: the rest of a message is no message, even where it would be taken by now.
func TestChunksBehindARefusedOne(t *testing.T) {
	f := &fake{features: []string{"F"}, starts: []status.Reply{say(451, order500, "check_data cannot tell")}}
	p, _ := serve(t, f, Config{Chunking: true})
	p.expect("220")
	p.send(transaction + "BDAT 6\r\nX: y\r\nBDAT 5 LAST\r\n\r\nz\r\n" +
		"MAIL FROM:<a@b>\r\nBDAT 3\r\nX\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nzQUIT\r\n")
	for code := range strings.FieldsSeq("250 250 250 451 503 250 503 503 503 221") {
		p.expect(code)
	}
	if len(f.messages) > 0 {
		t.Errorf("messages %q", f.messages)
	}
}

// TestEmptyChunks: whoever sends nothing, again and again, waits longer and longer, as with NOOP.
func TestEmptyChunks(t *testing.T) {
	f := &fake{features: []string{"F"}}
	var waits []time.Duration
	p, _ := serve(t, f, Config{Chunking: true, Limits: Limits{Noop: 2},
		Delay: func(_ context.Context, d time.Duration) { waits = append(waits, d) }})
	p.expect("220")
	p.send(transaction + strings.Repeat("BDAT 0\r\n", 4) + "BDAT 1\r\naBDAT 0 LAST\r\nQUIT\r\n")
	for range 9 {
		p.expect("250")
	}
	p.expect("221")
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	if len(f.messages) != 1 || string(f.messages[0]) != "a\n" {
		t.Errorf("messages %q", f.messages)
	}
}

// FuzzChunks cuts a message into chunks: what arrives is what DATA would have made of it, however it is cut.
func FuzzChunks(f *testing.F) {
	f.Add("a\r\nb\r\n", uint16(3), uint8(0))
	f.Add("a\nb\r", uint16(1), uint8(1))
	f.Add("\r\n.\r\n\r\n", uint16(2), uint8(4))
	f.Fuzz(func(t *testing.T, text string, size uint16, mode uint8) {
		step := int(size)%(len(text)+1) + 1
		var sent strings.Builder
		for rest := text; rest != ""; rest = rest[min(step, len(rest)):] {
			piece := rest[:min(step, len(rest))]
			sent.WriteString("BDAT " + strconv.Itoa(len(piece)) + "\r\n" + piece)
		}
		sent.WriteString("BDAT 0 LAST\r\n")
		sess := &fake{}
		c := &conn{srv: New(Config{Chunking: true}), sess: sess, mail: true, rcpts: 1, ctx: t.Context()}
		c.feat = features{bareLF: lineEnd(mode % 3), bareCR: lineEnd(mode / 3 % 3)}
		c.s = newStream(&script{Reader: strings.NewReader(sent.String())}, 0)
		line, err := c.s.readLine(100, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.bdat(strings.TrimPrefix(string(line), "BDAT "))
		end := "\r\n"
		if c.feat.bareLF == acceptBare {
			end = "\n"
		}
		stuffed := strings.TrimPrefix(strings.ReplaceAll(end+text, end+".", end+".."), end)
		if !strings.HasSuffix(text, "\r\n") && text != "" {
			return // DATA has no such message
		}
		want, fault, _, _ := readData(t, stuffed+".\r\n", c.feat, 0, 0)
		if (fault == nil) != (len(sess.messages) == 1) {
			t.Fatalf("%q in chunks of %d: %d messages, DATA's fault is %v", text, step, len(sess.messages), fault)
		}
		if fault == nil && string(sess.messages[0]) != want {
			t.Fatalf("%q in chunks of %d became %q, with DATA %q", text, step, sess.messages[0], want)
		}
	})
}

// script is a client that says what it has to say and listens to nothing.
type script struct{ io.Reader }

func (s *script) Write(p []byte) (int, error) { return len(p), nil }
func (s *script) Close() error                { return nil }
