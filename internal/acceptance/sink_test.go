package acceptance

import (
	"io"
	"net"
	"testing"

	"github.com/emersion/go-smtp"
)

// serveSink answers on l with go-smtp's server until the test ends.
func serveSink(t *testing.T, l net.Listener, s *sink) {
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{s: s}, nil }))
	srv.Domain = "sink.test"
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
}

type sinkSession struct {
	s *sink
	m message
}

func (x *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	x.m.from = from
	return nil
}
func (x *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.m.to = append(x.m.to, to)
	return nil
}
func (x *sinkSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	x.m.text = string(text)
	x.s.got <- x.m
	return err
}
func (x *sinkSession) Reset()        { x.m = message{} }
func (x *sinkSession) Logout() error { return nil }
