package mta

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/guard"
	"gosendmail/internal/smtpd"
	"gosendmail/maps"
)

// breakable is a map that panics for the key "broken", and has all other keys.
type breakable struct{}

func (breakable) Lookup(_ context.Context, key string, _ ...string) (string, error) {
	if key == "broken" {
		panic("broken map")
	}
	return key, nil
}

func (breakable) Close() error { return nil }

// breakableServer asks a map for the local part "broken": for a sender in check_mail, for ETRN in check_etrn, for a
// recipient at another host in the mailer's own ruleset, that is, when the message is delivered.
func breakableServer(t *testing.T) *Server {
	t.Helper()
	rules := "Scheck_mail\nR<$- @ $+>	$: $(breakable $1 $)\nScheck_etrn\nR$- . $+	$: $(breakable $1 $)\nSbreakTo\nR$- @ $+	$: $(breakable $1 $) @ $2\n"
	config := strings.Replace(testConfig, "Scheck_mail\nR$*bad$*", "Kbreakable null\n"+rules+"Sold_check_mail\nR$*bad$*", 1)
	config = strings.Replace(config, "Mrelay, P=[IPC], F=mDFMuX,", "Mrelay, P=[IPC], F=mDFMuX, R=breakTo,", 1)
	return testServerOf(t, "false", config, nil)
}

// breakMap lets the map panic from now on. Until then it has nothing.
func breakMap(t *testing.T, s *Server) {
	t.Helper()
	env := s.site.env
	env.Classes = map[string]maps.Class{"breakable": {Open: func(*maps.Params) (maps.Map, error) { return breakable{}, nil }}}
	var err error
	if s.site.Maps, err = maps.NewSet([]maps.Spec{{Name: "breakable", Class: "breakable"}}, env); err != nil {
		t.Fatal(err)
	}
}

// panics counts the lines of the log that name a panic and its place.
func panics(t *testing.T, s *Server, value string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(s.spool.Group("").Directories()[0]), "log"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "panic in ") && strings.Contains(line, ": "+value+" at mta/panic_test.go:") {
			n++
		}
	}
	return n
}

// talkTo sends commands over a connection of their own and returns the last reply to each that was answered.
func talkTo(t *testing.T, addr string, commands ...string) (replies []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, command := range append([]string{""}, commands...) {
		if command != "" {
			fmt.Fprintf(c, "%s\r\n", command)
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				return replies
			}
			if line[3] == ' ' {
				replies = append(replies, strings.TrimRight(line, "\r\n"))
				break
			}
		}
	}
	return replies
}

// TestPanicInMapEndsOneSession lets a map panic under rule sets of a session: that client gets a 421 and the end of its
// connection, the log names the place, and others, also those that are connected already, are served.
func TestPanicInMapEndsOneSession(t *testing.T) {
	s := breakableServer(t)
	breakMap(t, s)
	srv := smtpd.New(smtpd.Config{HostName: "mail.test", Panicked: s.Panicked,
		NewSession: func(_ context.Context, c smtpd.Conn) (smtpd.Session, error) {
			return s.NewSession(&Daemon{Name: "MTA", Family: "inet"}, netip.MustParseAddrPort("127.0.0.1:25"), AddrPort(c.Remote)), nil
		}})
	l, err := smtpd.Listen(context.Background(), "tcp", "127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	done := guard.Start("server", func() error { return srv.Serve(context.Background(), l) })
	addr := l.Addr().String()
	other, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(other)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for i, command := range []string{"MAIL FROM:<broken@mail.test>", "ETRN broken.mail.test"} {
		got := talkTo(t, addr, "EHLO client.test", command)
		if len(got) != 3 || !strings.HasPrefix(got[2], "421 4.3.0 mail.test") {
			t.Errorf("%s: %q", command, got)
		}
		if n := panics(t, s, "broken map"); n != i+1 {
			t.Errorf("%s: %d panics in the log, want %d", command, n, i+1)
		}
	}
	if got := talkTo(t, addr, "EHLO client.test", "MAIL FROM:<whole@mail.test>", "RCPT TO:<alice@mail.test>", "QUIT"); len(got) != 5 || got[3][:3] != "250" {
		t.Errorf("the next client: %q", got)
	}
	io.WriteString(other, "NOOP\r\n")
	if line, err := in.ReadString('\n'); err != nil || line[:3] != "250" {
		t.Errorf("the client before: %q, %v", line, err)
	}
	other.Close()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	<-done
}

// TestPanicInRunOfETRN lets the delivery that ETRN asks for panic: the message stays, the log names the place, others
// are delivered, also by the next ETRN.
func TestPanicInRunOfETRN(t *testing.T) {
	s := breakableServer(t)
	c := s.testSession(t)
	id := c.id
	for _, to := range []string{"<broken@other.test>", "<alice@mail.test>"} {
		if got := shown(send(t, c, "<a@other.test>", []string{to}, "Subject: x\n\nx\n")); !strings.HasPrefix(got, "250 ") {
			t.Fatal(to, got)
		}
	}
	breakMap(t, s)
	for i := range 2 {
		if r := c.Etrn(context.Background(), "@test"); r.Code != 250 {
			t.Fatal(shown(r))
		}
		s.Wait()
		if n := panics(t, s, "broken map"); n != i+1 {
			t.Errorf("%d panics in the log, want %d", n, i+1)
		}
		if left := queueFiles(t, s); len(left) != 1 || !strings.HasSuffix(left[0], id) {
			t.Errorf("left in the queue: %v", left)
		}
	}
	if box := mailbox(t, s, "alice"); strings.Count(box, "Subject: x\n") != 1 {
		t.Errorf("mailbox:\n%s", box)
	}
}
