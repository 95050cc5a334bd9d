// Command mail.local puts a message into the mailboxes of local users, as a local mailer of sendmail or of other
// servers.
//
//	mail.local [-7] [-b] [-d] [-D mbdb] [-l] [-f from | -r from] [-h file] user ...
//
// It reads the message from standard input and appends it to /var/mail/USER, or to a file in the user's home (-h), with
// a From line before it and an empty line behind it. From lines in the body get a ">", and a Content-Length of ours
// takes the place of the sender's. With -l it speaks LMTP (RFC 2033) on standard input and output; -7 does not offer
// 8BITMIME. -b makes a full mailbox (quota) a permanent failure.
//
// Users are those of the password file and of what nsswitch.conf names beside it: -D knows "pw" only.
//
// The exit status is 0, 75 if a later attempt may succeed for somebody, or 69.
//
// # SECURITY
//
// It is run by root, or is set-user-ID root. It makes lock files and new mailboxes in the spool as root, never through
// a link, and writes with the rights of the user whose mailbox it is, below his quota; a mailbox that is a link, has
// several names, is no regular file or is somebody else's is refused. What it cannot write whole it takes back. A
// message is on disk before success is reported. Of the environment only TZ is read, and of TZ only names of zones.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() {
	cleanEnvironment()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// cleanEnvironment keeps what a caller may decide about: the time zone, by its name.
func cleanEnvironment() {
	zone := os.Getenv("TZ")
	os.Clearenv()
	if zone != "" && !strings.HasPrefix(zone, "/") && !strings.ContainsAny(zone, ":.") {
		os.Setenv("TZ", zone)
	}
}

const usage = "usage: mail.local [-7] [-b] [-d] [-l] [-f from|-r from] [-h filename] user ..."

// spool is the folder of the mailboxes.
const spool = "/var/mail"

// program is one run.
type program struct {
	from        string // for the From line
	file        string // -h: a file below the user's home; "" means the spool
	sevenBit    bool   // -7
	bounceQuota bool   // -b
	accounts    priv.Accounts
	stderr      io.Writer
	log         *maillog.Logger
}

func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) int {
	p := &program{accounts: priv.System(), stderr: stderr}
	var err error
	if p.log, err = maillog.Open(maillog.Config{Tag: "mail.local", PID: maillog.NoPID, Stderr: io.Discard}); err != nil {
		fmt.Fprintf(stderr, "mail.local: %v\n", err)
		return status.TempFail
	}
	lmtp, froms, database := false, 0, "pw"
	users, err := dbtool.Getopt(args, "7bdD:f:h:r:l", func(f byte, value string) {
		switch f {
		case '7':
			p.sevenBit = true
		case 'b':
			p.bounceQuota = true
		case 'D':
			database = value
		case 'f', 'r':
			p.from = value
			froms++
		case 'h':
			p.file = value
		case 'l':
			lmtp = true
		}
	})
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "mail.local: %s\n", strings.TrimPrefix(err.Error(), "usage: "))
		return p.fail(status.Unavailable, usage)
	case froms > 1:
		p.fail(status.Unavailable, "Multiple -f options")
		return p.fail(status.Unavailable, usage)
	case database != "pw":
		return p.fail(status.TempFail, "Can not open mailbox database %s: only pw is known, which asks what nsswitch.conf names", database)
	case lmtp && len(users) > 0:
		fmt.Fprint(out, "421 Users should not be specified in command line if LMTP required\r\n")
		return status.TempFail
	case lmtp:
		return p.serve(ctx, in, out)
	case len(users) == 0:
		return p.fail(status.Unavailable, usage)
	}
	if froms == 0 {
		p.from = p.caller(ctx)
	}
	return p.deliverAll(ctx, in, users)
}

// caller names the user who runs the program.
func (p *program) caller(ctx context.Context) string {
	u, err := p.accounts.UserID(ctx, os.Getuid())
	if err != nil {
		return "???"
	}
	return u.Name
}

// deliverAll is delivery without LMTP: each failure is told, and a temporary one decides the exit status.
func (p *program) deliverAll(ctx context.Context, in io.Reader, users []string) int {
	m, err := collect(p.from, in)
	if err != nil {
		return p.fail(status.TempFail, "Temporary file write error: %s", err)
	}
	defer m.Close()
	code := status.OK
	for _, user := range users {
		f := p.deliver(ctx, user, m)
		if f == nil {
			continue
		}
		p.fail(f.exit(), "%s", f.text)
		if code != status.TempFail {
			code = f.exit()
		}
	}
	return code
}

// fail tells standard error and the log what is wrong, and returns code.
func (p *program) fail(code int, format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(p.stderr, "mail.local: %s\n", text)
	p.log.Plain(0, maillog.Err, text)
	return code
}

// failure is why a user did not get a message.
type failure struct {
	code string // SMTP reply and enhanced code
	text string
}

func (f *failure) exit() int {
	if strings.HasPrefix(f.code, "4") {
		return status.TempFail
	}
	return status.Unavailable
}

func failed(code, format string, args ...any) *failure {
	return &failure{code, fmt.Sprintf(format, args...)}
}
