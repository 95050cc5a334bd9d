package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
)

// Listing says how the queue is printed (sendmail -bp).
type Listing struct {
	Verbose bool // -v: priorities and controlling users
	Order   Order
	Select  Selection
	Max     int           // MaxQueueRunSize: entries printed of a group; 0 means all
	MinAge  time.Duration // MinQueueAge, for the mark -
	MaxAge  time.Duration // MaxQueueAge
	// Busy reports whether the load is too high for a message (mark X); nil means never.
	Busy func(priority int64, created time.Time) bool
	// Problem is told of files that cannot be read; nil means nobody.
	Problem func(err error)
}

// Print writes the listing that mailq shows, byte for byte as the original does, which programs parse.
func (s *Spool) Print(out io.Writer, l Listing) error {
	w := bufio.NewWriter(out)
	total := 0
	for _, g := range s.groups {
		if l.Select.Group != "" && !strings.EqualFold(l.Select.Group, g.cfg.Name) {
			continue
		}
		for _, d := range g.dirs {
			n, err := s.printDirectory(w, g, d, &l)
			if err != nil {
				return errors.Join(err, w.Flush())
			}
			total += n
		}
	}
	fmt.Fprintf(w, "\t\tTotal requests: %d\n", total)
	return w.Flush()
}

// PrintCounts writes the number of entries of each directory (sendmail -bP).
func (s *Spool) PrintCounts(out io.Writer) error {
	w := bufio.NewWriter(out)
	total := 0
	for _, g := range s.groups {
		for _, d := range g.dirs {
			items, err := g.listDirectory(d, Normal)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s: entries=%d\n", d.path, len(items))
			total += len(items)
		}
	}
	fmt.Fprintf(w, "\t\tTotal requests: %d\n", total)
	return w.Flush()
}

func (s *Spool) printDirectory(w *bufio.Writer, g *Group, d *directory, l *Listing) (int, error) {
	items, err := g.listDirectory(d, l.Select.kinds())
	if err != nil {
		return 0, err
	}
	selected := items[:0]
	for _, it := range items {
		if l.Select.takes(it) {
			selected = append(selected, it)
		}
	}
	count := len(selected)
	if count == 0 {
		fmt.Fprintf(w, "%s is empty\n", d.df)
		return 0, nil
	}
	if l.Max > 0 && count > l.Max {
		selected = selected[:l.Max]
	}
	if l.Order.reads() {
		for _, it := range selected {
			it.load()
		}
	}
	l.Order.sort(selected)
	plural, only := "s", ""
	if count == 1 {
		plural = ""
	}
	if len(selected) < count {
		only = fmt.Sprintf(", only %d printed", len(selected))
	}
	fmt.Fprintf(w, "\t\t%s (%d request%s%s)\n", d.df, count, plural, only)
	if l.Verbose {
		fmt.Fprint(w, "-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------\n")
	} else {
		fmt.Fprint(w, "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n")
	}
	for _, it := range selected {
		p := itemPrinter{w: w, s: s, it: it, l: l}
		p.print()
	}
	return count, nil
}

// itemPrinter prints one message from the lines of its control file, as far as they go: also of files that a queue
// run would not accept.
type itemPrinter struct {
	w  *bufio.Writer
	s  *Spool
	it *Item
	l  *Listing

	created    time.Time
	hasTime    bool
	priority   int64
	warned     bool
	size       int64
	quarantine string
	message    string
	body       string
}

// Widths of the columns, bytes, normally and with -v.
func (p *itemPrinter) widths() (sender, recipient, message int) {
	if p.l.Verbose {
		return 78, 71, 100
	}
	return 39, 38, 60
}

func (p *itemPrinter) print() {
	fmt.Fprintf(p.w, "%13s", p.it.ID)
	f, err := os.Open(p.it.Path())
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrPermission):
			fmt.Fprint(p.w, " (permission denied)\n")
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprint(p.w, " (job completed)\n")
		default:
			fmt.Fprintf(p.w, " (%s)\n", safefile.Reason(err))
		}
		return
	}
	defer f.Close()
	p.w.WriteByte(p.mark(f))
	p.measure()
	data, err := io.ReadAll(io.LimitReader(f, maxControl))
	if err != nil {
		p.problem(err)
	}
	version := 0
	for _, line := range bytes.SplitAfter(data, []byte("\n")) {
		text := strings.TrimRight(string(line), "\n")
		if text == "." {
			break
		}
		if text != "" {
			p.line(text, &version)
		}
	}
	if !p.hasTime {
		fmt.Fprint(p.w, " (no control file)")
	}
	p.w.WriteByte('\n')
}

