package maps_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
	"gosendmail/maps"
	"gosendmail/maps/maptest"
)

func userDatabase(t *testing.T) maptest.Subject {
	file := filepath.Join(t.TempDir(), "users.db")
	build(t, file, "key:maildrop", "value")
	return maptest.Subject{
		Class: "userdb", Args: "maildrop", Env: maps.Env{UserDB: strings.TrimSuffix(file, ".db")}, Key: "Key", Value: "value", Absent: "none",
		Break:   func(t *testing.T) { write(t, file, "this is no database at all, is it?") },
		Mend:    func(t *testing.T) { build(t, file, "key:maildrop", "value") },
		Replace: func(t *testing.T) { build(t, file, "key:maildrop", "value2") },
	}
}

func TestUserDB(t *testing.T) { maptest.Run(t, userDatabase) }

// TestUserDBLikeOriginal looks fields up in tables that the original's makemap made, in the original and in ours.
func TestUserDBLikeOriginal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a": "anna:maildrop anna@one.test\nanna:maildrop anna2@one.test\nanna:mailname Anna.A@corp.test\nberta:maildrop berta@one.test\n:default:mailname corp.test\n" +
			"carla:mailname c\nCaps:maildrop caps@x\nanna:mailsender anna-request\nanna:fullname Anna %0 Aa\n" + strings.Repeat("n", 110) + ":maildrop long\n" +
			strings.Repeat("m", 117) + ":maildrop longer\n",
		"b": "dora:maildrop dora@x\nanna:maildrop other@x\nberta:office-phone 123\n",
	} {
		mk := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/dev/null", "-f", "-d", "btree", filepath.Join(dir, name))
		mk.Stdin = strings.NewReader(text)
		if out, err := mk.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	spec := dir + "/none, " + dir + "/a.db," + dir + "/b"
	k := []string{"Kd userdb maildrop", "Kn userdb mailname", "Kf userdb -a.x -m fullname", "Kg userdb fullname", "Ks userdb mailsender", "Kff userdb -f maildrop", "Ko userdb office-phone"}
	keys := []string{"anna", "ANNA", "berta", "carla", "Caps", "caps", "dora", "nobody", ":default", "anna:maildrop", strings.Repeat("n", 110), strings.Repeat("m", 117), strings.Repeat("z", 300)}
	var commands []string
	for _, line := range k {
		for _, key := range keys {
			commands = append(commands, "/map "+strings.Fields(line[1:])[0]+" "+key)
		}
	}
	want := original(t, "O UserDatabaseSpec="+spec+"\n"+strings.Join(k, "\n")+"\n", commands)
	set, err := maps.NewSet(specs(k), maps.Env{UserDB: spec})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for i, c := range commands {
		f := strings.SplitN(c, " ", 3)
		if got := mapCommand(set, f[1], f[2]); got != strings.TrimSuffix(want[i], "\n") {
			t.Errorf("%s\n ours:     %s\n original: %s", c, got, want[i])
		}
	}
	u, err := maps.OpenUserDB(spec, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if all, err := u.All(context.Background(), "anna", "maildrop"); err != nil || fmt.Sprint(all) != "[anna@one.test anna2@one.test]" {
		t.Errorf("maildrops: %q, %v", all, err)
	}
}

func TestUserDBSpec(t *testing.T) {
	for spec, want := range map[string]string{"hash:/x": "Unknown UDB spec hash", "@host.test": "not supported", "/x, /y,z": "Unknown UDB spec z"} {
		if _, err := maps.NewSet([]maps.Spec{{Name: "u", Class: "userdb", Args: "maildrop", File: "x.cf", Line: 3}}, maps.Env{UserDB: spec}); err == nil || !strings.HasPrefix(err.Error(), "x.cf:3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	u, err := maps.OpenUserDB("", maps.Env{})
	if err != nil || !u.Empty() {
		t.Fatal(err)
	}
	if _, err := u.Get(context.Background(), "x", "mailname"); err != maps.ErrNotFound {
		t.Error(err)
	}
	closed := maps.Env{UserDB: "/x", Open: func(string) (*os.File, error) { return nil, errors.New("unsafe") }}
	file := filepath.Join(t.TempDir(), "u.db")
	build(t, file, "x:maildrop", "v")
	if u, err = maps.OpenUserDB(file, closed); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Get(context.Background(), "x", "maildrop"); !errors.Is(err, maps.ErrTempFail) {
		t.Errorf("a file that must not be read: %v", err)
	}
}
