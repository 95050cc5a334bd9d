package drac

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/colinmarc/cdb"

	"gosendmail/internal/safefile"
)

// DefaultLimit is how long an address may relay after it was added, as with rpc.dracd.
const DefaultLimit = 30 * time.Minute

// Table is the file of the addresses that may relay.
type Table struct {
	Path  string           // with or without .db
	Limit time.Duration    // how long an address may relay; a negative one ends it at once
	Now   func() time.Time // nil: time.Now
	// Prefix stands before the address in each key, for configurations that look up "POP:" and the address.
	Prefix string
	// Read gives the records of the file: a CDB that Table wrote, or a Berkeley DB file of rpc.dracd, whose place a CDB takes at
	// the first change.
	Read func(path string) (map[string]string, error)
}

// Entry is an address and when it ends.
type Entry struct {
	Addr netip.Addr
	End  time.Time
}

func (t *Table) file() string {
	if strings.HasSuffix(t.Path, ".db") {
		return t.Path
	}
	return t.Path + ".db"
}

func (t *Table) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

// keys are the forms in which a configuration may look an address up: the macro {client_addr} writes IPv6 addresses with or
// without their zeros, by option UseCompressedIPv6Addresses.
func (t *Table) keys(a netip.Addr) []string {
	a = a.Unmap().WithZone("")
	list := []string{t.Prefix + a.String()}
	if a.Is6() {
		var words []string
		b := a.As16()
		for i := 0; i < 16; i += 2 {
			words = append(words, strconv.FormatUint(uint64(b[i])<<8|uint64(b[i+1]), 16))
		}
		if full := t.Prefix + strings.Join(words, ":"); full != list[0] {
			list = append(list, full)
		}
	}
	return list
}

// Add lets addresses relay from now on for the limit, and drops what has ended.
func (t *Table) Add(addrs ...netip.Addr) error {
	end := strconv.FormatInt(t.now().Add(t.Limit).Unix(), 10)
	return t.change("add to", func(records map[string]string) {
		for _, a := range addrs {
			for _, k := range t.keys(a) {
				records[k] = end
			}
		}
	})
}

// Delete ends the time of addresses.
func (t *Table) Delete(addrs ...netip.Addr) error {
	return t.change("delete from", func(records map[string]string) {
		for _, a := range addrs {
			for _, k := range t.keys(a) {
				delete(records, k)
			}
		}
	})
}

// Clear ends the time of all addresses, and makes the table if it is not there.
func (t *Table) Clear() error {
	return t.change("clear", func(records map[string]string) { clear(records) })
}

// List returns the addresses that may relay, in order. A table that is not there has none.
func (t *Table) List() ([]Entry, error) {
	records, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("drac: list %s: %w", t.file(), err)
	}
	var list []Entry
	for k, v := range records {
		a, err := netip.ParseAddr(strings.TrimPrefix(k, t.Prefix))
		end, bad := strconv.ParseInt(v, 10, 64)
		if err == nil && bad == nil && t.keys(a)[0] == k && live(v, t.now()) {
			list = append(list, Entry{a, time.Unix(end, 0)})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return a.Addr.Compare(b.Addr) })
	return list, nil
}

// change applies edit to the records that have not ended and puts the new table into the place of the old one.
func (t *Table) change(what string, edit func(map[string]string)) error {
	lock, err := os.OpenFile(strings.TrimSuffix(t.file(), ".db")+".lock", os.O_RDWR|os.O_CREATE|oNoFollow, 0o640)
	if err != nil {
		return fmt.Errorf("drac: %s %s: %w", what, t.file(), err)
	}
	defer lock.Close()
	if err := safefile.Lock(lock, safefile.Exclusive); err != nil {
		return fmt.Errorf("drac: lock %s: %w", lock.Name(), err)
	}
	records, err := t.read()
	if err == nil {
		now := t.now()
		for k, v := range records {
			if !live(v, now) {
				delete(records, k)
			}
		}
		edit(records)
		err = t.write(records)
	}
	if err != nil {
		return fmt.Errorf("drac: %s %s: %w", what, t.file(), err)
	}
	return nil
}

// read returns the records without the marker.
func (t *Table) read() (map[string]string, error) {
	records := map[string]string{}
	info, err := os.Stat(t.file())
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return records, nil
	}
	if err != nil {
		return nil, err
	}
	if records, err = t.Read(t.file()); err != nil {
		return nil, err
	}
	delete(records, MarkerKey)
	return records, nil
}

// write makes a new file beside the table and renames it into place.
func (t *Table) write(records map[string]string) (err error) {
	mode := fs.FileMode(0o640)
	if info, err := os.Stat(t.file()); err == nil {
		mode = info.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(t.file()), "."+filepath.Base(t.file())+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	w, err := cdb.NewWriter(tmp, nil)
	if err != nil {
		return err
	}
	records[MarkerKey] = markerValue
	for k, v := range records {
		if err := w.Put([]byte(k), []byte(v)); err != nil {
			return err
		}
	}
	// Freeze completes the file and keeps it open; Close of the writer would close it before it is on disk.
	if _, err := w.Freeze(); err != nil {
		return err
	}
	if err := errors.Join(tmp.Chmod(mode), t.own(tmp), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), t.file()); err != nil {
		return err
	}
	return safefile.SyncDir(filepath.Dir(t.file()))
}

// own gives a new table to the owner of the old one, so that root may add where a daemon without rights reads.
func (t *Table) own(f *os.File) error {
	uid, gid, ok := ownerOf(t.file())
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(uid, gid)
}
