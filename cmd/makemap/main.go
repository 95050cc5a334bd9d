// Command makemap builds a map's database file from lines of key and value on its standard input.
//
//	makemap [-C file] [-N] [-c cachesize] [-D commentchar] [-d] [-e] [-f] [-i type] [-l] [-o] [-r] [-s] [-t delim] [-u] [-v] type mapname
//
// Types hash and btree write a CDB into mapname.db, type cdb into mapname.cdb, implicit is hash; dbm is refused. The
// file is written beside the old one and renamed into place, so a running server sees the old table or the new one,
// never a part. With -u an existing file, CDB or Berkeley DB, is written to the standard output instead. Messages and
// exit codes are the original's. -c is accepted without effect: there is no cache to size.
//
// What differs from the original: lines of any length up to 16 MiB are taken (it stops at 1024 bytes); -d works for all
// types; no sendmail.cf is needed unless -C names one; a file that fails half-way is not left damaged.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

const usage = `Usage: makemap [-C cffile] [-N] [-c cachesize] [-D commentchar]
               [-d] [-e] [-f] [-i type] [-l] [-o] [-r] [-s] [-t delimiter]
               [-u] [-v] type mapname
`

// job is one invocation.
type job struct {
	cf                                                         string
	nul, dups, empty, noFold, old, replace, unsafe, dump, talk bool
	list, listExt                                              bool
	fallback                                                   string
	comment, delim                                             byte
	mapType, name                                              string

	limit       int64 // of the file; 0: what a CDB can hold
	in          io.Reader
	out, errout io.Writer
}

func run(args []string, in io.Reader, out, errout io.Writer) int {
	j := &job{comment: '#', in: in, out: out, errout: errout}
	operands, err := dbtool.Getopt(args, "C:D:Nc:defi:lorst:uvx", j.flag)
	if err != nil {
		fmt.Fprintf(errout, "makemap: %s\n%s", strings.TrimPrefix(err.Error(), "usage: "), usage)
		return dbtool.Usage
	}
	switch {
	case j.list:
		fmt.Fprint(out, "hash\nbtree\ncdb\nimplicit\n")
		return dbtool.OK
	case j.listExt:
		fmt.Fprint(out, "hash:db\nbtree:db\ncdb:cdb\nimplicit:\n")
		return dbtool.OK
	case len(operands) != 2:
		fmt.Fprint(errout, usage)
		return dbtool.Usage
	}
	j.mapType, j.name = operands[0], operands[1]
	options, err := dbtool.ReadCF(j.configuration())
	if err != nil {
		return j.configError(err)
	}
	if err := j.checkType(); err != nil {
		fmt.Fprintf(errout, "makemap: %v\n", err)
		return dbtool.CantCreate
	}
	if j.dump {
		return j.unmap()
	}
	return j.build(options)
}

func (j *job) flag(f byte, value string) {
	switch f {
	case 'C':
		j.cf = value
	case 'D':
		j.comment = firstByte(value)
	case 'N':
		j.nul = true
	case 'd':
		j.dups = true
	case 'e':
		j.empty = true
	case 'f':
		j.noFold = true
	case 'i':
		j.fallback = value
	case 'l':
		j.list = true
	case 'o':
		j.old = true
	case 'r':
		j.replace = true
	case 's':
		j.unsafe = true
	case 't':
		j.delim = firstByte(value)
	case 'u':
		j.dump = true
	case 'v':
		j.talk = true
	case 'x':
		j.listExt = true
	}
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

func (j *job) configuration() (path string, asked bool) {
	if j.cf != "" {
		return j.cf, true
	}
	return dbtool.DefaultCF, false
}

func (j *job) configError(err error) int {
	var path interface{ Timeout() bool } // what os.Open returns
	if errors.As(err, &path) {
		fmt.Fprintf(j.errout, "makemap: %s: %s\n", j.cf, safefile.Reason(err))
		return dbtool.NoInput
	}
	fmt.Fprintf(j.errout, "makemap: %v\n", err)
	return dbtool.Config
}

// checkType puts the fallback in place of a type that cannot be written.
func (j *job) checkType() error {
	known := func(t string) bool { return t == "hash" || t == "btree" || t == "cdb" || t == "implicit" }
	if j.mapType == "dbm" && known(j.fallback) {
		j.mapType = j.fallback
	}
	switch {
	case known(j.mapType):
		return nil
	case j.mapType == "dbm":
		return errors.New("dbm maps are not supported: use type hash, and class hash in the K line")
	}
	return fmt.Errorf("error opening type %s map %s: Unknown database type", j.mapType, j.name)
}

// cannotOpen tells why a map's file cannot be opened.
func (j *job) cannotOpen(err error) int {
	fmt.Fprintf(j.errout, "makemap: error opening type %s map %s: %s\n", j.mapType, j.name, safefile.Reason(err))
	return dbtool.CantCreate
}

// unmap writes the records of a map to the standard output.
func (j *job) unmap() int {
	db, err := dbfile.OpenFile(dbtool.Path(j.mapType, j.name))
	if err != nil {
		return j.cannotOpen(err)
	}
	defer db.Close()
	w := newOutput(j.out)
	sep := byte('\t')
	if j.delim != 0 {
		sep = j.delim
	}
	err = db.Each(func(k, v []byte) error {
		w.record(cutNul(k), sep, cutNul(v))
		return w.err
	})
	if err = errors.Join(err, w.flush()); err != nil {
		fmt.Fprintf(j.errout, "makemap: %s: %v\n", j.name, err)
		return dbtool.IOErr
	}
	return dbtool.OK
}
