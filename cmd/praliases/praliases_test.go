package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gosendmail/maps/dbfile"
)

func TestPraliases(t *testing.T) {
	dir := t.TempDir()
	b, err := dbfile.Create(filepath.Join(dir, "aliases.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(b.Add([]byte("@\x00"), []byte("@\x00")), b.Add([]byte("root\x00"), []byte("admin\x00")), b.Add([]byte("list\x00"), []byte("a, b\x00")), b.Commit(0o640, nil))
	if err != nil {
		t.Fatal(err)
	}
	cf := filepath.Join(dir, "x.cf")
	if err := os.WriteFile(cf, []byte("V10\nO AliasFile=hash:-A "+dir+"/aliases,text:/x, "+dir+"/none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args      []string
		code      int
		out, told string
	}{
		{[]string{"-C", cf}, 0, "@:@\nroot:admin\nlist:a, b\n", "praliases: Skipping non-file based alias type text\npraliases: " + dir + "/none: open: No such file or directory\n"},
		{[]string{"-f", dir + "/aliases", "root", "ROOT"}, 0, "root:admin\nROOT: No such key\n", ""},
		{[]string{"-C", dir + "/no.cf"}, 66, "", "praliases: " + dir + "/no.cf: No such file or directory\n"},
		{[]string{"-x"}, 64, "", "praliases: invalid option -- 'x'\n" + usage},
	} {
		var out, told bytes.Buffer
		if code := run(c.args, &out, &told); code != c.code || out.String() != c.out || told.String() != c.told {
			t.Errorf("praliases %q: %d %q %q", c.args, code, out.String(), told.String())
		}
	}
}
