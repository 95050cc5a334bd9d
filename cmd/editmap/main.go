// Command editmap queries or changes one record of a map's database file.
//
//	editmap [-C file] [-N] [-f] -q|-u|-x type mapname key ["value..."]
//
// -q prints the value of a key (exit code 69 when it is not there), -u sets it, -x removes it. A changed map is written
// anew beside the old file and renamed into place, so a change costs as much as a rebuild, and a Berkeley DB file
// becomes a CDB. Removing a key that is not there is told but no error, as in the original.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = "Usage: editmap [-C cffile] [-N] [-f] [-q|-u|-x] maptype mapname key [ \"value ...\" ]\n"

// job is one invocation.
type job struct {
	cf                        string
	nul, noFold               bool
	query, update, remove     bool
	mapType, name, key, value string
	out, errout               io.Writer
}

func run(args []string, out, errout io.Writer) int {
	j := &job{out: out, errout: errout}
	operands, err := dbtool.Getopt(args, "C:fquxN", j.flag)
	if err != nil {
		fmt.Fprintf(errout, "editmap: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return dbtool.Usage
	}
	if !j.operands(operands) {
		fmt.Fprint(errout, usage)
		return dbtool.Usage
	}
	cf := j.cf
	if cf == "" {
		cf = dbtool.DefaultCF
	}
	options, err := dbtool.ReadCF(cf, j.cf != "")
	if err != nil {
		fmt.Fprintf(errout, "editmap: %s: %s\n", cf, safefile.Reason(err))
		return dbtool.NoInput
	}
	switch j.mapType {
	case "hash", "btree", "cdb", "implicit":
	case "dbm":
		fmt.Fprint(errout, "editmap: dbm maps are not supported: use type hash\n")
		return dbtool.CantCreate
	default:
		//lint:ignore ST1005 the original's words
		return j.cannotOpen(errors.New("Unknown database type"))
	}
	if j.query {
		return j.show()
	}
	return j.change(options)
}

func (j *job) flag(f byte, value string) {
	switch f {
	case 'C':
		j.cf = value
	case 'N':
		j.nul = true
	case 'f':
		j.noFold = true
	case 'q':
		j.query = true
	case 'u':
		j.update = true
	case 'x':
		j.remove = true
	}
}

// operands takes type, map and key, and with -u the value, whose words may be separate arguments.
func (j *job) operands(o []string) bool {
	modes := 0
	for _, m := range []bool{j.query, j.update, j.remove} {
		if m {
			modes++
		}
	}
	if modes != 1 || j.update && len(o) < 4 || !j.update && len(o) != 3 {
		return false
	}
	j.mapType, j.name, j.key = o[0], o[1], o[2]
	if !j.noFold {
		j.key = strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, j.key)
	}
	j.value = strings.Join(o[3:], " ")
	return true
}

func (j *job) cannotOpen(err error) int {
	fmt.Fprintf(j.errout, "editmap: error opening type %s map %s: %s\n", j.mapType, j.name, safefile.Reason(err))
	return dbtool.CantCreate
}

func (j *job) show() int {
	db, err := dbfile.OpenFile(dbtool.Path(j.mapType, j.name))
	if err != nil {
		return j.cannotOpen(err)
	}
	defer db.Close()
	value, found, err := db.Get(j.key, j.nul)
	if err != nil {
		fmt.Fprintf(j.errout, "editmap: couldn't look up key %s in map %s: %v\n", j.key, j.name, err)
		return dbtool.IOErr
	}
	if !found {
		fmt.Fprintf(j.errout, "editmap: couldn't find key %s in map %s\n", j.key, j.name)
		return dbtool.Unavailable
	}
	fmt.Fprintln(j.out, strings.TrimSuffix(value, "\x00"))
	return dbtool.OK
}

// change copies the map with the record set or left out.
func (j *job) change(options dbtool.Options) int {
	target, err := options.Check(dbtool.Path(j.mapType, j.name), false)
	if err != nil {
		return j.cannotOpen(err)
	}
	for _, w := range target.Warn {
		fmt.Fprintln(j.errout, w)
	}
	lock, found, err := dbtool.LockOld(target.Path)
	if err != nil {
		return j.cannotOpen(err)
	}
	if found {
		defer lock.Close()
	}
	b, err := dbfile.Create(target.Path)
	if err != nil {
		return j.cannotOpen(err)
	}
	if err := j.rewrite(b, target.Path); err != nil {
		fmt.Fprintf(j.errout, "editmap: error on map %s: %v\n", j.name, errors.Join(err, b.Abort()))
		return dbtool.IOErr
	}
	if err := b.Commit(target.Perm, target.Own); err != nil {
		fmt.Fprintf(j.errout, "editmap: error on map %s: %v\n", j.name, err)
		return dbtool.IOErr
	}
	return dbtool.OK
}

func (j *job) rewrite(b *dbfile.Builder, path string) error {
	key, value := j.key, j.value
	if j.nul {
		key, value = key+"\x00", value+"\x00"
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found := false
	if len(data) > 0 {
		db, err := dbfile.Parse(data)
		if err != nil {
			return err
		}
		err = db.Each(func(k, v []byte) error {
			if string(k) == key {
				found = true
				return nil
			}
			return b.Add(k, v)
		})
		if err != nil {
			return err
		}
	}
	if j.update {
		return b.Add([]byte(key), []byte(value))
	}
	if !found {
		fmt.Fprintf(j.errout, "editmap: key %s doesn't exist in map %s\n", j.key, j.name)
	}
	return nil
}
