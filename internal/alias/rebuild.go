package alias

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
)

// Stats is what newaliases tells about a data base.
type Stats struct {
	File           string
	Aliases        int
	Longest, Bytes int // of the values; of names and values together
	Errors         int // lines that were left out
}

// Add counts an alias. Duplicates count, as with the original.
func (s *Stats) Add(e Entry) {
	s.Aliases++
	s.Bytes += len(e.Name) + len(e.Value)
	s.Longest = max(s.Longest, len(e.Value))
}

// String returns the line that the original prints.
func (s Stats) String() string {
	return fmt.Sprintf("%s: %d aliases, longest %d bytes, %d bytes total", s.File, s.Aliases, s.Longest, s.Bytes)
}

// ErrCannotOpen is found in Rebuild's error when the alias file is not there or cannot be trusted; the error says so in
// the original's words.
var ErrCannotOpen = errors.New("newaliases: cannot open")

// ErrUnsafeDatabase is found in Rebuild's error when the data base's file is a link that DontBlameSendmail does not let
// pass.
const ErrUnsafeDatabase = original("Cannot create database for alias file")

// ErrUnsafeFolder is found in Rebuild's error where others could put another data base in the place of the new one.
const ErrUnsafeFolder = original("WARNING")

// original is an error in the words of the original, which scripts may look for.
type original string

// Error returns those words.
func (e original) Error() string { return string(e) }

// Rebuild makes the data base of the alias file of a source and returns what it holds. The new one takes the place of
// the old one in one step, so that deliveries go on meanwhile; others that rebuild wait for a lock on the file. With K
// flag -A the values of a name that is there twice are joined, else the last one counts, with a warning. Bad lines are
// reported and left out, the rest is built. own gives the file to its owner (TrustedUser); nil leaves it.
func (s *Source) Rebuild(check *safefile.Checker, sp Spec, own func(*os.File) error, report func(Problem)) (Stats, error) {
	file := sp.File()
	stats := Stats{File: file}
	f, err := check.Open(file, safefile.AliasFile)
	if err != nil {
		return stats, fmt.Errorf("%w %s: %s", ErrCannotOpen, file, safefile.Reason(err))
	}
	defer f.Close()
	if err := safefile.Lock(f, safefile.Exclusive); err != nil {
		return stats, fmt.Errorf("alias: lock %s: %w", file, err)
	}
	path, err := database(check, sp)
	if err != nil {
		return stats, err
	}
	names, values, err := s.collect(f, file, sp.Has('A'), &stats, report)
	if err != nil {
		return stats, err
	}
	return stats, write(path, names, values, own)
}

// database returns the file that the data base of a source is written to: the end of a symbolic link that may be
// written to (WriteMapToSymLink). Links that may not are ErrUnsafeDatabase, in the original's words.
func database(check *safefile.Checker, sp Spec) (string, error) {
	path := sp.Database()
	_, err := check.Check(path, safefile.MapWrite, safefile.Read|safefile.Write)
	switch {
	case errors.Is(err, safefile.WorldWritableDir), errors.Is(err, safefile.GroupWritableDir):
		f, _ := errors.AsType[*safefile.Error](err)
		return "", fmt.Errorf("%w: %s %s\nWARNING: cannot open alias database %s\n%w %[4]s", ErrUnsafeFolder, safefile.Reason(err), f.At,
			sp.File(), ErrUnsafeDatabase)
	case safefile.IsUnsafe(err):
		return "", fmt.Errorf("unsafe map file %s: %s\n%w %s", path, safefile.Reason(err), ErrUnsafeDatabase, sp.File())
	case err != nil:
		return path, nil // what else is wrong shows when it is written
	}
	end, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("alias: %w", err)
	}
	return end, nil
}

// collect reads the aliases in order.
func (s *Source) collect(r io.Reader, file string, merge bool, stats *Stats, report func(Problem)) ([]string, map[string]string, error) {
	values := map[string]string{}
	var names []string
	err := s.Read(r, file, func(e Entry) error {
		old, twice := values[e.Name]
		switch {
		case !twice:
			names = append(names, e.Name)
		case !merge:
			report(Problem{File: file, Line: e.Line, Text: e.As + "... Warning: duplicate alias name " + e.Name, Warning: true})
		}
		stats.Add(e)
		if twice && merge {
			e.Value += "," + old // the later ones first, as the original has them
		}
		values[e.Name] = e.Value
		return nil
	}, func(p Problem) {
		stats.Errors++
		report(p)
	})
	return names, values, err
}

// write puts the records into a new data base, @ last.
func write(path string, names []string, values map[string]string, own func(*os.File) error) (err error) {
	perm := fs.FileMode(0o640)
	if info, err := os.Stat(path); err == nil {
		perm = info.Mode().Perm()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("alias: %w", err)
	}
	b, err := dbfile.Create(path)
	if err != nil {
		return fmt.Errorf("alias: create %s: %w", path, err)
	}
	for _, n := range append(names[:len(names):len(names)], Rebuilt) {
		v := values[n]
		if n == Rebuilt {
			v = Rebuilt
		}
		if err := b.Add([]byte(n), []byte(v)); err != nil {
			return errors.Join(fmt.Errorf("alias: write %s: %w", path, err), b.Abort())
		}
	}
	if err := b.Commit(perm, own); err != nil {
		return fmt.Errorf("alias: write %s: %w", path, err)
	}
	return nil
}

// Table is a text alias file in memory.
type Table map[string]string

// Load reads a text alias file whole, for alias sources without data base. Problems are left to newaliases.
func (s *Source) Load(r io.Reader, file string) (Table, error) {
	t := Table{}
	err := s.Read(r, file, func(e Entry) error {
		t[e.Name] = e.Value
		return nil
	}, func(Problem) {})
	return t, err
}

// Lookup returns the value of a name in any case.
func (t Table) Lookup(name string) (string, bool) {
	v, ok := t[strings.ToLower(name)]
	return v, ok
}
