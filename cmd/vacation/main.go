// Command vacation answers mail for somebody who is away, once in a week for each sender. It is meant for a .forward
// file:
//
//	\eric, "|/usr/bin/vacation -a allman eric"
//
//	vacation [-a alias] [-C cfpath] [-d] [-f db] [-i] [-I] [-j] [-l] [-m msg] [-R returnaddr] [-r interval] [-s sender] [-t time] [-U] [-x]
//	         [-z] login
//
// The message comes on standard input, with a From line. The answer is ~/.vacation.msg, given to /usr/sbin/sendmail, if
// the login (or an alias, -a) stands in To: or Cc:, or -j is given. ~/.vacation.db remembers who got it and when: -i
// empties it, -l lists it, -r sets the days between two answers to one sender (0 or a word: never again), -x reads
// addresses and @domains that get none. A database of the original, in Berkeley DB's hash format, is read and becomes a
// CDB with the next answer.
//
// No answer goes to owner-..., ...-owner, ...-request, ...-relay, postmaster, uucp, mailer, mailer-daemon and the null
// sender, nor to messages of Precedence bulk, junk or list, nor to what says that no person sent it (Auto-Submitted,
// RFC 3834 section 2).
//
// The exit status is 0, or 64 to 67 of sysexits.h. Errors go to the log, with -d to standard error.
//
// # SECURITY
//
// It runs with the user's rights on what anybody sends. The sender's address is given to sendmail as an argument behind
// "--", and into the answer's To: field only if it has no control characters.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gosendmail/internal/maillog"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/maps/dbtool"
)

func main() {
	v := &vacation{accounts: priv.System(), now: time.Now, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, sendmail: "/usr/sbin/sendmail"}
	os.Exit(v.run(context.Background(), os.Args[1:]))
}

const (
	usage   = "usage: vacation [-a alias] [-C cfpath] [-d] [-f db] [-i] [-j] [-l] [-m msg] [-R returnaddr] [-r interval] [-s sender] [-t time] [-U] [-x] [-z] login"
	week    = 7 * day
	day     = 24 * 60 * 60 // seconds
	dbName  = ".vacation"
	msgName = ".vacation.msg"
	letters = "a:C:df:Iijlm:R:r:s:t:Uxz"
)

// vacation is one run.
type vacation struct {
	accounts       priv.Accounts
	now            func() time.Time
	stdin          io.Reader
	stdout, stderr io.Writer
	sendmail       string
	log            *maillog.Logger

	names      []string // the login and its aliases
	db, msg    string   // as given
	init       bool     // -i
	always     bool     // -j
	list       bool     // -l
	exclude    bool     // -x
	noUser     bool     // -U
	debug      bool     // -d
	sender     string   // -s
	returnPath *string  // -R, -z
	interval   *int64   // -r, in seconds; 0 means for ever
	home       string   // files are below it
	login      string
}

// set obeys a flag.
func (v *vacation) set(f byte, value string) {
	switch f {
	case 'a':
		v.names = append(v.names, value)
	case 'd':
		v.debug = true
	case 'f':
		v.db = value
	case 'i', 'I':
		v.init = true
	case 'j':
		v.always = true
	case 'l':
		v.list = true
	case 'm':
		v.msg = value
	case 'R':
		v.returnPath = &value
	case 'r':
		days := int64(0)
		if value != "" && value[0] >= '0' && value[0] <= '9' {
			end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(value)
			}
			days, _ = strconv.ParseInt(value[:min(end, 12)], 10, 64)
		}
		days *= day
		v.interval = &days
	case 's':
		v.sender = value
	case 'U':
		v.noUser = true
	case 'x':
		v.exclude = true
	case 'z':
		null := "<>"
		v.returnPath = &null
	}
}

func (v *vacation) run(ctx context.Context, args []string) int {
	operands, err := dbtool.Getopt(args, letters, v.set)
	if v.log, _ = maillog.Open(maillog.Config{Tag: "vacation", Stderr: io.Discard}); v.log == nil {
		v.debug = true
	}
	own := v.init || v.list || v.exclude
	if err != nil || len(operands) > 1 || len(operands) == 0 && !own {
		return v.fail(status.Usage, "uid %d: %s", os.Getuid(), usage)
	}
	if len(operands) == 1 {
		v.login = operands[0]
	}
	if code := v.place(ctx); code != status.OK {
		return code
	}
	db := &database{path: v.file(v.db, dbName) + ".db", name: v.nameOr(v.db, dbName)}
	if code, err := v.work(ctx, db, own); err != nil {
		return v.fail(code, "vacation: %v", err)
	}
	return status.OK
}

