package mta

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hangs is how long a session or a delivery may take over one answer: the limits of the maps and of the name server,
// each met a few times.
const hangs = time.Minute

// mayNotHang ends the program, and so names the input to the fuzzing engine, when what it is deferred in does not
// return: defer mayNotHang()().
func mayNotHang() func() bool {
	return time.AfterFunc(hangs, func() { panic("an input hangs") }).Stop
}

// answering is a server that answers each request with the same bytes and hangs up.
type answering struct {
	mu   sync.Mutex
	text []byte
}

func (a *answering) listen(f *testing.F) (host, port string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				if n, err := c.Read(buf); err != nil || n == 0 {
					return
				}
				a.mu.Lock()
				defer a.mu.Unlock()
				c.Write(a.text)
			}()
		}
	}()
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

// fuzzMap runs sessions whose check_mail asks a map: it accepts only where the map's value is "yes". good is what an
// answer with that value contains.
func fuzzMap(f *testing.F, line func(host, port string) string, good func(text []byte) bool) {
	a := &answering{}
	config := strings.Replace(testConfig, "Scheck_mail\n", line(a.listen(f))+"\nScheck_mail\nR$*ask$*\t$: <$(fuzzed key $: no $)>\nR<yes>\t$@ OK\nR<$*>\t$#error $@ 5.7.1 $: \"550 no: \" $1\n", 1)
	s := testServerOf(f, "false", config, nil)
	f.Fuzz(func(t *testing.T, text []byte) {
		defer mayNotHang()()
		a.mu.Lock()
		a.text = text
		a.mu.Unlock()
		c := s.testSession(t)
		r := c.Mail(context.Background(), "<ask@other.test>", nil)
		if r.Code < 400 && !good(text) {
			t.Errorf("%q: %d %q", text, r.Code, r.Lines)
		}
		// Bytes of the map may stand in the reply: smtpd keeps line ends and control characters off the wire.
		c.Close(context.Background(), nil)
	})
}

func FuzzSocketMapBehindMail(f *testing.F) {
	for _, s := range []string{"6:OK yes,", "5:OK no,", "4:TEMP,", "9:NOTFOUND ,", "6:OK yes", "12:OK yes\x9d\x9e\x98xx,", "300:OK " + strings.Repeat("x", 297) + ","} {
		f.Add([]byte(s))
	}
	line := func(host, port string) string { return "Kfuzzed socket -d5s inet:" + port + "@" + host }
	fuzzMap(f, line, func(text []byte) bool { return strings.EqualFold(socketValue(string(text)), "yes") })
}

// socketValue is the value in a text that begins with a whole netstring "OK value"; a NUL ends it.
func socketValue(text string) string {
	length, rest, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n >= len(rest) || rest[n] != ',' {
		return ""
	}
	answer, _, _ := strings.Cut(rest[:n], "\x00")
	status, value, _ := strings.Cut(answer, " ")
	if status != "OK" {
		return ""
	}
	return value
}

func FuzzLDAPMapBehindMail(f *testing.F) {
	entry := "\x30\x1b\x02\x01\x01\x64\x16\x04\x05uid=x\x30\x0d\x30\x0b\x04\x02cn\x31\x05\x04\x03yes"
	for _, s := range []string{entry + "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00", "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x33\x04\x00\x04\x00", entry, "\x30\x80", "\x30\x84\xff\xff\xff\xff"} {
		f.Add([]byte(s))
	}
	line := func(host, port string) string {
		return "Kfuzzed ldap -h " + host + " -p " + port + " -b dc=x -k (uid=%%0) -v cn -R -l 5 -c 5"
	}
	fuzzMap(f, line, func(text []byte) bool {
		return strings.Contains(strings.ToLower(string(text)), "yes") && strings.Contains(string(text), "\x0a\x01\x00")
	})
}
