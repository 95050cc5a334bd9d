package drac

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultLimit is how long an address may relay after it was added, as with rpc.dracd.
const DefaultLimit = 30 * time.Minute

// Table is the file of the addresses that may relay, with the journal of what has changed since it was written.
type Table struct {
	Path  string           // with or without .db
	Limit time.Duration    // how long an address may relay; a negative one ends it at once
	Now   func() time.Time // nil: time.Now
	// Prefix stands before the address in each key, for configurations that look up "POP:" and the address.
	Prefix string
	// Files reads and makes the files: CDBs that Table wrote, and Berkeley DB files of rpc.dracd, whose place a CDB
	// takes at the first change.
	Files Files
}

// Files opens and makes files of keys and values.
type Files interface {
	// Open reads an open file, which it owns from then on.
	Open(f *os.File) (File, error)
	// Create begins a file for path that takes the place of the old one, durably, when it is committed.
	Create(path string) (Maker, error)
}

// File is an open file of keys and values.
type File interface {
	Get(key string, nul bool) (value string, found bool, err error)
	Each(visit func(key, value []byte) error) error
	Close() error
}

// Maker takes the records of a new file; each key comes once.
type Maker interface {
	Add(key, value []byte) error
	Commit(perm fs.FileMode, own func(*os.File) error) error
	Abort() error
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

// keys are the forms in which a configuration may look an address up: the macro {client_addr} writes IPv6 addresses
// with or without their zeros, by option UseCompressedIPv6Addresses.
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

// Add lets addresses relay from now on for the limit. When it returns, that is on disk.
func (t *Table) Add(addrs ...netip.Addr) error {
	return t.change("add to", addrs, strconv.FormatInt(t.now().Add(t.Limit).Unix(), 10))
}

// Delete ends the time of addresses.
func (t *Table) Delete(addrs ...netip.Addr) error { return t.change("delete from", addrs, "") }

// Clear ends the time of all addresses, and makes the table if it is not there.
func (t *Table) Clear() error {
	return t.locked("clear", func() error { return t.rewrite(nil, nil, nil) })
}

// Compact writes what the journal says into the table's file, for programs that read nothing else, and drops what has
// ended.
func (t *Table) Compact() error { return t.change("compact", nil, "") }

// List returns the addresses that may relay, in order. A table that is not there has none.
func (t *Table) List() ([]Entry, error) {
	records, err := t.records()
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
