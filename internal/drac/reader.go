package drac

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Reader tells of a table of DRAC what its file does not: what the journal beside it says, and which records have
// ended. It is safe for concurrent use.
type Reader struct {
	path string
	open func(path string) (*os.File, error)
	now  func() time.Time

	mu      sync.Mutex
	journal journal
}

// NewReader returns a reader for the table in the file at path, whose journal open opens.
func NewReader(path string, open func(path string) (*os.File, error), now func() time.Time) *Reader {
	return &Reader{path: path, open: open, now: now}
}

// Generation returns what a table's file says of itself: ours tells whether it is one of DRAC, and the generation which
// journal belongs to it. get reads a record of the file.
func Generation(path string, get func(key string) (string, bool)) (generation string, ours bool) {
	v, ok := get(MarkerKey)
	if !(ok && v == markerValue) {
		return "", names[filepath.Base(path)]
	}
	generation, _ = get(generationKey)
	return generation, true
}

// Belongs implements maps.Beside.
func (r *Reader) Belongs(get func(key string) (string, bool)) (generation string, ours bool) {
	return Generation(r.path, get)
}

// Refresh looks at the journal. It comes before the look at the table's file: a journal is put away only after its
// records are in the file.
func (r *Reader) Refresh() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.refresh(journalOf(r.path), r.open)
}

// Find returns what the journal says of a key of a table with that generation; known is false where it says nothing. A
// value of "" means that the key was deleted.
func (r *Reader) Find(generation, key string) (value string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if generation == "" || r.journal.generation != generation {
		return "", false
	}
	value, known = r.journal.changes[key]
	return value, known
}

// Live reports whether a record has not ended.
func (r *Reader) Live(value string) bool { return live(value, r.now()) }

// journalOf names the journal beside a table.
func journalOf(path string) string { return strings.TrimSuffix(path, ".db") + ".journal" }
