// Command mailstats prints the statistics of mail that a server keeps in the file of option StatusFile.
//
//	mailstats [-C cffile] [-c] [-P] [-f stfile] [-o] [-p]
//
// One line for each mailer tells messages and kilobytes from and to it, and messages rejected, discarded and
// quarantined; "T" is the sum, "C" connections in, out and refused. -P prints it for programs, -p does so and begins
// the statistics anew. -o leaves the names of mailers out, -c reads submit.cf, -f names the file. The exit code is one
// of sysexits.h.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/mailstat"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

const (
	defaultConfig = "/etc/mail/sendmail.cf"
	submitConfig  = "/etc/mail/submit.cf"
	usage         = "usage: mailstats [-C cffile] [-c] [-P] [-f stfile] [-o] [-p]\n"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is what the flags say.
type command struct {
	config, file            string
	program, clear, unnamed bool
	stdout, stderr          io.Writer
}

func run(args []string, stdout, stderr io.Writer) int {
	c := command{config: defaultConfig, stdout: stdout, stderr: stderr}
	rest, err := dbtool.Getopt(args, "C:cf:opP", func(f byte, value string) {
		switch f {
		case 'C':
			c.config = value
		case 'c':
			c.config = submitConfig
		case 'f':
			c.file = value
		case 'o':
			c.unnamed = true
		case 'p':
			c.program, c.clear = true, true
		case 'P':
			c.program = true
		}
	})
	if err != nil {
		fmt.Fprintf(stderr, "mailstats: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return status.Usage
	}
	if len(rest) > 0 {
		fmt.Fprint(stderr, usage)
		return status.Usage
	}
	return c.run()
}

// run prints the file that the configuration names.
func (c *command) run() int {
	names, path, err := configured(c.config)
	if err != nil {
		return c.fail(status.NoInput, "%s: %s", c.config, safefile.Reason(err))
	}
	if c.file != "" {
		path = c.file
	}
	if path == "" {
		return c.fail(status.OSFile, "no statistics file located")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return c.fail(status.NoInput, "%s: %s", path, safefile.Reason(err))
	}
	now := time.Now()
	f, err := mailstat.Parse(data, now)
	if err != nil {
		if errors.Is(err, mailstat.ErrSize) {
			return c.fail(status.OSErr, "%s.", err)
		}
		return c.fail(status.OSErr, "%s in %s", err, path)
	}
	if c.unnamed {
		names = nil
	}
	if err := f.Print(c.stdout, mailstat.Style{Program: c.program, Names: names, Now: now}); err != nil {
		return c.fail(status.IOErr, "%v", err)
	}
	if !c.clear {
		return status.OK
	}
	if err := os.Truncate(path, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return c.fail(status.CantCreat, "cannot write %s: %s", path, safefile.Reason(err))
	}
	return status.OK
}

func (c *command) fail(code int, format string, args ...any) int {
	fmt.Fprintf(c.stderr, "mailstats: "+format+"\n", args...)
	return code
}

// configured returns the names of the mailers of a configuration, and its StatusFile. What else is wrong with it is not
// told here.
func configured(path string) (names []string, file string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	conf, err := cf.Parse(f, cf.Input{File: path})
	if conf == nil {
		return nil, "", err
	}
	var list []string
	for _, m := range conf.Mailers {
		list = append(list, m.Name)
	}
	return mailstat.Names(list), conf.Settings.StatusFile, nil
}
