package maps_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/maps"
)

// outcome is what a look-up may lead to at most.
type outcome int

const (
	temporary outcome = iota // the server is at fault
	absent                   // not found
	value                    // the value "value"
)

func (o outcome) String() string { return [...]string{"temporary", "absent", "value"}[o] }

// outcomeOf classes the result of a look-up.
func outcomeOf(v string, err error) string {
	switch {
	case errors.Is(err, maps.ErrTempFail):
		return temporary.String()
	case err != nil:
		return absent.String()
	case v == "value":
		return value.String()
	}
	return fmt.Sprintf("value %.40q", v)
}

// misbehaviour is what a server does with one connection after it has read a request. slow ones last as long as they
// are let.
type misbehaviour struct {
	name  string
	want  outcome
	slow  bool
	reply func(c net.Conn, request []byte)
}

// say answers with a text.
func say(text string) func(net.Conn, []byte) {
	return func(c net.Conn, _ []byte) { io.WriteString(c, text) }
}

// sayAndClose answers and hangs up.
func sayAndClose(text string) func(net.Conn, []byte) {
	return func(c net.Conn, _ []byte) { io.WriteString(c, text); c.Close() }
}

// forever writes a text until nobody reads it any more.
func forever(text string) func(net.Conn, []byte) {
	block := bytes.Repeat([]byte(text), 1+(64<<10)/len(text))
	return func(c net.Conn, _ []byte) {
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// drip writes a text so slowly that no single wait is long.
func drip(text string) func(net.Conn, []byte) {
	return func(c net.Conn, _ []byte) {
		for {
			for i := range text {
				if _, err := io.WriteString(c, text[i:i+1]); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
}

func reset(c net.Conn, _ []byte) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func socketMisbehaviours() []misbehaviour {
	text := func(s string) string { return fmt.Sprintf("%d:%s,", len(s), s) }
	return []misbehaviour{
		{"right", value, false, say("8:OK value,")},
		{"one answer too many", value, false, say("8:OK value,8:OK other,")},
		{"silent", temporary, true, func(net.Conn, []byte) {}},
		{"drips digits", temporary, true, drip("0")},
		{"drips an answer", temporary, true, drip("900000:OK ")},
		{"hangs up", temporary, false, sayAndClose("")},
		{"resets", temporary, false, reset},
		{"hangs up in the length", temporary, false, sayAndClose("8")},
		{"hangs up after the length", temporary, false, sayAndClose("8:")},
		{"hangs up in the answer", temporary, false, sayAndClose("8:OK val")},
		{"hangs up before the comma", temporary, false, sayAndClose("8:OK value")},
		{"negative length", temporary, false, say("-1:OK value,")},
		{"signed length", temporary, false, say("+8:OK value,")},
		{"blank before the length", temporary, false, say(" 8:OK value,")},
		{"leading zeros", value, false, say("0008:OK value,")},
		{"length of ten digits", temporary, false, say("9999999999:OK value,")},
		{"length of thirty digits", temporary, false, say(strings.Repeat("9", 30) + ":OK value,")},
		{"length one more than the limit", temporary, false, say("1000001:OK value,")},
		{"length 2^32+8", temporary, false, say("4294967304:OK value,")},
		{"no length", temporary, false, say(":OK value,")},
		{"hexadecimal length", temporary, false, say("0x8:OK value,")},
		{"semicolon at the end", temporary, false, say("8:OK value;")},
		{"line end at the end", temporary, false, say("8:OK value\n")},
		{"blank for the colon", temporary, false, say("8 OK value,")},
		{"shorter than it says", temporary, true, say("20:OK value,")},
		{"longer than it says", temporary, false, say("2:OK value,")},
		{"no netstring", temporary, false, say("OK value\r\n")},
		{"NUL behind the value", value, false, say(text("OK value\x00REJECT"))},
		{"NUL in the status", temporary, false, say(text("O\x00K value"))},
		{"status in lower case", temporary, false, say(text("ok value"))},
		{"blank before the status", temporary, false, say(text(" OK value"))},
		{"tab behind the status", temporary, false, say(text("OK\tvalue"))},
		{"status with more", temporary, false, say(text("OKAY value"))},
		{"unknown status", temporary, false, say(text("MAYBE value"))},
		{"empty answer", temporary, false, say("0:,")},
		{"TEMP", temporary, false, say(text("TEMP value"))},
		{"TIMEOUT", temporary, false, say(text("TIMEOUT value"))},
		{"PERM", absent, false, say(text("PERM value"))},
		{"NOTFOUND", absent, false, say(text("NOTFOUND value"))},
		{"speaks HTTP", temporary, false, say("HTTP/1.0 200 OK\r\n\r\n8:OK value,")},
		{"speaks SMTP", temporary, false, say("220 mail.test ESMTP\r\n")},
		{"speaks TLS", temporary, false, say("\x15\x03\x01\x00\x02\x02\x28")},
		{"zeros", temporary, false, forever("\x00")},
		{"endless digits", temporary, false, forever("0")},
		{"endless answers", value, false, forever("8:OK value,")},
	}
}

// hostileServer serves one misbehaviour; its address is host:port.
func hostileServer(t testing.TB, m misbehaviour, read func(net.Conn) ([]byte, error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			wg.Go(func() {
				for {
					request, err := read(c)
					if err != nil {
						return
					}
					m.reply(c, request)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// readSome reads a request, which comes in one piece here.
func readSome(c net.Conn) ([]byte, error) {
	buf := make([]byte, 64<<10)
	n, err := c.Read(buf)
	return buf[:n], err
}

// endpointOf is an address as a socket map takes it.
func endpointOf(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return "inet:" + port + "@" + host
}

// lookUp asks once, within bounds of time and memory.
func lookUp(t *testing.T, spec maps.Spec) string {
	t.Helper()
	set, err := maps.NewSet([]maps.Spec{spec}, maps.Env{LDAPConf: "/dev/null"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	v, err := set.Lookup(context.Background(), "m", "key")
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := after.Sys - before.Sys; after.Sys > before.Sys && n > 128<<20 {
		t.Errorf("it took %d MB from the system", n>>20)
	}
	return outcomeOf(v, err)
}

func TestHostileSocketServers(t *testing.T) {
	for _, m := range socketMisbehaviours() {
		t.Run(m.name, func(t *testing.T) {
			addr := hostileServer(t, m, readSome)
			if got := lookUp(t, maps.Spec{Name: "m", Class: "socket", Args: "-d1s " + endpointOf(addr)}); got != m.want.String() {
				t.Errorf("%s, want %s", got, m.want)
			}
		})
	}
}

// TestSocketAnswersStayWithTheirQuestions: whatever comes too much or too late reaches no other session, and within one
// it is dropped where it came before the next question.
func TestSocketAnswersStayWithTheirQuestions(t *testing.T) {
	answers := make(chan struct{})
	echo := misbehaviour{reply: func(c net.Conn, request []byte) {
		_, key, _ := strings.Cut(strings.TrimSuffix(string(request), ","), " ")
		text := "OK " + key
		fmt.Fprintf(c, "%d:%s,", len(text), text)
		fmt.Fprintf(c, "9:OK evil-1,") // wrongly long for the next reader too
		answers <- struct{}{}
	}}
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "socket", Args: endpointOf(hostileServer(t, echo, readSome))}}, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	shared, end := maps.WithScope(context.Background())
	defer end()
	for i := range 20 {
		ctx := shared
		if i%2 == 1 {
			other, end := maps.WithScope(context.Background())
			defer end()
			ctx = other
		}
		key := fmt.Sprint("key", i)
		done := make(chan string, 1)
		go func() {
			v, err := set.Lookup(ctx, "m", key)
			done <- fmt.Sprint(v, err)
		}()
		<-answers // all is written, so that the connection is looked at after the surplus has come
		if got := <-done; got != key+"<nil>" {
			t.Errorf("question %d: %s", i, got)
		}
	}
}

// TestSlowKeyHindersNobody: while one look-up waits, others are answered, in one session and in several.
func TestSlowKeyHindersNobody(t *testing.T) {
	release := make(chan struct{})
	var once sync.Once
	m := misbehaviour{reply: func(c net.Conn, request []byte) {
		if strings.Contains(string(request), "slow") {
			<-release
		}
		io.WriteString(c, "8:OK value,")
	}}
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "socket", Args: endpointOf(hostileServer(t, m, readSome))}}, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := maps.WithScope(context.Background())
	defer end()
	slow := make(chan error, 1)
	go func() {
		_, err := set.Lookup(ctx, "m", "slow")
		slow <- err
	}()
	defer once.Do(func() { close(release) })
	for range 50 {
		if v, err := set.Lookup(ctx, "m", "quick"); v != "value" || err != nil {
			t.Fatal(v, err)
		}
	}
	once.Do(func() { close(release) })
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// FuzzSocketAnswer lets a server answer anything: a value comes only of an answer that is "OK" in a whole netstring.
func FuzzSocketAnswer(f *testing.F) {
	for _, s := range []string{"8:OK value,", "8:OK value", "2:OK,", "0:,", "11:NOTFOUND ,", "99999:OK", "4:PERM,", "8:OK value,8:OK value,"} {
		f.Add([]byte(s))
	}
	var mu sync.Mutex
	var answer []byte
	addr := hostileServer(f, misbehaviour{reply: func(c net.Conn, _ []byte) {
		mu.Lock()
		c.Write(answer)
		mu.Unlock()
		c.Close()
	}}, readSome)
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "socket", Args: "-d5s " + endpointOf(addr)}}, maps.Env{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		mu.Lock()
		answer = text
		mu.Unlock()
		_, err := set.Lookup(context.Background(), "m", "key")
		if err == nil && !wholeOK(text) {
			t.Errorf("%q gave a value", text)
		}
	})
}

// wholeOK reports whether a text begins with a netstring whose content is "OK" with or without a value.
func wholeOK(text []byte) bool {
	head, rest, ok := bytes.Cut(text, []byte{':'})
	n := 0
	if _, err := fmt.Sscanf(string(head), "%d", &n); err != nil || !ok || n < 0 || n >= len(rest) || rest[n] != ',' {
		return false
	}
	word, _, _ := bytes.Cut(bytes.SplitN(rest[:n], []byte{0}, 2)[0], []byte{' '})
	return string(word) == "OK"
}
