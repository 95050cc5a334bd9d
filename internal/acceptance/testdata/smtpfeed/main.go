// The program smtpfeed speaks LMTP on its standard input and output, as a smart-host program does, and stores what it gets:
// one file a message, first the envelope, then the content. The folder is SMTPFEED_DIR or beside the program.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

func main() {
	exe, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	s := smtp.NewServer(backend{filepath.Join(filepath.Dir(exe), "smtpfeed.d")})
	s.LMTP, s.Domain, s.AllowInsecureAuth = true, "smtpfeed", true
	done := make(chan struct{})
	l := &stdio{conn: conn{done: done}, done: done}
	if err := s.Serve(l); err != nil && err != smtp.ErrServerClosed && err != io.EOF {
		log.Fatal(err)
	}
}

// stdio is a listener that gives one connection, on standard input and output, and ends with it.
type stdio struct {
	conn  conn
	taken bool
	done  chan struct{}
}

func (l *stdio) Accept() (net.Conn, error) {
	if !l.taken {
		l.taken = true
		return &l.conn, nil
	}
	<-l.done
	return nil, io.EOF
}
func (l *stdio) Close() error   { return nil }
func (l *stdio) Addr() net.Addr { return &net.UnixAddr{Name: "stdin"} }

type conn struct {
	done   chan struct{}
	closed bool
}

func (c *conn) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (c *conn) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (c *conn) Close() error {
	if !c.closed {
		c.closed = true
		close(c.done)
	}
	return nil
}
func (c *conn) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "stdout"} }
func (c *conn) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "stdin"} }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

type backend struct{ dir string }

func (b backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{dir: b.dir}, nil }

type session struct {
	dir  string
	from string
	to   []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}
func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "m")
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "from <%s> to <%s>\n%s", s.from, strings.Join(s.to, "> <"), text)
	return err
}
