package drac

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogins(t *testing.T) {
	for line, want := range map[string]string{
		// Successful logins.
		"Jul 30 22:12:37 mx dovecot: pop3-login: Login: user=<joe>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS":                           "192.0.2.7",
		"2024-10-22T20:00:01.276189+09:00 mx dovecot[12]: imap-login: Logged in: user=<j@x.test>, method=SCRAM-SHA-1, rip=2001:db8::7, lip=::": "2001:db8::7",
		"Jul 30 22:12:37 imap-login: Info: Login: user=<joe>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, session=<a b>":                       "192.0.2.7",
		"Jul 30 22:12:37 mx dovecot: pop3-login: Login: joe [192.0.2.7]":                                                                       "192.0.2.7",
		`Mar  8 12:53:46 mx in.qpopper[7597]: (v4.0.9) POP login by user "nick" at (c.test) 192.0.2.7 [pop_log.c:244]`:                         "192.0.2.7",
		`Mar  8 12:53:46 [popper] (v4.0.9) POP login by user "nick" at (192.0.2.7) 192.0.2.7`:                                                  "192.0.2.7",
		"Mar  8 12:53:46 mx popper[9]: Stats: nick 0 0 1 20 c.test 192.0.2.7":                                                                  "192.0.2.7",
		"Mar  8 12:53:46 mx ipop3d[9]: Login user=nick host=c.test [192.0.2.7] nmsgs=0/0":                                                      "192.0.2.7",
		"Mar  8 12:53:46 mx imapsd[9]: Authenticated user=nick host=[192.0.2.7]":                                                               "192.0.2.7",
		"Nov 16 01:33:25 mx pop3d-ssl: LOGIN, user=nick, ip=[::ffff:192.0.2.7], port=[50111]":                                                  "192.0.2.7",
		"Nov 16 01:33:25 mx imapd: LOGIN, user=nick, ip=[::ffff:192.0.2.7], port=[50111], protocol=IMAP":                                       "192.0.2.7",
		"Apr 29 16:55:12 mx cyrus/pop3[27783]: login: [192.0.2.7] nick plaintext User logged in":                                               "192.0.2.7",
		"Apr 29 16:55:12 mx imaps[27783]: login: c.test [192.0.2.7] nick plaintext+TLS User logged in SESSIONID=<mx-1>":                        "192.0.2.7",
		"Apr 29 16:55:12 mx vpopmail[2]: vchkpw-pop3: (PLAIN) login success nick@x.test:192.0.2.7":                                             "192.0.2.7",
		`Apr 29 16:55:12 mx perdition[2]: Auth: 192.0.2.7->192.0.2.1 user="nick" server="in" port="110" status="ok"`:                           "192.0.2.7",
		// What is none.
		"Jul 30 22:12:37 mx dovecot: pop3-login: Aborted login (auth failed, 1 attempts): user=<joe>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1":   "",
		"Jul 30 22:12:37 mx dovecot: imap-login: Login aborted: Connection closed (auth failed): user=<joe>, method=PLAIN, rip=192.0.2.7":           "",
		"Jul 30 22:12:37 mx dovecot: pop3-login: Disconnected: user=<pop3-login: Login: user=<x>, method=PLAIN, rip=192.0.2.7, lip=::>":             "",
		"Jul 30 22:12:37 mx sshd[1]: Failed password for dovecot: pop3-login: Login: user=<x>, method=PLAIN, rip=192.0.2.7, lip=::":                 "",
		"Jul 30 22:12:37 mx sshd[1]: Invalid user mx ipop3d[9]: Login user=nick host=c.test [192.0.2.7]":                                            "",
		"Nov 16 01:33:25 mx pop3d-ssl: LOGIN FAILED, user=nick, ip=[::ffff:192.0.2.7]":                                                              "",
		"Apr 29 16:55:12 mx pop3[27783]: badlogin: c.test [192.0.2.7] plaintext nick SASL(-13): authentication failure":                             "",
		"Mar  8 12:53:46 mx ipop3d[9]: Login failed user=nick auth=nick host=c.test [192.0.2.7]":                                                    "",
		"Apr 29 16:55:12 mx vpopmail[2]: vchkpw-pop3: password fail nick@x.test:192.0.2.7":                                                          "",
		`Apr 29 16:55:12 mx perdition[2]: Auth: 192.0.2.7->192.0.2.1 user="a" server="b" port="c" status="ok" server="" port="" status="failed: x"`: "",
		"Jul 30 22:12:37 mx dovecot: pop3-login: Login: user=<joe>, method=PLAIN, rip=192.0.2.777, lip=192.0.2.1":                                   "",
		"Mar  8 12:53:46 mx popa3d[9]: Authentication passed for nick":                                                                              "",
	} {
		l, err := NewLogins()
		if err != nil {
			t.Fatal(err)
		}
		addr, _, ok := l.Line(line)
		if got := addr.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s\n   gives %s, %t; want %q", line, got, ok, want)
		}
	}
}

