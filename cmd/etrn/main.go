// Command etrn asks another host to deliver what it holds for us (RFC 1985).
//
//	etrn [-bv] server-host [client-hosts]
//
// For each client host a command ETRN is sent. Without any, they are the names that mail is accepted for here: this
// host's and those of class w in /etc/mail/sendmail.cf; then, and with -b, it is made sure first that this host accepts
// connections, since the other one will deliver at once. -v prints the dialogue on standard error.
//
// The exit status is 0 when the dialogue came to its end, whatever the server answered; 64 for a wrong command line, 68
// for a host without address, 69 if there was no connection, 78 for a configuration that cannot be read, or 1 if the
// server was silent.
//
// # SECURITY
//
// What the server says is printed with its control characters made visible, and read up to bounds.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/dialogue"
	"gosendmail/internal/maillog"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() {
	c := client{port: "25", config: dbtool.DefaultCF, errout: os.Stderr, pause: time.Sleep}
	os.Exit(c.run(context.Background(), os.Args[1:]))
}

const (
	usage = "Usage: etrn [-bv] host [args]\n"
	tries = 4 // to connect to this host
	step  = 10 * time.Second
)

type client struct {
	port, config string
	errout       io.Writer
	pause        func(time.Duration)
	verbose      bool
}

func (c *client) run(ctx context.Context, args []string) int {
	check := false
	operands, err := dbtool.Getopt(args, "bv", func(f byte, _ string) {
		check = check || f == 'b'
		c.verbose = c.verbose || f == 'v'
	})
	if err != nil || len(operands) == 0 {
		io.WriteString(c.errout, usage)
		return status.Usage
	}
	self, err := dialogue.HostName(ctx)
	if err != nil {
		fmt.Fprintf(c.errout, "etrn: %v\n", err)
		return status.OSErr
	}
	server, hosts := operands[0], operands[1:]
	if len(hosts) == 0 {
		if hosts, err = c.ownNames(self); err != nil {
			fmt.Fprintf(c.errout, "etrn: %v\n", err)
			return status.Config
		}
		check = true
	}
	if check {
		if err := c.checkSelf(ctx); err != nil {
			fmt.Fprintf(c.errout, "could not connect to localhost: %s\n", dialogue.Reason(err))
			return status.Unavailable
		}
	}
	return c.ask(ctx, server, self, hosts)
}

// ownNames are the names that mail is accepted for: this host's, and class w but for them and localhost.
func (c *client) ownNames(self string) ([]string, error) {
	f, err := os.Open(c.config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	conf, err := cf.Parse(f, cf.Input{File: c.config})
	if err != nil {
		return nil, err
	}
	list := []string{self}
	for _, l := range conf.Classes {
		names, err := members(&l)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if n != "localhost" && !slices.ContainsFunc(list, func(o string) bool { return strings.EqualFold(o, n) }) {
				list = append(list, n)
			}
		}
	}
	return list, nil
}

// members are the names that a line puts into class w, itself or by a file.
func members(l *cf.ClassLine) (list []string, err error) {
	if l.Class != "w" {
		return nil, nil
	}
	for _, w := range l.Words {
		if !w.Copy {
			list = append(list, w.Text)
		}
	}
	if l.File == nil || l.File.Path == "" {
		return list, nil
	}
	text, err := os.ReadFile(l.File.Path)
	if errors.Is(err, fs.ErrNotExist) && l.File.Optional {
		return list, nil
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' {
			list = append(list, words[0])
		}
	}
	return list, err
}

// checkSelf connects to this host's own server.
func (c *client) checkSelf(ctx context.Context) (err error) {
	c.say("verifying that localhost is accepting SMTP connections\n")
	for i := 1; i <= tries; i++ {
		var conn *dialogue.Conn
		if conn, err = dialogue.Dial(ctx, "localhost", c.port, step); err == nil {
			defer conn.Close()
			return conn.Send("quit")
		}
		fmt.Fprintf(c.errout, "localhost connect failed (%d)\n", i)
		if i < tries {
			c.pause(time.Second << i)
		}
	}
	return err
}

// ask has the dialogue with the server.
func (c *client) ask(ctx context.Context, server, self string, hosts []string) int {
	c.say("server = %s\n", server)
	conn, err := dialogue.Dial(ctx, server, c.port, step)
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown):
		fmt.Fprintf(c.errout, "gethostbyname failed, unknown host %s\n", server)
		return status.NoHost
	case err != nil:
		fmt.Fprintf(c.errout, "cannot connect to %s: %s\n", server, dialogue.Reason(err))
		return status.Unavailable
	}
	defer conn.Close()
	if err := c.exchange(conn, server, self, hosts); err != nil {
		c.say("%s: %s\n", server, dialogue.Reason(err))
		return 1
	}
	return status.OK
}

func (c *client) exchange(conn *dialogue.Conn, server, self string, hosts []string) error {
	greeting, err := conn.Reply()
	c.lines(greeting)
	if err != nil {
		return err
	}
	if last := greeting[len(greeting)-1]; !strings.HasPrefix(last, "220") {
		c.say("%s: NOT 220 greeting: %s\n", server, maillog.Visible(last))
	}
	answer, err := c.command(conn, "ehlo "+self)
	if err != nil {
		return err
	}
	if offered(answer) {
		c.say("ETRN supported\n")
		for _, h := range hosts {
			if _, err := c.command(conn, "etrn "+h); err != nil {
				return err
			}
		}
	} else {
		io.WriteString(c.errout, "\nETRN not supported\n\n")
	}
	_, err = c.command(conn, "quit")
	return err
}

// offered reports whether the answer to EHLO names ETRN.
func offered(answer []string) bool {
	for _, l := range answer {
		if len(l) > 4 && l[:3] == "250" && strings.EqualFold(strings.TrimSpace(l[4:]), "ETRN") {
			return true
		}
	}
	return false
}

func (c *client) command(conn *dialogue.Conn, text string) ([]string, error) {
	c.say(">>> %s\n", text)
	if err := conn.Send(text); err != nil {
		return nil, err
	}
	answer, err := conn.Reply()
	c.lines(answer)
	return answer, err
}

func (c *client) lines(list []string) {
	for _, l := range list {
		c.say("%s\n", maillog.Visible(l))
	}
}

func (c *client) say(format string, args ...any) {
	if c.verbose {
		fmt.Fprintf(c.errout, format, args...)
	}
}