// mark is the sign behind the ID: * being worked on, X too much load, ? lost, - tried too recently.
func (p *itemPrinter) mark(f *os.File) byte {
	if p.it.head == nil && !p.it.Lost() { // neither order nor selection looked into it: the original then shows no marks
		return ' '
	}
	if err := safefile.TryLock(f, safefile.Shared); errors.Is(err, safefile.ErrLocked) {
		return '*'
	}
	if p.it.Lost() {
		return '?'
	}
	h := p.it.head
	if p.l.Busy != nil && p.l.Busy(h.priority, h.created) {
		return 'X'
	}
	if young(h, p.l.MinAge, p.l.MaxAge, p.s.cfg.Now()) {
		return '-'
	}
	return ' '
}

func (p *itemPrinter) problem(err error) {
	if p.l.Problem != nil {
		p.l.Problem(err)
	}
}

// measure looks for the length of the data file.
func (p *itemPrinter) measure() {
	info, err := os.Stat(filepath.Join(p.it.dir.df, "df"+p.it.ID))
	if err != nil {
		p.size = -1
		p.problem(fmt.Errorf("readqf: cannot open ./df%s: %s", p.it.ID, safefile.Reason(err)))
		return
	}
	p.size = info.Size()
}

func (p *itemPrinter) line(line string, version *int) {
	text := line[1:]
	_, toWidth, _ := p.widths()
	switch line[0] {
	case 'V':
		*version = int(number(text))
	case 'P':
		p.priority = number(text)
	case 'T':
		n := number(text)
		p.created, p.hasTime = time.Unix(n, 0), n != 0
	case 'q':
		p.quarantine = text
	case 'M':
		p.message = text
	case 'B':
		p.body = text
	case 'F':
		p.warned = strings.IndexByte(text, 'w') >= 0
	case 'S':
		p.sender(text)
	case 'C':
		if p.l.Verbose {
			fmt.Fprintf(p.w, "\n\t\t\t\t\t\t(---%s---)", visible(text, 64))
		}
	case 'R':
		p.recipient(text, *version, toWidth)
	}
}

func (p *itemPrinter) sender(text string) {
	fromWidth, _, textWidth := p.widths()
	if p.l.Verbose {
		plus := byte(' ')
		if p.warned {
			plus = '+'
		}
		fmt.Fprintf(p.w, "%8d %10d%c%s ", p.size, p.priority, plus, p.created.Format("Jan _2 15:04"))
	} else {
		fmt.Fprintf(p.w, "%8d %s ", p.size, p.created.Format("Mon Jan _2 15:04"))
	}
	fmt.Fprint(p.w, visible(text, fromWidth))
	if p.quarantine != "" {
		fmt.Fprint(p.w, "\n     QUARANTINE: ", clipped(p.quarantine, textWidth))
	}
	if p.message == "" && p.body == "" {
		return
	}
	fmt.Fprintf(p.w, "\n    %10.10s", maillog.Visible(p.body))
	if p.message != "" {
		fmt.Fprint(p.w, "   (", clipped(p.message, textWidth), ")")
	}
}

func (p *itemPrinter) recipient(text string, version, width int) {
	if version >= 1 {
		var ok bool
		if _, text, ok = strings.Cut(text, ":"); !ok {
			return
		}
	}
	if p.l.Verbose {
		fmt.Fprint(p.w, "\n\t\t\t\t\t\t")
	} else {
		fmt.Fprint(p.w, "\n\t\t\t\t\t ")
	}
	fmt.Fprint(p.w, visible(text, width))
}

// clipped is at most width bytes of what a peer or a rule said.
func clipped(s string, width int) string { return maillog.Visible(s[:min(len(s), width)]) }

// visible writes an address with what is not printable in octal, cut after width bytes.
func visible(s string, width int) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < width; i++ {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
