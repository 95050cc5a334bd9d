package drac

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// generationKey is the key of the record that names the generation of a table. A journal belongs to one generation:
// what it says is in the next one, and nothing to do with a table that another program has put into the same place.
const generationKey = "@drac.generation"

// journalHead begins the first line of a journal; the generation follows.
const journalHead = "DRAC journal of "

// change is one line of a journal: what became of a key.
type change struct {
	key, value string // value "": it was deleted
}

// appendLine writes a line: the key, a tab, the value, a tab, and the check sum of these in hexadecimal. Keys and
// values hold no tabs.
func (c change) appendLine(b []byte) []byte {
	n := len(b)
	b = append(b, c.key...)
	b = append(b, '\t')
	b = append(b, c.value...)
	sum := crc32.ChecksumIEEE(b[n:])
	b = append(b, '\t')
	b = strconv.AppendUint(b, uint64(sum), 16)
	return append(b, '\n')
}

// parseChange reads a line without its end. One that was torn when the system stopped is none.
func parseChange(line []byte) (c change, ok bool) {
	i := bytes.LastIndexByte(line, '\t')
	if i < 0 {
		return c, false
	}
	sum, err := strconv.ParseUint(string(line[i+1:]), 16, 32)
	if err != nil || uint32(sum) != crc32.ChecksumIEEE(line[:i]) {
		return c, false
	}
	key, value, ok := strings.Cut(string(line[:i]), "\t")
	return change{key, value}, ok
}

// journal is what is known of a journal file. Its owner reads on when the file has grown.
type journal struct {
	generation string            // "" while there is no journal
	changes    map[string]string // by key; "": deleted
	info       fs.FileInfo       // of the file, for telling another one
	offset     int64             // of what has not been read
}

// maxJournal bounds what is read of a journal, in bytes; a Table makes a new generation long before.
const maxJournal = 1 << 30

// refresh reads what is new in the file. open opens it after the checks that the table's own file has to pass.
func (j *journal) refresh(path string, open func(path string) (*os.File, error)) error {
	info, err := os.Lstat(path) // a link to nothing is open's affair
	if errors.Is(err, fs.ErrNotExist) {
		*j = journal{}
		return nil
	}
	if err != nil {
		return err
	}
	same := j.info != nil && info.Mode().IsRegular() && os.SameFile(j.info, info)
	if same && info.Size() == j.info.Size() && info.ModTime().Equal(j.info.ModTime()) {
		return nil
	}
	f, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		*j = journal{}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxJournal {
		return fmt.Errorf("%s is no journal", path)
	}
	name, head, err := generationOf(f)
	if err != nil {
		return err
	}
	if name != j.generation || info.Size() < j.offset { // the generation tells, and not the inode, whose number may be used again
		*j = journal{generation: name, changes: map[string]string{}, offset: head}
	}
	return j.read(f, info)
}

// generationOf reads the first line of a journal, which ends at head.
func generationOf(f *os.File) (name string, head int64, err error) {
	var first [128]byte
	n, err := f.ReadAt(first[:], 0)
	if err != nil && err != io.EOF {
		return "", 0, err
	}
	line, _, whole := bytes.Cut(first[:n], []byte{'\n'})
	rest, ours := bytes.CutPrefix(line, []byte(journalHead))
	if !whole || !ours || len(rest) == 0 {
		return "", 0, fmt.Errorf("%s is no journal", f.Name())
	}
	return string(rest), int64(len(line)) + 1, nil
}

// read takes the whole lines from the offset on.
func (j *journal) read(f *os.File, info fs.FileInfo) error {
	text, err := io.ReadAll(io.NewSectionReader(f, j.offset, info.Size()-j.offset))
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for line := range bytes.Lines(text[:whole]) {
		if c, ok := parseChange(line[:len(line)-1]); ok {
			j.changes[c.key] = c.value
		}
	}
	j.offset += int64(whole)
	j.info = info
	return nil
}
