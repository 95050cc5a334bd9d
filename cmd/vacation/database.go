package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/dbtool"
)

// intervalKey stands before the interval between two answers, in seconds. The original writes it with its NUL.
const intervalKey = "__VACATION__INTERVAL__TIMER__\x00"

// database is the file that remembers who was answered: an address, or @domain, and the time (8 bytes, seconds of the
// epoch); 0 excludes from answers.
type database struct {
	path string
	name string // for messages
}

func (d *database) fail(err error) error { return fmt.Errorf("%s: %s", d.name, reason(err)) }

func reason(err error) string {
	if errors.Is(err, dbfile.ErrCorrupt) {
		return "Unknown database type"
	}
	return safefile.Reason(err)
}

// check refuses what is no file of one name.
func (d *database) check() error {
	info, err := os.Lstat(d.path)
	if err == nil && !info.Mode().IsRegular() {
		err = syscall.EEXIST
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// each visits all records.
func (d *database) each(visit func(key string, when int64)) error {
	if err := d.check(); err != nil {
		return err
	}
	data, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	db, err := dbfile.Parse(data)
	if err != nil {
		return err
	}
	return db.Each(func(k, v []byte) error {
		if len(v) == 8 {
			visit(string(k), int64(binary.LittleEndian.Uint64(v)))
		}
		return nil
	})
}

// recent reports whether a sender is not to be answered now.
func (d *database) recent(sender string, now int64) (bool, error) {
	domain := sender[strings.LastIndexByte(sender, '@')+1:]
	recent, interval, last := false, int64(week), int64(-1)
	err := d.each(func(key string, when int64) {
		switch {
		case key == intervalKey:
			interval = when
		case key == sender && when != 0:
			last = when
		case key == sender, key == "@"+domain && domain != sender:
			recent = recent || when == 0
		}
	})
	if err != nil {
		return false, d.fail(err)
	}
	if last >= 0 && (interval == 0 || last+interval > now) {
		recent = true
	}
	return recent, nil
}

// records is a database that is being changed.
type records struct {
	b   *dbfile.Builder
	err error
}

func (r *records) set(key string, when int64) {
	if _, err := r.b.Replace([]byte(key), binary.LittleEndian.AppendUint64(nil, uint64(when))); err != nil && r.err == nil {
		r.err = err
	}
}

// change writes the database anew, empty or with what it holds, and what f sets.
func (d *database) change(empty bool, f func(*records)) error {
	if err := d.check(); err != nil {
		return d.fail(err)
	}
	file, err := os.OpenFile(d.path, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o640)
	if err != nil {
		return d.fail(err)
	}
	info, err := file.Stat()
	if err = errors.Join(err, file.Close()); err != nil {
		return d.fail(err)
	}
	lock, found, err := dbtool.LockOld(d.path)
	if err != nil {
		return d.fail(err)
	}
	if found {
		defer lock.Close()
	}
	b, err := dbfile.Create(d.path)
	if err != nil {
		return d.fail(err)
	}
	r := &records{b: b}
	if !empty {
		if err := d.each(r.set); err != nil {
			return d.fail(errors.Join(err, b.Abort()))
		}
	}
	f(r)
	if r.err != nil {
		return d.fail(errors.Join(r.err, b.Abort()))
	}
	if err := b.Commit(info.Mode().Perm(), nil); err != nil {
		return d.fail(err)
	}
	return nil
}

// list prints who was answered and when, and who is excluded.
func (d *database) list(out io.Writer) error {
	err := d.each(func(key string, when int64) {
		if key == intervalKey {
			return
		}
		text := "(exclusion)"
		if when != 0 {
			text = time.Unix(when, 0).Format(time.ANSIC)
		}
		fmt.Fprintf(out, "%-40.40s %-10s\n", key, text)
	})
	if err != nil {
		return d.fail(err)
	}
	return nil
}