// place finds the home of the user whose vacation it is.
func (v *vacation) place(ctx context.Context) int {
	if v.noUser {
		if v.db == "" || v.msg == "" {
			return v.fail(status.NoInput, "vacation: -U requires setting both -f and -m")
		}
		v.names = append(v.names, v.login)
		return status.OK
	}
	var u priv.User
	var err error
	if v.login == "" {
		u, err = v.accounts.UserID(ctx, os.Getuid())
	} else {
		u, err = v.accounts.User(ctx, v.login)
	}
	switch {
	case errors.Is(err, priv.ErrNotFound) && v.login == "":
		return v.fail(status.NoUser, "vacation: no such user uid %d.", os.Getuid())
	case errors.Is(err, priv.ErrNotFound):
		return v.fail(status.NoUser, "vacation: no such user %s.", v.login)
	case err != nil:
		return v.fail(status.TempFail, "vacation: %v", err)
	}
	v.login, v.home = u.Name, u.Home
	v.names = append(v.names, u.Name)
	if err := os.Chdir(u.Home); err != nil {
		return v.fail(status.NoInput, "vacation: no such directory %s.", u.Home)
	}
	return status.OK
}

func (v *vacation) nameOr(name, def string) string {
	if name == "" {
		return def
	}
	return name
}

// file is a path as flags name it: below the home unless it is absolute.
func (v *vacation) file(name, def string) string {
	name = v.nameOr(name, def)
	if filepath.IsAbs(name) || v.home == "" {
		return name
	}
	return filepath.Join(v.home, name)
}

// work does what the flags say; the error is told without "vacation: ".
func (v *vacation) work(ctx context.Context, db *database, own bool) (int, error) {
	if v.list {
		return status.DataErr, db.list(v.stdout)
	}
	if v.init || v.interval != nil || v.exclude {
		if err := v.prepare(db); err != nil {
			return status.DataErr, err
		}
	}
	if own {
		return status.OK, nil
	}
	m, err := v.read(v.stdin)
	if err != nil || !m.wanted {
		return status.DataErr, err
	}
	now := v.now().Unix()
	recent, err := db.recent(m.sender, now)
	if err != nil || recent {
		return status.DataErr, err
	}
	if err := db.change(false, func(r *records) { r.set(m.sender, now) }); err != nil {
		return status.DataErr, err
	}
	text, err := os.ReadFile(v.file(v.msg, msgName))
	if err != nil {
		return status.NoInput, v.noMessage()
	}
	return status.OSErr, v.answer(ctx, m.sender, text)
}

// words is an error in the original's words.
type words string

func (w words) Error() string { return string(w) }

func (v *vacation) noMessage() error {
	name := v.nameOr(v.msg, msgName)
	if filepath.IsAbs(name) || v.home == "" {
		return words(fmt.Sprintf("no %s file.", name))
	}
	return words(fmt.Sprintf("no ~%s/%s file.", v.login, name))
}

// prepare is -i, -r and -x.
func (v *vacation) prepare(db *database) error {
	var excluded []string
	if v.exclude {
		text, err := io.ReadAll(v.stdin)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				excluded = append(excluded, line)
			}
		}
	}
	return db.change(v.init, func(r *records) {
		if v.interval != nil {
			r.set(intervalKey, *v.interval)
		}
		for _, a := range excluded {
			r.set(a, 0)
		}
	})
}

// answer gives the message to sendmail. A failure is only logged: the mail that is answered was delivered.
func (v *vacation) answer(ctx context.Context, to string, text []byte) error {
	from := v.login
	if v.returnPath != nil {
		from = *v.returnPath
	}
	cmd := exec.CommandContext(ctx, v.sendmail, "-oi", "-f", from, "--", to)
	cmd.Stdin = io.MultiReader(strings.NewReader("To: "+to+"\nAuto-Submitted: auto-replied\n"), strings.NewReader(string(text)))
	if err := cmd.Run(); err != nil {
		v.fail(status.OK, "vacation: %s: %v", v.sendmail, err)
	}
	return nil
}

// fail tells the log, or with -d standard error, and returns code.
func (v *vacation) fail(code int, format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	if v.debug {
		fmt.Fprintln(v.stderr, text)
		return code
	}
	priority := maillog.Notice
	if code == status.NoUser {
		priority = maillog.Err
	}
	v.log.Plain(0, priority, text)
	return code
}
