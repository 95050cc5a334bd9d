package mta

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rateSlots is how finely a rate window is divided.
const rateSlots = 6

// Rates counts connections by client address, for ${client_rate}, ${client_connections} and ${total_rate}.
type Rates struct {
	mu     sync.Mutex
	window time.Duration // ConnectionRateWindowSize
	now    func() time.Time
	total  rate
	by     map[netip.Addr]*rate
	swept  int64 // the slot in which old addresses were last dropped
	crowds map[netip.Prefix]*crowd
}

type rate struct {
	slots [rateSlots]struct {
		at int64 // which slot of time it counts
		n  int
	}
	open int
}

// NewRates makes empty counters for a window (ConnectionRateWindowSize).
func NewRates(window time.Duration, now func() time.Time) *Rates {
	if window <= 0 {
		window = time.Minute
	}
	return &Rates{window: window, now: now, by: map[netip.Addr]*rate{}, crowds: map[netip.Prefix]*crowd{}}
}

func (r *Rates) slot() int64 {
	return r.now().UnixNano() / int64(r.window/rateSlots)
}

// begin counts a new connection. It returns the rate and the open connections of that client, and the rate of all, each
// with the new one.
func (r *Rates) begin(addr netip.Addr) (clientRate, open, totalRate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.slot()
	r.sweep(at)
	c := r.by[addr]
	if c == nil {
		c = &rate{}
		r.by[addr] = c
	}
	c.open++
	return c.count(at), c.open, r.total.count(at)
}

// crowd are the connections of one client. An IPv6 client is a network of 64 bits, whose addresses its owner can choose
// from.
type crowd struct {
	open int
	told bool // that there were too many
}

func crowdOf(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.WithZone("").Prefix(bits)
	return p
}

// enter counts a connection of addr, unless the client has limit of them already; first is true for the first that is
// too many. This host itself has no limit, and 0 is none.
func (r *Rates) enter(addr netip.Addr, limit int) (ok, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.crowds[crowdOf(addr)]
	if c == nil {
		c = &crowd{}
		r.crowds[crowdOf(addr)] = c
	}
	if limit > 0 && c.open >= limit && !addr.IsLoopback() {
		first, c.told = !c.told, true
		return false, first
	}
	c.open++
	return true, false
}

// leave ends what enter counted.
func (r *Rates) leave(addr netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := crowdOf(addr)
	if c := r.crowds[key]; c != nil {
		if c.open--; c.open <= 0 {
			delete(r.crowds, key)
		}
	}
}

// end tells that a connection of addr is gone.
func (r *Rates) end(addr netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.by[addr]; c != nil && c.open > 0 {
		c.open--
	}
}

// sweep forgets clients that have no connection and had none within the window.
func (r *Rates) sweep(at int64) {
	if r.swept == at {
		return
	}
	r.swept = at
	for addr, c := range r.by {
		if c.open == 0 && c.sum(at) == 0 {
			delete(r.by, addr)
		}
	}
}

// count adds one at slot at and returns the window's sum.
func (c *rate) count(at int64) int {
	s := &c.slots[at%rateSlots]
	if s.at != at {
		s.at, s.n = at, 0
	}
	s.n++
	return c.sum(at)
}

func (c *rate) sum(at int64) int {
	n := 0
	for _, s := range c.slots {
		if at-s.at < rateSlots {
			n += s.n
		}
	}
	return n
}

// load is the load average as of some seconds ago.
func (s *Server) load() int {
	now := s.now().Unix()
	if at := s.loadAt.Load(); now-at >= loadAge || at == 0 {
		s.loadAt.Store(now)
		s.loadIs.Store(int64(loadAverage()))
	}
	return int(s.loadIs.Load())
}

// loadAge is how old a load average may be, in seconds; the kernel works it out every five.
const loadAge = 5

// loadAverage is the one-minute load average, rounded; 0 where the system does not tell.
func loadAverage() int {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	word, _, _ := strings.Cut(string(b), " ")
	la, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0
	}
	return int(la + 0.5)
}
