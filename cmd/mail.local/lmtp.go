package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gosendmail/internal/status"
)

// maxLine is the longest command, in bytes with its end.
const maxLine = 4096

// session is one LMTP dialogue.
type session struct {
	*program
	in      *bufio.Reader
	out     *bufio.Writer
	host    string
	greeted bool
	sender  *string // nil: no MAIL yet
	users   []string
	bareLF  bool // the last command ended in a newline alone
}

// serve speaks LMTP until QUIT or the end of the input.
func (p *program) serve(ctx context.Context, in io.Reader, out io.Writer) int {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	s := &session{program: p, in: bufio.NewReaderSize(in, 64<<10), out: bufio.NewWriter(out), host: host}
	s.reply("220 %s LMTP ready", host)
	for {
		if s.in.Buffered() == 0 {
			if err := s.out.Flush(); err != nil {
				return status.TempFail
			}
		}
		line, err := s.line()
		if err != nil {
			s.out.Flush()
			return status.OK // as the original: what was answered is done
		}
		if strings.EqualFold(line, "QUIT") {
			s.reply("221 2.0.0 Bye")
			s.out.Flush()
			return status.OK
		}
		if err := s.command(ctx, line); errors.Is(err, io.ErrUnexpectedEOF) {
			return status.OK
		} else if err != nil {
			return status.TempFail
		}
	}
}

func (s *session) reply(format string, args ...any) { fmt.Fprintf(s.out, format+"\r\n", args...) }

// line reads a command. One that is too long is read to its end and becomes "".
func (s *session) line() (string, error) {
	var text []byte
	long := false
	for {
		piece, err := s.in.ReadSlice('\n')
		if long = long || len(text)+len(piece) > maxLine; !long {
			text = append(text, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", err
		}
		if long {
			return "", nil
		}
		line := strings.TrimSuffix(string(text), "\n")
		s.bareLF = !strings.HasSuffix(line, "\r")
		return strings.TrimSuffix(line, "\r"), nil
	}
}

// command answers one command. An error means that the dialogue cannot go on.
func (s *session) command(ctx context.Context, line string) error {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "LHLO":
		s.hello(line)
	case "MAIL":
		s.mail(line)
	case "RCPT":
		s.rcpt(ctx, line)
	case "DATA":
		return s.data(ctx)
	case "RSET":
		s.reset()
		s.reply("250 2.0.0 Ok")
	case "NOOP":
		s.reply("250 2.0.0 Ok")
	case "VRFY":
		s.reply("252 2.3.3 Try RCPT to attempt delivery")
	default:
		s.reply("500 5.5.2 Syntax error")
	}
	return nil
}

func (s *session) reset() { s.sender, s.users = nil, nil }

func (s *session) hello(line string) {
	switch {
	case len(line) < len("LHLO ")+1:
		s.reply("500 5.5.2 Syntax error")
	case s.greeted:
		s.reply("503 %s Duplicate LHLO", s.host)
	default:
		s.greeted = true
		s.reply("250-%s", s.host)
		if !s.sevenBit {
			s.reply("250-8BITMIME")
		}
		s.reply("250-ENHANCEDSTATUSCODES")
		s.reply("250 PIPELINING")
	}
}

func (s *session) mail(line string) {
	arg, ok := argument(line, "MAIL ")
	if !ok {
		s.reply("500 5.5.2 Syntax error")
		return
	}
	if s.sender != nil {
		s.reply("503 5.5.1 Nested MAIL command")
		return
	}
	path, ok := argument(arg, "FROM:")
	address, ok2 := parsePath(path)
	if !ok || !ok2 {
		s.reply("501 5.5.4 Syntax error in parameters")
		return
	}
	if address == "" {
		address = "MAILER-DAEMON"
	}
	s.sender = &address
	s.reply("250 2.5.0 Ok")
}

func (s *session) rcpt(ctx context.Context, line string) {
	arg, ok := argument(line, "RCPT ")
	if !ok {
		s.reply("500 5.5.2 Syntax error")
		return
	}
	if s.sender == nil {
		s.reply("503 5.5.1 Need MAIL command")
		return
	}
	path, ok := argument(arg, "TO:")
	address, ok2 := parsePath(path)
	if !ok || !ok2 {
		s.reply("501 5.5.4 Syntax error in parameters")
		return
	}
	name := localName(address)
	if _, f := s.user(ctx, name); f != nil {
		s.reply("%s %s", f.code, f.text)
		return
	}
	s.users = append(s.users, name)
	s.reply("250 2.1.5 Ok")
}

// data takes the message and answers once for each recipient, when it is on disk for him.
func (s *session) data(ctx context.Context) error {
	if len(s.users) == 0 {
		s.reply("503 5.5.1 No recipients")
		return nil
	}
	s.reply("354 Go ahead")
	if err := s.out.Flush(); err != nil {
		return err
	}
	body := &dotReader{in: s.in, bareLF: s.bareLF, begin: true}
	m, err := collect(*s.sender, body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if err != nil {
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		for range s.users {
			s.reply("450 4.2.0 Temporary file write error: %s", err)
		}
		s.reset()
		return nil
	}
	defer m.Close()
	for _, user := range s.users {
		if f := s.deliver(ctx, user, m); f != nil {
			s.reply("%s %s", f.code, f.text)
		} else {
			s.reply("250 2.1.5 %s Ok", user)
		}
	}
	s.reset()
	return nil
}

// argument cuts a word off the beginning of text, in any case of letters.
func argument(text, word string) (string, bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return "", false
	}
	return text[len(word):], true
}

// parsePath takes the address out of "<address> parameters", without a source route (RFC 5321 section 4.1.2).
func parsePath(text string) (address string, ok bool) {
	if !strings.HasPrefix(text, "<") {
		return "", false
	}
	quoted := false
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '>' && !quoted:
			if i+1 < len(text) && text[i+1] != ' ' {
				return "", false
			}
			return withoutRoute(text[1:i]), true
		}
	}
	return "", false
}

func withoutRoute(address string) string {
	if strings.HasPrefix(address, "@") {
		if _, after, ok := strings.Cut(address, ":"); ok {
			return after
		}
	}
	return address
}

// localName is the user whom an address names: without domain, detail and quotes.
func localName(address string) string {
	var name strings.Builder
	quoted := false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case c == '"':
			quoted = !quoted
			continue
		case !quoted && (c == '@' || c == '+'):
			return name.String()
		}
		name.WriteByte(address[i])
	}
	return name.String()
}

// dotReader reads a message up to the line that is a dot alone, and takes a dot off lines that begin with one. A
// newline without carriage return ends neither line for that purpose, unless the client ends its commands so: a message
// must not say where it ends.
type dotReader struct {
	in     *bufio.Reader
	bareLF bool
	begin  bool // at the beginning of a line
	rest   []byte
	done   bool
}

func (d *dotReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.done {
			return 0, io.EOF
		}
		piece, err := d.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		d.take(piece)
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *dotReader) take(piece []byte) {
	text := string(piece)
	if d.begin && (text == ".\r\n" || d.bareLF && text == ".\n") {
		d.done = true
		return
	}
	if d.begin && piece[0] == '.' {
		piece = piece[1:]
	}
	d.rest = piece
	d.begin = strings.HasSuffix(text, "\r\n") || d.bareLF && strings.HasSuffix(text, "\n")
}
