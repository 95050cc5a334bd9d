package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Item is a message of which only the place in the queue is known; Spool.Open makes an Entry of it.
type Item struct {
	ID       string
	Group    *Group
	Modified time.Time // of the control file
	dir      *directory
	letter   byte // 'q', 'h' (quarantined) or 'Q' (lost)
	// head is what sorting and selecting need; nil until it is read.
	head *head
}

// Path returns the control file's name.
func (it *Item) Path() string { return filepath.Join(it.dir.qf, string(it.letter)+"f"+it.ID) }

// Quarantined reports whether it is an hf.
func (it *Item) Quarantined() bool { return it.letter == 'h' }

// Lost reports whether it is a Qf.
func (it *Item) Lost() bool { return it.letter == 'Q' }

// Kinds of control files that a listing shows.
type Kinds uint8

const (
	Normal      Kinds = 1 << iota // qf
	Quarantined                   // hf
	Lost                          // Qf
)

func (k Kinds) of(letter byte) bool {
	switch letter {
	case 'q':
		return k&Normal != 0
	case 'h':
		return k&Quarantined != 0
	case 'Q':
		return k&Lost != 0
	}
	return false
}

// listDirectory returns the control files of one directory, in the order of the directory. Files that vanish
// meanwhile are left out.
func (g *Group) listDirectory(d *directory, kinds Kinds) ([]*Item, error) {
	dir, err := os.Open(d.qf)
	if err != nil {
		return nil, fmt.Errorf("queue: list %s: %w", d.qf, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("queue: list %s: %w", d.qf, err)
	}
	var items []*Item
	for _, name := range names {
		id, ok := controlName(name, kinds)
		if !ok {
			continue
		}
		info, err := os.Lstat(filepath.Join(d.qf, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("queue: list: %w", err)
		}
		if info.Mode().IsRegular() {
			items = append(items, &Item{ID: id, Group: g, Modified: info.ModTime(), dir: d, letter: name[0]})
		}
	}
	return items, nil
}

func controlName(name string, kinds Kinds) (id string, ok bool) {
	if len(name) < 3 || name[1] != 'f' || !kinds.of(name[0]) {
		return "", false
	}
	id = name[2:]
	return id, validID(id) || !strings.ContainsAny(id, "/\x00\n") && len(id) <= 64
}

// head is the part of a control file that a queue run looks at beforehand.
type head struct {
	created, lastTry time.Time
	priority         int64
	tries            int
	sender           string
	quarantine       string
	recipients       []string
	host             string // of the first recipient, for the order by host
}

// noPriority is that of a control file without a P line.
const noPriority = 1<<31 - 1

// load reads the head, line by line as far as it goes: what is wrong with the file is told by the run that opens it.
func (it *Item) load() *head {
	if it.head != nil {
		return it.head
	}
	h := &head{priority: noPriority}
	it.head = h
	data, err := os.ReadFile(it.Path())
	if err != nil {
		return h
	}
	version := int64(0)
	for rest := string(data); rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		if line == "" || line == "." || line[0] == 'H' { // recipients come before the header
			break
		}
		h.line(line[0], line[1:], &version)
	}
	if len(h.recipients) > 0 {
		h.host = hostOf(h.recipients[0])
	}
	return h
}

func (h *head) line(code byte, text string, version *int64) {
	switch code {
	case 'V':
		*version = number(text)
	case 'T':
		h.created = time.Unix(number(text), 0)
	case 'K':
		h.lastTry = parseTime(text)
	case 'N':
		h.tries = int(number(text))
	case 'P':
		h.priority = number(text)
	case 'S':
		h.sender = text
	case 'q':
		h.quarantine = text
	case 'R':
		if flags, addr, ok := strings.Cut(text, ":"); ok && *version >= 1 && onlyFlags(flags) {
			text = addr
		}
		h.recipients = append(h.recipients, text)
	}
}

// hostOf is the domain of an address, in lower case and turned round (test.remote for remote.test), so that the hosts
// of one domain come together.
func hostOf(addr string) string {
	addr = bare(addr)
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return ""
	}
	labels := strings.Split(strings.ToLower(addr[i+1:]), ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".")
}
