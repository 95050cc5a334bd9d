package mailers

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/sasl"
	"gosendmail/internal/status"
)

// secureFaults are what a peer does from its answer to STARTTLS on. All of it delays the mail, and none of it makes us
// send in clear.
var secureFaults = []struct {
	name, answer string
	then         func(net.Conn, *tls.Config) // after the answer; nil goes on in clear
}{
	{name: "disconnect", answer: ""},
	{name: "4xx", answer: "454 4.7.0 later"},
	{name: "5xx", answer: "502 5.5.1 what"},
	{name: "3xx", answer: "354 what"},
	{name: "text behind the answer", answer: "220 go\r\n250 injected"},
	{name: "a whole dialogue behind the answer", answer: "220 go\r\n250-peer\r\n250 AUTH PLAIN\r\n" +
		"250 ok\r\n250 ok\r\n354 go\r\n250 taken"},
	{name: "endless answer", answer: strings.Repeat("220-x\r\n", 200000) + "220 x"},
	{name: "NUL in the code", answer: "22\x000 go"},
	{name: "answer without an end", answer: "220-go"},
	{name: "silence", answer: "220 go", then: func(c net.Conn, _ *tls.Config) { io.Copy(io.Discard, c) }},
	{name: "text in place of the handshake", answer: "220 go", then: func(c net.Conn, _ *tls.Config) {
		io.WriteString(c, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n")
		io.Copy(io.Discard, c)
	}},
	{name: "handshake cut off", answer: "220 go", then: sends([]byte{22, 3, 3, 0, 200, 2})},
	{name: "records of zeros", answer: "220 go", then: sends(make([]byte, 100000))},
	{name: "alert", answer: "220 go", then: sends([]byte{21, 3, 3, 0, 2, 2, 40})},
	{name: "handshake again and again", answer: "220 go", then: func(c net.Conn, _ *tls.Config) {
		for range 1000 {
			if _, err := c.Write([]byte{22, 3, 3, 0, 4, 0, 0, 0, 0}); err != nil {
				return
			}
		}
	}},
	{name: "disconnect after the handshake", answer: "220 go", then: inTLS(func(net.Conn) {})},
	{name: "silence after the handshake", answer: "220 go", then: inTLS(func(c net.Conn) { io.Copy(io.Discard, c) })},
	{name: "disconnect in the second EHLO", answer: "220 go", then: inTLS(says("EHLO", ""))},
	{name: "4xx to the second EHLO", answer: "220 go", then: inTLS(says("EHLO", "451 no"))},
	{name: "disconnect in DATA", answer: "220 go", then: inTLS((&peer{dot: []string{""}}).serveAfterGreeting)},
	{name: "text after the handshake", answer: "220 go", then: func(c net.Conn, conf *tls.Config) {
		if tls.Server(c, conf).Handshake() == nil {
			io.WriteString(c, "250-peer\r\n250 HELP\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n")
		}
	}},
}

// sends sends something and hangs up.
func sends(b []byte) func(net.Conn, *tls.Config) {
	return func(c net.Conn, _ *tls.Config) { c.Write(b) }
}

// says answers one command so, and the others well.
func says(command, answer string) func(net.Conn) {
	return (&peer{answers: map[string]string{command: answer}}).serveAfterGreeting
}

// inTLS makes the handshake before it serves.
func inTLS(serve func(net.Conn)) func(net.Conn, *tls.Config) {
	return func(c net.Conn, conf *tls.Config) {
		secured := tls.Server(c, conf)
		defer secured.Close()
		if secured.Handshake() == nil {
			serve(secured)
		}
	}
}

// securePeer offers STARTTLS, answers it, and goes on with then; said is what it was told in clear.
func securePeer(t *testing.T, answer string, then func(net.Conn, *tls.Config)) (port string, said func() []string) {
	t.Helper()
	conf := selfSigned(t)
	p := &peer{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(c net.Conn) {
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		br := bufio.NewReader(c)
		for _, text := range []string{"220 peer ESMTP\r\n", "250-peer\r\n250 STARTTLS\r\n", answer + "\r\n"} {
			if text == "\r\n" {
				return
			}
			io.WriteString(c, text)
			if then != nil && text == answer+"\r\n" {
				then(c, conf)
				return
			}
			line, _ := br.ReadString('\n')
			p.mu.Lock()
			p.got = append(p.got, strings.TrimSpace(line))
			p.mu.Unlock()
		}
		(&peer{}).serveAfterGreeting(c)
	}
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); p.wg.Wait() })
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port, p.commands
}

