package drac

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"gosendmail/internal/safefile"
)

// A small table is written anew with each change, so that its file always says everything. A larger one gets a journal,
// which goes into the file when it has grown to a part of that: a change costs the same however many records there are.
const (
	smallTable  = 128 << 10 // bytes
	journalPart = 16
)

// change gives the keys of addresses a value, or deletes them where it is "".
func (t *Table) change(what string, addrs []netip.Addr, value string) error {
	var list []change
	for _, a := range addrs {
		for _, k := range t.keys(a) {
			list = append(list, change{k, value})
		}
	}
	return t.locked(what, func() error { return t.apply(list) })
}

// locked runs a change while no other program changes the table.
func (t *Table) locked(what string, do func() error) error {
	lock, err := t.openLock(strings.TrimSuffix(t.file(), ".db") + ".lock")
	if err != nil {
		return fmt.Errorf("drac: %s %s: %w", what, t.file(), err)
	}
	defer lock.Close()
	if err := safefile.Lock(lock, safefile.Exclusive); err != nil {
		return fmt.Errorf("drac: lock %s: %w", lock.Name(), err)
	}
	if err := do(); err != nil {
		return fmt.Errorf("drac: %s %s: %w", what, t.file(), err)
	}
	return nil
}

// apply makes changes, in the journal or in the file; without changes, in the file.
func (t *Table) apply(list []change) error {
	old, size, found, err := t.open()
	if err != nil {
		return err
	}
	if !found {
		return t.rewrite(nil, nil, list)
	}
	defer old.Close()
	generation, _ := Generation(t.file(), getter(old))
	if generation != "" && size > smallTable && len(list) > 0 {
		grown, err := t.append(generation, list)
		if err != nil || grown <= max(size/journalPart, smallTable) {
			return err
		}
		list = nil // they are in the journal
	}
	var j journal
	if err := j.refresh(journalOf(t.file()), t.openRead); err != nil {
		return err
	}
	if generation == "" || j.generation != generation {
		j = journal{}
	}
	return t.rewrite(old, j.changes, list)
}

// open opens the table's file; found is false where there is none.
func (t *Table) open() (f File, size int64, found bool, err error) {
	file, err := t.openRead(t.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, err
	}
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return nil, 0, false, errors.Join(err, file.Close())
	}
	f, err = t.Files.Open(file)
	return f, info.Size(), true, err
}

// openRead opens the table or its journal.
func (t *Table) openRead(path string) (*os.File, error) { return t.openTrusted(path, os.O_RDONLY) }

func getter(f File) func(string) (string, bool) {
	return func(key string) (string, bool) {
		v, found, err := f.Get(key, false)
		return v, found && err == nil
	}
}

// records returns what the file and the journal say, without the marks.
func (t *Table) records() (map[string]string, error) {
	var j journal // before the file: see Reader.Refresh
	if err := j.refresh(journalOf(t.file()), t.openRead); err != nil {
		return nil, err
	}
	records := map[string]string{}
	old, _, found, err := t.open()
	if err != nil || !found {
		return records, err
	}
	defer old.Close()
	err = old.Each(func(k, v []byte) error {
		records[string(k)] = string(v)
		return nil
	})
	if records[generationKey] != "" && records[generationKey] == j.generation {
		for k, v := range j.changes {
			records[k] = v
		}
	}
	delete(records, MarkerKey)
	delete(records, generationKey)
	return records, err
}

// append writes changes behind the journal of a generation, or begins one, and returns how long it is now.
func (t *Table) append(generation string, list []change) (size int64, err error) {
	f, err := t.openTrusted(journalOf(t.file()), os.O_RDWR|os.O_APPEND)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, t.begin(generation, list)
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if name, _, err := generationOf(f); err != nil || name != generation {
		return 0, t.begin(generation, list) // of a table that is not there any more
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var text []byte
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return 0, err
	}
	if last[0] != '\n' {
		text = append(text, '\n') // ends a line that was torn
	}
	for _, c := range list {
		text = c.appendLine(text)
	}
	if _, err := f.Write(text); err != nil {
		return 0, err
	}
	return info.Size() + int64(len(text)), f.Sync()
}

// begin makes a journal with its first changes and puts it into place.
func (t *Table) begin(generation string, list []change) (err error) {
	path := journalOf(t.file())
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	text := []byte(journalHead + generation + "\n")
	for _, c := range list {
		text = c.appendLine(text)
	}
	if _, err := tmp.Write(text); err != nil {
		return err
	}
	if err := errors.Join(t.own(tmp), tmp.Chmod(t.mode()), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return safefile.SyncDir(filepath.Dir(path))
}

// rewrite puts a new generation into the place of the file: what old (nil: nothing) has that has not ended, with the
// changes of the journal and then those of the list.
func (t *Table) rewrite(old File, journal map[string]string, list []change) (err error) {
	b, err := t.Files.Create(t.file())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.Abort()
		}
	}()
	changes := map[string]string{MarkerKey: markerValue, generationKey: rand.Text()}
	for k, v := range journal {
		changes[k] = v
	}
	for _, c := range list {
		changes[c.key] = c.value
	}
	now := t.now()
	if old != nil {
		err := old.Each(func(k, v []byte) error {
			if _, changed := changes[string(k)]; changed || !live(string(v), now) {
				return nil
			}
			return b.Add(k, v)
		})
		if err != nil {
			return err
		}
	}
	for k, v := range changes {
		if v == "" || !live(v, now) {
			continue
		}
		if err := b.Add([]byte(k), []byte(v)); err != nil {
			return err
		}
	}
	if err := b.Commit(t.mode(), t.own); err != nil {
		return err
	}
	// Of an old generation now: that it stays where this fails, or the system stops here, does no harm.
	if err := os.Remove(journalOf(t.file())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// mode is that of the file, or of a new one.
func (t *Table) mode() fs.FileMode {
	if info, err := os.Lstat(t.file()); err == nil && info.Mode().IsRegular() {
		return info.Mode().Perm()
	}
	return 0o640
}

// own gives a new file to the owner of the table, so that root may add where a daemon without rights reads.
func (t *Table) own(f *os.File) error {
	uid, gid, ok := ownerOf(t.file())
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(uid, gid)
}
