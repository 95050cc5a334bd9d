package mta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
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
