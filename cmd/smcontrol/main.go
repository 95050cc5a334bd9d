// Command smcontrol gives commands to a running daemon over its control socket (option ControlSocketName).
//
//	smcontrol [-C cffile] [-f socket] status | mstat | help | memdump | restart | shutdown
//
// Without -f the socket is that of /etc/mail/sendmail.cf, or of the file that -C names. status is put into words, the
// others' answers are printed as they come. Where nobody answers, status and mstat find out whether a server listens on
// port 25 of this host.
//
// The exit status is 0, 64 for a wrong command line, 66 without a socket's name, or 69 if there was no answer.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], "127.0.0.1:25", os.Stdout, os.Stderr))
}

const usage = "Usage: smcontrol [-C cffile] [-f /path/to/control/socket] command\n"

// How long a daemon may take.
const (
	answerTime = 2 * time.Minute
	tries      = 4 // to connect, a second apart: a daemon may be restarting
)

func run(ctx context.Context, args []string, server string, out, errout io.Writer) int {
	file, socket := dbtool.DefaultCF, ""
	operands, err := dbtool.Getopt(args, "C:f:", func(f byte, value string) {
		if f == 'C' {
			file = value
		} else {
			socket = value
		}
	})
	if err != nil || len(operands) == 0 {
		io.WriteString(errout, usage)
		return status.Usage
	}
	if socket == "" {
		if socket, err = configured(file); err != nil || socket == "" {
			fmt.Fprintln(errout, "No control socket available.")
			return status.NoInput
		}
	}
	command := strings.ToLower(operands[0])
	switch command {
	case "status", "mstat", "help", "memdump", "restart", "shutdown":
	default:
		fmt.Fprintf(errout, "Unrecognized command %s\n", operands[0])
		return status.Usage
	}
	answer, err := ask(ctx, socket, command)
	if err != nil || answer == "" {
		if command == "status" || command == "mstat" {
			fmt.Fprintf(out, "Daemon Status: %s\n", listening(ctx, server))
		}
		fmt.Fprintln(errout, "No response")
		return status.Unavailable
	}
	if command == "status" {
		answer = inWords(answer)
	}
	fmt.Fprintf(out, "%s\n", answer)
	return status.OK
}

// configured is the socket that a configuration names.
func configured(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	c, err := cf.Parse(f, cf.Input{File: file})
	if err != nil {
		return "", err
	}
	path := c.Settings.ControlSocketName
	if path != "" && !filepath.IsAbs(path) {
		path = filepath.Join(c.Settings.QueueDirectory, path)
	}
	return path, nil
}

// ask gives one command and returns the whole answer.
func ask(ctx context.Context, socket, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var conn net.Conn
	var err error
	for i := range tries {
		if i > 0 {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		if conn, err = new(net.Dialer).DialContext(ctx, "unix", socket); err == nil {
			break
		}
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return "", err
		}
	}
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := fmt.Fprintf(conn, "%s\n", command); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(conn, 1<<20))
	return string(text), err
}

var (
	figures = regexp.MustCompile(`^(\d+)/(\d+)/(\d+)/(\d+)`)
	process = regexp.MustCompile(`(?m)^(\d+) (.*?)\r?$`)
)

// inWords puts the answer to status into words, those of the original's smcontrol.
func inWords(answer string) string {
	var b strings.Builder
	rest := answer
	f := figures.FindStringSubmatch(answer)
	if f != nil {
		rest = answer[len(f[0]):]
	}
	for i, p := range process.FindAllStringSubmatch(rest, -1) {
		if i == 0 {
			fmt.Fprintf(&b, "Daemon Status: (process %s) %s\n\n", p[1], strings.ToUpper(p[2][:1])+p[2][1:])
			if f != nil {
				writeFigures(&b, f)
			}
			continue
		}
		fmt.Fprintf(&b, "Child Process %s Status: %s\n", p[1], p[2])
	}
	return b.String()
}

func writeFigures(b *strings.Builder, f []string) {
	fmt.Fprintf(b, "Current number of children: %s", f[1])
	if f[2] != "0" {
		fmt.Fprintf(b, " (maximum %s)", f[2])
	}
	fmt.Fprintf(b, "\nQueueDir free disk space (in blocks): %s\nLoad average: %s\n", f[3], f[4])
}

// listening asks a server whether it is there.
func listening(ctx context.Context, server string) string {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", server)
	if err == nil {
		defer conn.Close()
		if deadline, ok := ctx.Deadline(); ok {
			err = conn.SetDeadline(deadline)
		}
	}
	if err == nil {
		_, _, err = textproto.NewReader(bufio.NewReader(conn)).ReadResponse(220)
	}
	if err != nil {
		return "Sendmail does not appear to be running."
	}
	fmt.Fprint(conn, "QUIT\r\n")
	return "Sendmail is running but not answering status queries."
}