// Servers that tell address and login in two lines.
func TestLoginsOfSessions(t *testing.T) {
	l, err := NewLogins()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Mar  8 12:53:46 mx popa3d[9]: Session from 192.0.2.7", "Mar  8 12:53:46 mx popa3d[10]: Session from 192.0.2.8"} {
		if _, _, ok := l.Line(line); ok {
			t.Errorf("%s: a login", line)
		}
	}
	if addr, server, ok := l.Line("Mar  8 12:53:47 mx popa3d[9]: Authentication passed for nick"); !ok || addr.String() != "192.0.2.7" || server != "popa3d" {
		t.Errorf("%s by %q, %t", addr, server, ok)
	}
	if addr, _, ok := l.Line("Mar  8 12:53:47 mx popa3d[9]: Authentication passed for nick"); ok {
		t.Errorf("the same session again: %s", addr)
	}
}

func TestLoginsByExpression(t *testing.T) {
	l, err := NewLogins(`^ok (?P<who>\w+) from (?P<addr>\S+)$`, `^in (\S+)`)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"ok joe from 192.0.2.7": "192.0.2.7", "in 192.0.2.8 x": "192.0.2.8", "ok joe from here": "invalid IP"} {
		if addr, _, _ := l.Line(line); addr.String() != want {
			t.Errorf("%s: %s, want %s", line, addr, want)
		}
	}
	for _, bad := range []string{`no group`, `(`} {
		if _, err := NewLogins(bad); err == nil {
			t.Errorf("%s: taken", bad)
		}
	}
}

// A log is followed while it grows by halves of lines, is replaced, emptied and made anew; what stood in it before
// counts for nothing.
func TestFollow(t *testing.T) {
	table, _ := newTable(t)
	logins, err := NewLogins(`^login (\S+)$`)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 16)
	w := &Watcher{Table: table, Logins: logins, Log: func(format string, args ...any) { told <- fmt.Sprintf(format, args...) }}
	name := filepath.Join(t.TempDir(), "maillog")
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(0, "login 192.0.2.1\nlogin 192.0.2.")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Follow(ctx, name) }()
	if got := <-told; !strings.HasPrefix(got, "watching ") {
		t.Fatalf("told %q", got)
	}
	expect := func(addr string) {
		t.Helper()
		if got := <-told; !strings.HasPrefix(got, "added "+addr+",") {
			t.Errorf("told %q, want %s", got, addr)
		}
	}
	write(os.O_APPEND, "2\nlogin 192.0.2.3\nlogin 192.")
	expect("192.0.2.3")
	write(os.O_APPEND, "0.2.4\n")
	expect("192.0.2.4")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	write(0, "login 192.0.2.5\n")
	expect("192.0.2.5")
	write(os.O_TRUNC, "login ::6\n")
	expect("::6")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	write(0, strings.Repeat("x", 3*maxLogLine)+"\nlogin 192.0.2.7\n")
	expect("192.0.2.7")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := listed(t, table); got != "192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.7 ::6" {
		t.Errorf("in the table: %s", got)
	}
}

// A stream is read to its end; a table that cannot be written is told.
func TestWatchStream(t *testing.T) {
	table, _ := newTable(t)
	logins, err := NewLogins(`^login (\S+)$`)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	w := &Watcher{Table: table, Logins: logins, Log: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }}
	if err := w.Read(strings.NewReader(strings.Repeat("y", 2*maxLogLine) + "\nlogin 192.0.2.1\nlogin 192.0.2.2")); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, table); got != "192.0.2.1 192.0.2.2" || len(told) != 2 {
		t.Errorf("in the table: %s; told %q", got, told)
	}
	table.Path = filepath.Join(t.TempDir(), "absent", "drac")
	if err := w.Read(strings.NewReader("login 192.0.2.3\n")); err != nil || len(told) < 3 || !strings.Contains(told[2], "absent") {
		t.Errorf("%v; told %q", err, told)
	}
}
