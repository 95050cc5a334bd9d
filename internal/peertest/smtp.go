package peertest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"time"
)

// patience is how long a peer that stays silent, or sends without end, keeps a connection.
const patience = 8 * time.Second

// Peer is one way in which a server for SMTP can misbehave.
type Peer struct {
	Name string
	// Answers are what is sent, as it is, instead of the usual answer to a command, by the command's verb; "greeting"
	// and "." stand for the connection and for the end of a message.
	Answers map[string]string
	// Then is done after the answer to one of those commands was sent; nil goes on with the dialogue.
	Then func(c net.Conn)
	// Early is sent after 354, before the message has come.
	Early string
}

// usual are the answers of a peer without faults.
var usual = map[string]string{
	"greeting": "220 peer.test ESMTP\r\n",
	"EHLO":     "250-peer.test\r\n250-PIPELINING\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n", "HELO": "250 peer.test\r\n",
	"MAIL": "250 2.1.0 ok\r\n", "RCPT": "250 2.1.5 ok\r\n", "DATA": "354 go on\r\n", ".": "250 2.0.0 taken\r\n",
	"RSET": "250 2.0.0 ok\r\n", "QUIT": "221 2.0.0 bye\r\n",
}

// Serve holds one dialogue.
func (p Peer) Serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * patience))
	if !p.answer(c, "greeting") {
		return
	}
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		if !p.answer(c, verb) || verb == "QUIT" {
			return
		}
		if verb == "DATA" && strings.HasPrefix(p.text("DATA"), "354") {
			io.WriteString(c, p.Early)
			if !skipMessage(in) || !p.answer(c, ".") {
				return
			}
		}
	}
}

func (p Peer) text(verb string) string {
	if text, ok := p.Answers[verb]; ok {
		return text
	}
	if text, ok := usual[verb]; ok {
		return text
	}
	return "500 5.5.1 what?\r\n"
}

// answer sends what the peer says to a command; false ends the dialogue.
func (p Peer) answer(c net.Conn, verb string) bool {
	if _, err := io.WriteString(c, p.text(verb)); err != nil {
		return false
	}
	if _, faulty := p.Answers[verb]; faulty && p.Then != nil {
		p.Then(c)
		return false
	}
	return true
}

func skipMessage(in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.TrimRight(line, "\r\n") == "." {
			return true
		}
	}
}

// The ways to end a dialogue.
func hangUp(net.Conn) {}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
}

// silent reads what comes and says nothing.
func silent(c net.Conn) {
	c.SetDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, c)
}

// deaf does not even read.
func deaf(c net.Conn) {
	time.Sleep(patience / 3)
}

// endless sends the same text until the other side has enough.
func endless(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.SetDeadline(time.Now().Add(patience))
		block := strings.Repeat(text, 1+4096/len(text))
		for {
			if _, err := io.WriteString(c, block); err != nil {
				return
			}
		}
	}
}

