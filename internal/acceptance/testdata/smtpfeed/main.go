// The program smtpfeed speaks LMTP (RFC 2033) on its standard input and output, as a smart-host program does, and
// stores what it gets in smtpfeed.d beside itself: one file a message, first the envelope, then the content. Lines may
// end in LF or CRLF, for the site's mailer says E=\n.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	exe, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	s := session{dir: filepath.Join(filepath.Dir(exe), "smtpfeed.d"), in: bufio.NewReader(os.Stdin)}
	if err := s.serve(); err != nil && err != io.EOF {
		log.Fatal(err)
	}
}

type session struct {
	dir  string
	in   *bufio.Reader
	from string
	to   []string
}

func (s *session) line() (string, error) {
	l, err := s.in.ReadString('\n')
	return strings.TrimSuffix(strings.TrimSuffix(l, "\n"), "\r"), err
}

func say(format string, args ...any) { fmt.Printf(format+"\r\n", args...) }

// path returns what stands between the angle brackets of a command.
func path(line string) string {
	_, p, _ := strings.Cut(line, "<")
	p, _, _ = strings.Cut(p, ">")
	return p
}

func (s *session) serve() error {
	say("220 smtpfeed LMTP")
	for {
		line, err := s.line()
		if err != nil {
			return err
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch verb {
		case "LHLO":
			say("250-smtpfeed")
			say("250-PIPELINING")
			say("250 8BITMIME")
		case "MAIL":
			s.from, s.to = path(line), nil
			say("250 2.1.0 ok")
		case "RCPT":
			s.to = append(s.to, path(line))
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go on")
			if err := s.store(); err != nil {
				return err
			}
			for _, to := range s.to {
				say("250 2.0.0 <%s> stored", to)
			}
		case "RSET":
			s.from, s.to = "", nil
			say("250 2.0.0 ok")
		case "QUIT":
			say("221 2.0.0 bye")
			return nil
		default:
			say("500 5.5.1 %q?", verb)
		}
	}
}

// store writes the message; its name appears only when it is whole.
func (s *session) store() error {
	f, err := os.CreateTemp(s.dir, "t")
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(f, "from <%s> to <%s>\n", s.from, strings.Join(s.to, "> <"))
	for {
		line, err := s.line()
		if err != nil {
			return err
		}
		if line == "." {
			return os.Rename(f.Name(), filepath.Join(s.dir, "m"+filepath.Base(f.Name())))
		}
		fmt.Fprintln(f, strings.TrimPrefix(line, "."))
	}
}
