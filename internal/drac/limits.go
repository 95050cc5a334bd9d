package drac

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gosendmail/internal/guard"
)

// limiter lets a few lines through in each minute.
type limiter struct {
	mu     sync.Mutex
	minute time.Time // when the count began
	count  int
}

// linesAMinute is how many it lets through.
const linesAMinute = 10

// take reports whether a line may be written now, and how many were not since the last time that one was.
func (l *limiter) take(now time.Time) (allowed bool, missed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.minute) >= time.Minute || now.Before(l.minute) {
		missed = max(0, l.count-linesAMinute)
		l.minute, l.count = now, 0
	}
	l.count++
	return l.count <= linesAMinute, missed
}

// guests counts the TCP connections of hosts.
type guests struct {
	mu        sync.Mutex
	hosts     map[netip.Addr]int // that may add
	all       int
	strangers int
}

// enter reports whether there is room for one more of a host; leave ends it.
func (g *guests) enter(host netip.Addr, allowed bool) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !allowed {
		if g.strangers >= maxStrangers {
			return nil, false
		}
		g.strangers++
		return func() { g.mu.Lock(); g.strangers--; g.mu.Unlock() }, true
	}
	if g.hosts == nil {
		g.hosts = map[netip.Addr]int{}
	}
	if g.all >= maxCallers || g.hosts[host] >= maxOfHost {
		return nil, false
	}
	g.all++
	g.hosts[host]++
	return func() { g.left(host) }, true
}

func (g *guests) left(host netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.hosts[host]--; g.hosts[host] == 0 {
		delete(g.hosts, host)
	}
}

// committer puts addresses that come at the same time into the table together, with one wait for the disk.
type committer struct {
	mu      sync.Mutex
	busy    bool
	waiting *batch // the next one to go
}

// batch is a set of addresses, with what became of them.
type batch struct {
	addrs map[netip.Addr]bool
	ended chan struct{}
	err   error
}

// add adds an address. fresh is false for a call that came twice at a time.
func (c *committer) add(t *Table, addr netip.Addr) (fresh bool, err error) {
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = &batch{addrs: map[netip.Addr]bool{}, ended: make(chan struct{})}
	}
	b := c.waiting
	fresh = !b.addrs[addr]
	b.addrs[addr] = true
	if !c.busy {
		c.busy = true
		guard.Report(nil).Go("DRAC table", func() { c.commit(t) })
	}
	c.mu.Unlock()
	<-b.ended
	return fresh, b.err
}

// commit puts what waits into the table until nothing does.
func (c *committer) commit(t *Table) {
	for b := c.next(); b != nil; b = c.next() {
		b.commit(t)
	}
}

func (c *committer) next() *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.waiting
	c.waiting, c.busy = nil, b != nil
	return b
}

func (b *batch) commit(t *Table) {
	b.err = guard.Try("addition to "+t.file(), func() error { return t.Add(slices.Collect(maps.Keys(b.addrs))...) })
	close(b.ended)
}

// house knows this host's own addresses, which is who may add where there is no list. They are looked up now and then,
// not for each datagram of a stranger.
type house struct {
	mu    sync.Mutex
	addrs map[netip.Addr]bool
	until time.Time
}

// houseTime is how long the addresses are believed.
const houseTime = 10 * time.Second

func (h *house) has(host netip.Addr, now time.Time) bool {
	if host.IsLoopback() {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.After(h.until) || h.until.Sub(now) > houseTime {
		h.addrs, h.until = own(), now.Add(houseTime)
	}
	return h.addrs[host]
}

// own lists this host's addresses.
func own() map[netip.Addr]bool {
	list := map[netip.Addr]bool{}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return list
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list[p.Addr().Unmap()] = true
		}
	}
	return list
}
