package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

// maxLine bounds a line of input.
const maxLine = 16 << 20

// build writes the map from the lines of the standard input. Lines that are wrong are told and left out; the map has
// the others.
func (j *job) build(options dbtool.Options) int {
	target, err := options.Check(dbtool.Path(j.mapType, j.name), j.unsafe)
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
	if j.old && !found {
		return j.cannotOpen(syscall.ENOENT)
	}
	b, err := dbfile.Create(target.Path)
	if err != nil {
		return j.cannotOpen(err)
	}
	b.Limit = j.limit
	if f, ok := j.in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			b.Expect(int(info.Size() / usualLine))
		}
	}
	if j.old {
		if err := j.copyOld(b, target.Path); err != nil {
			return errorsAfter(j.cannotOpen(err), b.Abort())
		}
	}
	code, err := j.lines(b)
	if err != nil {
		fmt.Fprintf(j.errout, "makemap: %s: %v\n", j.name, err)
		return errorsAfter(dbtool.IOErr, b.Abort())
	}
	if err := b.Commit(target.Perm, target.Own); err != nil {
		fmt.Fprintf(j.errout, "makemap: %s: error on close: %v\n", j.name, err)
		return dbtool.IOErr
	}
	return code
}

// usualLine is about how many bytes a record of the input has.
const usualLine = 32

// errorsAfter returns code: that the temporary file could not be removed is not worth another message.
func errorsAfter(code int, _ error) int { return code }

// copyOld puts the records of the existing file into the new one (-o).
func (j *job) copyOld(b *dbfile.Builder, path string) error {
	data, err := os.ReadFile(path) // not a second open with a lock, which would wait for our own
	if err != nil || len(data) == 0 {
		return err
	}
	db, err := dbfile.Parse(data)
	if err != nil {
		return err
	}
	return db.Each(b.Add)
}

// lines reads the input.
func (j *job) lines(b *dbfile.Builder) (code int, err error) {
	s := bufio.NewScanner(j.in)
	s.Buffer(make([]byte, 1<<16), maxLine)
	s.Split(splitLines)
	p := parser{comment: j.comment, delim: j.delim, fold: !j.noFold, empty: j.empty}
	for n := 1; s.Scan(); n++ {
		key, value, err := p.parse(s.Bytes())
		if err == errSkip {
			continue
		}
		if err != nil {
			j.complain(n, err)
			code = dbtool.DataErr
			continue
		}
		ok, err := j.store(b, key, value)
		if err != nil {
			return code, fmt.Errorf("line %d: %w", n, err)
		}
		if !ok {
			j.complain(n, fmt.Errorf("key %s: duplicate key", key))
			code = dbtool.DataErr
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return code, fmt.Errorf("line too long (%d bytes max)", maxLine)
	}
	return code, s.Err()
}

// splitLines ends lines at newlines only: a carriage return belongs to the value, as in the original.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func (j *job) complain(line int, err error) {
	fmt.Fprintf(j.errout, "makemap: %s: line %d: %v\n", j.name, line, err)
}

// store adds one record. It reports false for a key that is there and may not be repeated.
func (j *job) store(b *dbfile.Builder, key, value []byte) (ok bool, err error) {
	if j.talk {
		fmt.Fprintf(j.out, "key=`%s', val=`%s'\n", key, value)
	}
	if j.nul {
		key = append(bytes.Clone(key), 0)
		value = append(bytes.Clone(value), 0)
	}
	switch {
	case j.dups:
		return true, b.Add(key, value)
	case j.replace:
		_, err := b.Replace(key, value)
		return true, err
	}
	return b.Insert(key, value)
}

// output writes records without a system call for each.
type output struct {
	w   *bufio.Writer
	err error
}

func newOutput(w io.Writer) *output { return &output{w: bufio.NewWriterSize(w, 1<<16)} }

func (o *output) record(key []byte, sep byte, value []byte) {
	o.w.Write(key)
	o.w.WriteByte(sep)
	o.w.Write(value)
	o.err = o.w.WriteByte('\n')
}

func (o *output) flush() error { return o.w.Flush() }

// cutNul ends a text where a C string ends.
func cutNul(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