// drip sends a text a byte at a time, slowly.
func drip(text string) func(net.Conn) {
	return func(c net.Conn) {
		c.SetDeadline(time.Now().Add(patience))
		for i := 0; ; i++ {
			if _, err := io.WriteString(c, text[i%len(text):i%len(text)+1]); err != nil {
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
	}
}

// Peers are the peers that misbehave.
func Peers() []Peer {
	list := greetings()
	list = append(list, hellos()...)
	for _, verb := range []string{"MAIL", "RCPT", "DATA", "."} {
		list = append(list, replies(verb)...)
	}
	return append(list, endings()...)
}

func greetings() []Peer {
	on := func(name, text string, then func(net.Conn)) Peer {
		return Peer{Name: "greeting: " + name, Answers: map[string]string{"greeting": text}, Then: then}
	}
	return []Peer{
		on("closed", "", hangUp),
		on("reset", "", reset),
		on("silent", "", silent),
		on("half a line", "220 pe", silent),
		on("half a line, closed", "220 pe", hangUp),
		on("endless lines", "", endless("220-peer.test ESMTP\r\n")),
		on("endless line", "220 ", endless("x")),
		on("endless junk", "", endless("junk\r\n")),
		on("endless empty lines", "", endless("\r\n")),
		on("endless NULs", "", endless("\x00")),
		on("slow", "", drip("220-peer.test\r\n")),
		on("421", "421 4.3.2 not now\r\n", nil),
		on("421, closed", "421 4.3.2 not now\r\n", hangUp),
		on("450", "450 4.3.2 not now\r\n", nil),
		on("554", "554 5.3.2 go away\r\n", nil),
		on("521", "521 5.3.2 no mail here\r\n", nil),
		on("250", "250 hello\r\n", nil),
		on("354", "354 go on\r\n", nil),
		on("000", "000 hello\r\n", nil),
		on("099", "099 hello\r\n", nil),
		on("199", "199 hello\r\n", nil),
		on("600", "600 hello\r\n", nil),
		on("999", "999 hello\r\n", nil),
		on("2200", "2200 hello\r\n", nil),
		on("22", "22 hello\r\n", nil),
		on("letters", "HTTP/1.0 400 no\r\n\r\n", nil),
		on("no text", "220\r\n", nil),
		on("line feed", "220 peer.test ESMTP\n", nil),
		on("carriage return", "220 peer.test ESMTP\r", silent),
		on("junk before", "hello\r\nworld\r\n220 peer.test ESMTP\r\n", nil),
		on("empty lines before", "\r\n\r\n220 peer.test ESMTP\r\n", nil),
		on("codes that differ", "220-one\r\n250 two\r\n", nil),
		on("5 behind 2", "220-one\r\n554 two\r\n", nil),
		on("2 behind 5", "554-one\r\n220 two\r\n", nil),
		on("controls", "220 peer.test \x1b[31m\x07\x00\x7f ESMTP\r\n", nil),
		on("c1", "220 peer.test \x9b31m ESMTP\r\n", nil),
		on("8-bit", "220 p\xe9er.test ESMTP\r\n", nil),
		on("TLS", "\x16\x03\x01\x00\x05hello\r\n", silent),
		on("then 421", "220 peer.test ESMTP\r\n421 4.3.2 changed my mind\r\n", hangUp),
		on("554 with controls", "554 5.3.2 go \x1b[31m\x9b31m\x80 a\tway\\ \r\n", nil),
		on("two", "220 peer.test ESMTP\r\n220 peer.test ESMTP\r\n", nil),
		on("own name", "220 mail.example.test ESMTP\r\n", nil),
	}
}

func hellos() []Peer {
	on := func(name, text string, then func(net.Conn)) Peer {
		return Peer{Name: "EHLO: " + name, Answers: map[string]string{"EHLO": text}, Then: then}
	}
	return []Peer{
		on("closed", "", hangUp),
		on("silent", "", silent),
		on("500", "500 5.5.1 what?\r\n", nil),
		on("421", "421 4.3.2 no\r\n", nil),
		on("451", "451 4.3.2 no\r\n", nil),
		on("354", "354 go on\r\n", nil),
		on("220", "220 peer.test\r\n", nil),
		on("own name", "250 mail.example.test\r\n", nil),
		on("own name, long", "250-mail.example.test hello\r\n250 DSN\r\n", nil),
		on("endless keywords", "250-peer.test\r\n", endless("250-X\r\n")),
		on("a thousand keywords", "250-peer.test\r\n"+strings.Repeat("250-KEYWORD\r\n", 1000)+"250 DSN\r\n", nil),
		on("a long keyword", "250-peer.test\r\n250-"+strings.Repeat("X", 100000)+"\r\n250 DSN\r\n", nil),
		on("endless line", "250-peer.test\r\n250-", endless("X")),
		on("SIZE 1", "250-peer.test\r\n250 SIZE 1\r\n", nil),
		on("SIZE overflow", "250-peer.test\r\n250 SIZE 99999999999999999999999\r\n", nil),
		on("SIZE negative", "250-peer.test\r\n250 SIZE -1\r\n", nil),
		on("SIZE junk", "250-peer.test\r\n250 SIZE x\r\n", nil),
		on("AUTH without mechanisms", "250-peer.test\r\n250 AUTH\r\n", nil),
		on("HELO too", "500 no\r\n", nil).also("HELO", "500 no\r\n"),
		on("HELO 421", "500 no\r\n", nil).also("HELO", "421 no\r\n"),
		on("controls", "250-peer.test\r\n250-\x1b[31m\x9b\x00\r\n250 DSN\r\n", nil),
		on("two", "250 peer.test\r\n250 peer.test\r\n", nil),
		on("empty keywords", "250-peer.test\r\n250-\r\n250 \r\n", nil),
		on("without the last line", "250-peer.test\r\n250-DSN\r\n", silent),
		on("other code inside", "250-peer.test\r\n550-DSN\r\n250 HELP\r\n", nil),
	}
}

func (p Peer) also(verb, text string) Peer {
	p.Answers[verb] = text
	return p
}

// replies are the faults that any command can meet.
func replies(verb string) []Peer {
	on := func(name, text string, then func(net.Conn)) Peer {
		return Peer{Name: verb + ": " + name, Answers: map[string]string{verb: text}, Then: then}
	}
	list := []Peer{
		on("closed", "", hangUp),
		on("reset", "", reset),
		on("silent", "", silent),
		on("half", "25", hangUp),
		on("not ended", "250 2.0.0 ok", hangUp),
		on("bare", "250\r\n", nil),
		on("without last", "250-2.0.0 ok\r\n", hangUp),
		on("endless", "", endless("250-2.0.0 ok\r\n")),
		on("endless junk", "", endless("junk\r\n")),
		on("endless line", "250 ", endless("x")),
		on("junk before", "junk\r\n250 2.0.0 ok\r\n", nil),
		on("enhanced 5 with 250", "250 5.7.1 no\r\n", nil),
		on("enhanced 2 with 550", "550 2.0.0 yes\r\n", nil),
		on("000", "000 2.0.0 ok\r\n", nil),
		on("150", "150 wait\r\n", nil),
		on("350", "350 more\r\n", nil),
		on("600", "600 ok\r\n", nil),
		on("2500", "2500 ok\r\n", nil),
		on("2 then 5", "250-2.0.0 ok\r\n550 5.7.1 no\r\n", nil),
		on("5 then 2", "550-5.7.1 no\r\n250 2.0.0 ok\r\n", nil),
		on("controls", "550 5.7.1 \x1b[31mno\x07\x00\x9b1m\x80\xff\\\r\n", nil),
		on("long", "550 5.7.1 "+strings.Repeat("long ", 1000)+"\r\n", nil),
		on("many lines", strings.Repeat("550-5.7.1 no\r\n", 200)+"550 5.7.1 no\r\n", nil),
	}
	for _, code := range []string{"251", "252", "421", "450", "451", "452", "500", "501", "502", "503", "504", "521",
		"530", "550", "551", "552", "553", "554", "555", "571", "599"} {
		list = append(list, on(code, code+" words\r\n", nil))
	}
	return list
}

func endings() []Peer {
	return []Peer{
		{Name: "DATA: 250", Answers: map[string]string{"DATA": "250 2.0.0 ok\r\n"}},
		{Name: "DATA: 354, closed", Answers: map[string]string{"DATA": "354 go on\r\n"}, Then: hangUp},
		{Name: "DATA: 354, reset", Answers: map[string]string{"DATA": "354 go on\r\n"}, Then: reset},
		{Name: "DATA: 354, deaf", Answers: map[string]string{"DATA": "354 go on\r\n"}, Then: deaf},
		{Name: "DATA: 250 before the message", Early: "250 2.0.0 taken\r\n"},
		{Name: "DATA: 554 before the message", Early: "554 5.7.1 no\r\n"},
		{Name: ".: 250 twice", Answers: map[string]string{".": "250 2.0.0 taken\r\n250 2.0.0 taken\r\n"}},
		{Name: ".: 354", Answers: map[string]string{".": "354 go on\r\n"}},
		{Name: "QUIT: silent", Answers: map[string]string{"QUIT": ""}, Then: silent},
		{Name: "QUIT: endless", Answers: map[string]string{"QUIT": ""}, Then: endless("221-bye\r\n")},
		{Name: "QUIT: reset", Answers: map[string]string{"QUIT": ""}, Then: reset},
	}
}
