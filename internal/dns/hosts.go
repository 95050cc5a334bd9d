package dns

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// hostsFile is hosts(5), read again when it changed.
type hostsFile struct {
	path string

	mu    sync.Mutex
	mtime time.Time
	size  int64
	table *hostsTable
}

// hostLine is one line of hosts(5): an address and its names, the first of them canonical.
type hostLine struct {
	addr  netip.Addr
	names []string
}

type hostsTable struct {
	lines  []hostLine
	byName map[string][]int // lower case, without final dot
	byAddr map[netip.Addr][]int
}

// load returns the table as it is on disk now. A missing file is an empty table.
func (h *hostsFile) load() (*hostsTable, error) {
	if h.path == "" {
		return &hostsTable{}, nil
	}
	st, err := os.Stat(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return &hostsTable{}, nil
	}
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.table != nil && h.mtime.Equal(st.ModTime()) && h.size == st.Size() {
		return h.table, nil
	}
	f, err := os.Open(h.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := parseHosts(f)
	if err != nil {
		return nil, err
	}
	h.table, h.mtime, h.size = t, st.ModTime(), st.Size()
	return t, nil
}

// parseHosts reads hosts(5). Lines that hold no address are skipped, as the resolver library does.
func parseHosts(r io.Reader) (*hostsTable, error) {
	t := &hostsTable{byName: map[string][]int{}, byAddr: map[netip.Addr][]int{}}
	s := bufio.NewScanner(r)
	for s.Scan() {
		text, _, _ := strings.Cut(s.Text(), "#")
		f := strings.Fields(text)
		if len(f) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(f[0])
		if err != nil {
			continue
		}
		addr = addr.Unmap()
		n := len(t.lines)
		t.lines = append(t.lines, hostLine{addr, f[1:]})
		t.byAddr[addr] = append(t.byAddr[addr], n)
		for _, name := range f[1:] {
			k := hostKey(name)
			t.byName[k] = append(t.byName[k], n)
		}
	}
	return t, s.Err()
}

func hostKey(name string) string { return strings.ToLower(trimDot(name)) }

// find returns the addresses of a name, the canonical name of its first line and all other names of its lines.
func (t *hostsTable) find(name string, f Family) *AddrAnswer {
	a := new(AddrAnswer)
	for _, n := range t.byName[hostKey(name)] {
		l := t.lines[n]
		if !f.has(l.addr) {
			continue
		}
		if a.Name == "" {
			a.Name = l.names[0]
			a.Aliases = append(a.Aliases, l.names[1:]...)
		} else {
			a.Aliases = append(a.Aliases, l.names...)
		}
		a.Addrs = append(a.Addrs, l.addr)
	}
	return a
}

// names returns all names of an address, the canonical ones of its lines first.
func (t *hostsTable) names(addr netip.Addr) []string {
	var first, more []string
	for _, n := range t.byAddr[addr.Unmap()] {
		first = append(first, t.lines[n].names[0])
		more = append(more, t.lines[n].names[1:]...)
	}
	return append(first, more...)
}

// canonical returns the name under which a line lists the host: its first name with a dot, else its first name. $m
// completes what is left without a dot.
func (t *hostsTable) canonical(name, domain string) string {
	lines := t.byName[hostKey(name)]
	if short, rest, ok := strings.Cut(name, "."); ok && len(lines) == 0 && strings.EqualFold(trimDot(rest), domain) {
		lines = t.byName[hostKey(short)]
	}
	if len(lines) == 0 {
		return ""
	}
	names := t.lines[lines[0]].names
	for _, n := range names {
		if strings.Contains(n, ".") {
			return n
		}
	}
	if domain != "" {
		return names[0] + "." + domain
	}
	return names[0]
}
