package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/maillog"
	"gosendmail/maps"
	"gosendmail/maps/dbfile"
)

// siteWith loads a configuration of these lines, in which DIR stands for a folder with these files.
func siteWith(t *testing.T, lines string, files map[string]string) (*Site, string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // the default user must get in
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	cf := filepath.Join(dir, "x.cf")
	text := "V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath,GroupWritableDirPathSafe,RunProgramInUnsafeDirPath\nDjmail.example.test\n" +
		"Mlocal, P=/bin/true, F=lsAw5, A=true\nSparse=0\nR$*\t$#local $: $1\n" + strings.ReplaceAll(lines, "DIR", dir)
	if err := os.WriteFile(cf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var told []string
	s, err := Load(context.Background(), LoadOptions{Path: cf, Report: func(err error) { told = append(told, err.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

func TestServiceSwitch(t *testing.T) {
	const k = "O ServiceSwitchFile=DIR/switch\nKy switch mine\nKy.aa text -v1 DIR/a\nKy.bb text -v1 DIR/b\nKz switch passwd\n"
	s, _ := siteWith(t, k, map[string]string{"switch": "# c\nmine\taa bb zz\naliases ldap files\nmine bb\n", "a": "x one\n", "b": "x other\ny two\n"})
	for key, want := range map[string]string{"x": "one", "y": "two"} {
		if v, err := s.Maps.Lookup(context.Background(), "y", key); err != nil || v != want {
			t.Errorf("%s: %q, %v", key, v, err)
		}
	}
	if _, err := s.Maps.Lookup(context.Background(), "y", "none"); !errors.Is(err, maps.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if _, err := s.Maps.Lookup(context.Background(), "z", "x"); !errors.Is(err, maps.ErrTempFail) {
		t.Errorf("a service that the switch does not name: %v", err)
	}
	if got, err := s.services("aliases"); err != nil || fmt.Sprint(got) != "[ldap files]" {
		t.Errorf("aliases: %q, %v", got, err)
	}
	s, _ = siteWith(t, "O ServiceSwitchFile=DIR/none\n", nil)
	for service, want := range map[string]string{"aliases": "[files]", "hosts": "[dns files]"} {
		if got, err := s.services(service); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %q, %v", service, got, err)
		}
	}
}

// TestAliasServices: alias sources are those of the service switch, in its order.
func TestAliasServices(t *testing.T) {
	files := map[string]string{"switch": "aliases mine files\n", "mine": "root first\n", "aliases": "root: second\nx: a, b\n  , c\n"}
	s, dir := siteWith(t, "O ServiceSwitchFile=DIR/switch\nO AliasFile=DIR/aliases\nKaliases.mine text -v1 DIR/mine\n", files)
	look := func(want map[string]string) {
		t.Helper()
		a, err := openAliases(s)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		for user, value := range want {
			if v, found, err := a.Lookup(context.Background(), user); v != value || found != (value != "") || err != nil {
				t.Errorf("%s: %q, %v, %v", user, v, found, err)
			}
		}
	}
	look(map[string]string{"Root": "first", "x": "a, b  , c", "none": ""})
	os.WriteFile(filepath.Join(dir, "switch"), []byte("aliases files\n"), 0o644)
	look(map[string]string{"root": "second"})
	os.WriteFile(filepath.Join(dir, "switch"), []byte("aliases nis files\n"), 0o644)
	if _, err := openAliases(s); err == nil || !strings.Contains(err.Error(), "aliases from nis are not supported") {
		t.Errorf("nis: %v", err)
	}
}

// TestHearMaps: class syslog logs under the message's identifier at its own level, problems are told to whoever
// listens, also those from before, and each once.
func TestHearMaps(t *testing.T) {
	_, dir := siteWith(t, "Ks syslog\nKw syslog -L LOG_WARNING\nKno hash DIR/none\n", nil)
	s, err := Load(context.Background(), LoadOptions{Path: filepath.Join(dir, "x.cf")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var lines, problems []string
	ctx := maps.WithSession(context.Background(), sessionMacros{s.NewEnv()})
	s.Maps.Lookup(ctx, "no", "x")
	s.HearMaps(func(err error) { problems = append(problems, err.Error()) },
		func(level int, id, text string) { lines = append(lines, fmt.Sprint(level, " ", id, " ", text)) })
	s.NoteMaps(func(level int, id, text string) { lines = append(lines, "note") })
	s.Maps.Lookup(ctx, "no", "y")
	s.Maps.Lookup(ctx, "s", "one %1 two", "arg")
	env := s.NewEnv()
	env.Macros.Define("i", "q0123")
	s.Maps.Lookup(maps.WithSession(context.Background(), env.Session()), "w", "text")
	if got, want := strings.Join(lines, "|"), "6  one arg two|4 q0123 text"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	want := `hash map "no": missing map file ` + dir + "/none.db: No such file or directory"
	if len(problems) != 1 || !strings.HasPrefix(problems[0], want) {
		t.Errorf("%q, want %s", problems, want)
	}
}

// TestAliasWait: a data base without "@" is waited for, as long as AliasWait says; one that is older than its text is
// told, and used.
func TestAliasWait(t *testing.T) {
	s, dir := siteWith(t, "O AliasFile=DIR/aliases\nO AliasWait=7s\n", map[string]string{"aliases": "root: text\n"})
	db := filepath.Join(dir, "aliases.db")
	put := func(finished bool, age time.Duration) {
		t.Helper()
		b, err := dbfile.Create(db)
		if err == nil {
			err = b.Add([]byte("root"), []byte("me"))
		}
		if err == nil && finished {
			err = b.Add([]byte("@"), []byte("@"))
		}
		then := time.Now().Add(-age)
		if err := errors.Join(err, b.Commit(0o644, nil), os.Chtimes(db, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	look := func(during func(slept time.Duration)) (slept time.Duration, told string) {
		t.Helper()
		a, err := openAliases(s)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		a.tell = func(text string) { told += text }
		a.sleep = func(_ context.Context, d time.Duration) error { slept += d; during(slept); return nil }
		for range 2 {
			if v, found, err := a.Lookup(context.Background(), "root"); v != "me" || !found || err != nil {
				t.Errorf("%q, %v, %v", v, found, err)
			}
		}
		return slept, told
	}
	nothing := func(time.Duration) {}
	outOfDate := "alias database " + db + " out of date"
	put(true, -time.Minute)
	if slept, told := look(nothing); slept != 0 || told != "" {
		t.Errorf("finished: %v %q", slept, told)
	}
	put(true, time.Hour)
	if slept, told := look(nothing); slept != 0 || told != outOfDate {
		t.Errorf("stale: %v %q", slept, told)
	}
	put(false, -time.Minute)
	if slept, told := look(nothing); slept != 7*time.Second || told != outOfDate {
		t.Errorf("never finished: %v %q", slept, told)
	}
	slept, told := look(func(slept time.Duration) {
		if slept == 3*time.Second {
			put(true, -time.Minute)
		}
	})
	if slept != 3*time.Second || told != "" {
		t.Errorf("finished meanwhile: %v %q", slept, told)
	}
}

// TestNewAliases: every class of files gets the data base that look-ups read; what cannot be opened is told, and the
// rest is made.
func TestNewAliases(t *testing.T) {
	s, dir := siteWith(t, "O AliasFile=DIR/none, hash:-o DIR/none2, cdb:DIR/c, btree:-A DIR/b, DIR/i, sequence:both\nKone hash DIR/i\nKboth sequence one\n",
		map[string]string{"c": "c: 1\n", "b": "b: 2\nb: 3\n", "i": "i: 4\n\"Quoted name\": 5\n"})
	log, err := maillog.Open(maillog.Config{File: filepath.Join(dir, "log"), Level: 9})
	if err != nil {
		t.Fatal(err)
	}
	lines, problems, err := RebuildAliases(context.Background(), s, log, "tester")
	want := []string{"newaliases: cannot open DIR/none: No such file or directory", "DIR/c: 1 aliases, longest 1 bytes, 2 bytes total",
		"DIR/b: 2 aliases, longest 1 bytes, 4 bytes total", "DIR/i: 2 aliases, longest 1 bytes, 16 bytes total"}
	if got := strings.ReplaceAll(strings.Join(lines, "\n"), dir, "DIR"); got != strings.Join(want, "\n") || len(problems) > 0 || err != nil {
		t.Errorf("%s\n%v %v", got, problems, err)
	}
	a, err := openAliases(s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for user, value := range map[string]string{"c": "1", "b": "3,2", "i": "4", `"quoted Name"`: "5"} {
		if v, found, err := a.Lookup(context.Background(), user); v != value || !found || err != nil {
			t.Errorf("%s: %q, %v, %v", user, v, found, err)
		}
	}
	for _, bad := range []string{"foo:DIR/i", "regex:x"} {
		s, _ := siteWith(t, "O AliasFile="+bad+"\n", nil)
		if _, _, err := RebuildAliases(context.Background(), s, log, "tester"); err == nil || !strings.Contains(err.Error(), "setalias: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestTextAliases: class stab, and class implicit for aliases, read an alias file, and again when it was changed.
func TestTextAliases(t *testing.T) {
	s, dir := siteWith(t, "O AliasFile=DIR/aliases\nKs stab DIR/aliases\nKi implicit DIR/aliases\nKn stab DIR/none\n", map[string]string{"aliases": "Root: me\n"})
	a, err := openAliases(s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	check := func(want string) {
		t.Helper()
		if v, err := s.Maps.Lookup(context.Background(), "s", "root"); err != nil || v != want {
			t.Errorf("%q, %v", v, err)
		}
		if _, err := s.Maps.Lookup(context.Background(), "s", "none"); err != maps.ErrNotFound {
			t.Error(err)
		}
		if v, found, err := a.Lookup(context.Background(), "root"); err != nil || v != want || !found {
			t.Errorf("alias: %q, %v, %v", v, found, err)
		}
	}
	check("me")
	if err := os.WriteFile(filepath.Join(dir, "new"), []byte("root: another\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "aliases")); err != nil {
		t.Fatal(err)
	}
	check("another")
	for _, m := range []string{"n", "i"} {
		if _, err := s.Maps.Lookup(context.Background(), m, "root"); !errors.Is(err, maps.ErrTempFail) {
			t.Errorf("%s, without a data base: %v", m, err)
		}
	}
}

// TestMapProgram: class program runs as the default user, and its exit code tells the outcome.
func TestMapProgram(t *testing.T) {
	s, _ := siteWith(t, "O DefaultUser=33:34\nKp program DIR/p\nKf program DIR/p fail\nKn program DIR/none\n",
		map[string]string{"p": "#!/bin/sh\ntest \"$1\" != fail || exit 75\necho `id -u` `id -G` `pwd` $AGENT $1\n"})
	who := fmt.Sprintf("%d", os.Getuid())
	if os.Getuid() == 0 {
		who = "33 34"
	}
	v, err := s.Maps.Lookup(context.Background(), "p", "key")
	if err != nil || !strings.HasPrefix(v, who+" ") || !strings.HasSuffix(v, " /tmp sendmail key") {
		t.Errorf("%q, %v; want %s ... /tmp sendmail key", v, err, who)
	}
	for _, m := range []string{"f", "n"} {
		if v, err := s.Maps.Lookup(context.Background(), m, "key"); !errors.Is(err, maps.ErrTempFail) {
			t.Errorf("%s: %q, %v", m, v, err)
		}
	}
}

// TestUserDatabase: a user's addresses come from the files of UserDatabaseSpec.
func TestUserDatabase(t *testing.T) {
	s, dir := siteWith(t, "O UserDatabaseSpec=DIR/none, DIR/users\n", nil)
	b, err := dbfile.Create(filepath.Join(dir, "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(b.Add([]byte("anna:maildrop"), []byte("a@one.test")), b.Add([]byte("anna:maildrop"), []byte("b@one.test")),
		b.Add([]byte("anna:mailsender"), []byte("postmaster")), b.Add([]byte("berta:maildrop"), []byte("c@one.test")), b.Commit(0o644, nil))
	if err != nil {
		t.Fatal(err)
	}
	a, err := openAliases(s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for user, want := range map[string]string{"Anna": "[a@one.test b@one.test] postmaster <nil>", "berta": "[c@one.test]  <nil>", "carla": "[]  not found"} {
		list, sender, err := a.maildrop(context.Background(), user)
		if got := fmt.Sprintf("%v %s %v", list, sender, err); got != want {
			t.Errorf("%s: %s, want %s", user, got, want)
		}
	}
}

// TestLDAPDefaultSpecReachesTheMaps: a map that names no server asks that of the option.
func TestLDAPDefaultSpecReachesTheMaps(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan bool, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			came <- true
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s, _ := siteWith(t, "O LDAPDefaultSpec=-h 127.0.0.1 -p "+port+" -b dc=x\nKm ldap -k (uid=%0) -v cn -1\n", nil)
	if _, err := s.Maps.Lookup(t.Context(), "m", "key"); err == nil {
		t.Error("an answer")
	}
	select {
	case <-came:
	case <-time.After(20 * time.Second):
		t.Error("the server was not asked")
	}
}

// TestUserDatabaseByFlag: only users of mailers with F=@ are looked up in the user database.
func TestUserDatabaseByFlag(t *testing.T) {
	for flags, want := range map[string]string{"lsDFMAwP": "alice", "lsDFMAwP@": "x"} {
		config := strings.Replace(withOption("UserDatabaseSpec=%[1]s/users"), "F=lsDFMAwP,", "F="+flags+",", 1)
		s := testServerOf(t, "false", config, nil)
		users := filepath.Join(filepath.Dir(s.site.options.QueueDirectory), "users.db")
		b, err := dbfile.Create(users)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(b.Add([]byte("alice:maildrop"), []byte("x@far.test")), b.Commit(0o600, nil)); err != nil {
			t.Fatal(err)
		}
		send(t, s.testSession(t), "<a@other.test>", []string{"<alice@mail.test>"}, "Subject: one\n\nx\n")
		deliver(t, s)
		if got := mailbox(t, s, "alice") != ""; got != (want == "alice") {
			t.Errorf("F=%s: alice has the mail: %t; it is for %s", flags, got, want)
		}
	}
}
