// Command rmail takes mail that came by UUCP, whose From lines name the hosts on its way, and gives it to sendmail.
//
//	rmail [-D domain] [-T] user ...
//
// The lines "From user date remote from host" and ">From ..." at its beginning become one return path, host!host!user,
// and the name of the host it came from, for -p: -pUUCP:host.UUCP, or with -D another word than UUCP. -T prints what it
// makes of them.
//
// The exit status is sendmail's, 64 for a wrong command line, or 65 for a message without such a line or without more
// than it.
//
// # SECURITY
//
// uuxqt runs it with users and a message of another host's choice. A user that begins with a dash is refused, since
// sendmail would take it for a flag; one with a comma is put into angle brackets, so that it stays one.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() { os.Exit(run(os.Args[1:], "/usr/sbin/sendmail", os.Stdin, os.Stderr)) }

const (
	usage   = "usage: rmail [-T] [-D domain] user ...\n"
	maxLine = 2048 // bytes of a From line
)

func run(args []string, sendmail string, in io.Reader, errout io.Writer) int {
	domain, debug := "UUCP", false
	users, err := dbtool.Getopt(args, "D:T", func(f byte, value string) {
		if f == 'D' {
			domain = value
		} else {
			debug = true
		}
	})
	if err != nil {
		fmt.Fprintf(errout, "rmail: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return status.Usage
	}
	if len(users) == 0 {
		io.WriteString(errout, usage)
		return status.Usage
	}
	trace := io.Discard
	if debug {
		trace = errout
	}
	message := bufio.NewReaderSize(in, maxLine)
	w, err := readWay(message, trace)
	if err != nil {
		fmt.Fprintf(errout, "rmail: %v\n", err)
		return status.DataErr
	}
	argv := []string{"-G", "-oee", "-odi", "-oi", w.protocol(domain), "-f" + w.path + w.user}
	for _, u := range users {
		if strings.HasPrefix(u, "-") {
			fmt.Fprintf(errout, "rmail: dash precedes argument: %s\n", u)
			return status.Usage
		}
		if strings.Contains(u, ",") && !strings.HasPrefix(u, "<") {
			u = "<" + u + ">"
		}
		argv = append(argv, u)
	}
	fmt.Fprintf(trace, "Sendmail arguments:\n\t%s\n\t%s\n", sendmail, strings.Join(argv, "\n\t"))
	return send(sendmail, argv, message, errout)
}

// send gives the message to sendmail and returns its exit status.
func send(sendmail string, argv []string, message io.Reader, errout io.Writer) int {
	cmd := exec.Command(sendmail, argv...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = message, os.Stdout, errout
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return status.OK
	case errors.As(err, &exit) && exit.Exited():
		fmt.Fprintf(errout, "rmail: %s: terminated with %d (non-zero) status\n", sendmail, exit.ExitCode())
		return exit.ExitCode()
	case errors.As(err, &exit):
		fmt.Fprintf(errout, "rmail: %s: did not terminate normally\n", sendmail)
	default:
		fmt.Fprintf(errout, "rmail: %v\n", err)
	}
	return status.TempFail
}

// way is what the From lines say.
type way struct {
	host string // the first "remote from"
	path string // "host!host!"
	user string
}

func (w *way) protocol(domain string) string {
	switch {
	case w.host == "" && w.path == "":
		return "-p" + domain
	case strings.Contains(w.host, "."):
		return "-p" + domain + ":" + w.host
	}
	return "-p" + domain + ":" + w.host + "." + domain
}

// readWay reads the From lines and leaves the message behind them.
func readWay(message *bufio.Reader, trace io.Writer) (*way, error) {
	w := &way{}
	for n := 0; ; n++ {
		start, err := message.Peek(len(">From "))
		if err != nil && len(start) == 0 {
			return nil, errors.New("no data")
		}
		if !strings.HasPrefix(string(start), "From ") && string(start) != ">From " {
			if n > 0 {
				break
			}
			line, _ := message.ReadString('\n')
			return nil, fmt.Errorf("missing or empty From line: %s", strings.TrimSuffix(line, "\n"))
		}
		piece, err := message.ReadSlice('\n')
		if err != nil {
			return nil, errors.New("line too long") // or without its end
		}
		_, text, _ := strings.Cut(strings.TrimSuffix(string(piece), "\n"), "From ")
		if err := w.line(text, trace); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// line adds one line, what stands behind "From ".
func (w *way) line(text string, trace io.Writer) error {
	if text == "" {
		return errors.New("corrupted From line: From ")
	}
	address, rest := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		address, rest = text[:i], text[i:]
	}
	if _, after, ok := strings.Cut(rest, "remote from "); ok {
		host, _, _ := strings.Cut(strings.TrimRight(after, "\r"), " ")
		fmt.Fprintf(trace, "remote from: %s\n", host)
		w.hop(host, host+"!", trace)
	} else if i := strings.LastIndexByte(address, '!'); i == 0 {
		return fmt.Errorf("bang starts address: %s", text)
	} else if i > 0 {
		fmt.Fprintf(trace, "bang: %s\n", address[:i])
		w.hop(address[:i], address[:i+1], trace)
		address = address[i+1:]
	}
	if address == "" {
		address = "<>"
	}
	w.user = address
	fmt.Fprintf(trace, "from_user: %s\n", w.user)
	return nil
}

// hop adds to the path what a line says of it.
func (w *way) hop(host, path string, trace io.Writer) {
	if w.path == "" {
		w.host = host
		fmt.Fprintf(trace, "from_sys: %s\n", host)
	}
	w.path += path
	fmt.Fprintf(trace, "from_path: %s\n", w.path)
}