// TestSecureFaults delivers to such peers where the site wants encryption.
func TestSecureFaults(t *testing.T) {
	no := status.Status{Exit: status.TempFail, Code: 403, Enhanced: status.Enhanced{4, 7, 0}, Text: "encryption needed"}
	for _, f := range secureFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			port, said := securePeer(t, f.answer, f.then)
			g := &scripted{refuse: map[string]error{}}
			for _, why := range []string{TLSNone, TLSTemp, TLSUsage, TLSProtocol, TLSConfig, TLSSoftware, TLSClear} {
				g.refuse[why] = no
			}
			cfg := g.config()
			const short = 500 * time.Millisecond
			cfg.Timeouts = Timeouts{StartTLS: short, Helo: short, Quit: short, Initial: 20 * time.Second}
			m := mustMailer(t, "esmtp, P=[IPC], F=ma, A=TCP $h "+port)
			for addr, s := range deliver(t, newTable(t, cfg), newJob(m, "[127.0.0.1]", "x", "y")) {
				if !s.Temporary() {
					t.Errorf("%s: %+v", addr, s)
				}
			}
			for _, line := range said() {
				if !slices.Contains([]string{"EHLO client.test", "STARTTLS", "QUIT", ""}, line) {
					t.Errorf("in clear: %q", line)
				}
			}
		})
	}
}

// authFaults are what a peer answers to AUTH, and then to everything.
var authFaults = []struct {
	name, mechanism, answer string
	exit                    int
}{
	{"disconnect", "PLAIN", "", status.TempFail},
	{"endless challenges", "LOGIN", "334 " + base64.StdEncoding.EncodeToString([]byte("Username:")), status.TempFail},
	{"empty challenges without an end", "PLAIN", "334 ", status.TempFail},
	{"challenges that are no base64", "CRAM-MD5", "334 \x00\xff!!", status.TempFail},
	{"giant challenges", "CRAM-MD5", "334 " + strings.Repeat("QUFB", 30000), status.TempFail},
	{"challenges of many lines", "DIGEST-MD5", strings.Repeat("334-QUFB\r\n", 1000) + "334 QUFB", status.TempFail},
	{"endless answer", "PLAIN", strings.Repeat("235-x\r\n", 200000) + "235 x", status.TempFail},
	{"421", "PLAIN", "421 4.3.2 bye", status.TempFail},
}

// TestAuthFaults: no peer keeps a delivery in an exchange, and the mail waits.
func TestAuthFaults(t *testing.T) {
	for _, f := range authFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := &peer{ehlo: "250-peer\r\n250 AUTH " + f.mechanism}
			p.answers = map[string]string{"AUTH": f.answer, "*": f.answer}
			for _, word := range []string{"Username:", "joe", "secret", ""} {
				p.answers[base64.StdEncoding.EncodeToString([]byte(word))] = f.answer
			}
			p.start(t)
			joe := sasl.Credentials{User: "joe", Password: "secret"}
			g := &scripted{login: &Login{Credentials: joe, Mechanisms: []string{f.mechanism}, InClear: true}}
			began := time.Now()
			s := deliver(t, newTable(t, g.config()), newJob(smtpMailer(t, p), "peer.test", "x"))["x"]
			if s.Exit != f.exit {
				t.Errorf("%+v", s)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if n := len(p.commands()); n > 2*maxChallenges {
				t.Errorf("%d commands", n)
			}
			if slices.ContainsFunc(p.commands(), func(c string) bool { return strings.HasPrefix(c, "MAIL") }) {
				t.Errorf("not logged in, and yet: %q", p.commands())
			}
		})
	}
}
