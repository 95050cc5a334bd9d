package mailers

import (
	"slices"
	"sync"
	"time"

	"gosendmail/internal/guard"
)

// maxIdle bounds the connections that are kept in all, so that a site that sends to many hosts does not run out of
// descriptors.
const maxIdle = 256

// defaultCacheTimeout is ConnectionCacheTimeout's (op.txt).
const defaultCacheTimeout = 5 * time.Minute

// cache keeps sessions between transactions (ConnectionCacheSize, ConnectionCacheTimeout). The original has one cache
// in each delivering process; all deliveries are in one process here, so that the size counts for each destination.
type cache struct {
	size     int
	timeout  time.Duration
	now      func() time.Time
	panicked guard.Report

	mu     sync.Mutex
	idle   map[string][]*session // the one used last is last
	count  int
	timer  *time.Timer
	closed bool
}

func newCache(cfg *Config) *cache {
	size, timeout := cfg.CacheSize, cfg.CacheTimeout
	if timeout <= 0 {
		timeout = defaultCacheTimeout
	}
	return &cache{size: size, timeout: timeout, now: cfg.Now, panicked: cfg.Panicked, idle: map[string][]*session{}}
}

// get takes the session for key that was used last, nil if there is none.
func (c *cache) get(key string) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[key]
	if len(list) == 0 {
		return nil
	}
	s := list[len(list)-1]
	if c.now().Sub(s.idle) >= c.timeout {
		return nil // the sweep ends it
	}
	c.set(key, list[:len(list)-1])
	return s
}

func (c *cache) set(key string, list []*session) {
	c.count += len(list) - len(c.idle[key])
	if len(list) == 0 {
		delete(c.idle, key)
	} else {
		c.idle[key] = list
	}
}

// put keeps s for the next message, or ends it where there is no room.
func (c *cache) put(s *session) {
	s.unwatch()
	s.exchange, s.farewell = s.farewell, nil
	s.idle = c.now()
	c.keep(s)
}

// keep has s among the idle sessions, in the order in which they were used, or ends it.
func (c *cache) keep(s *session) {
	c.mu.Lock()
	if c.closed || len(c.idle[s.key]) >= c.size || c.count >= maxIdle {
		c.mu.Unlock()
		s.quit()
		return
	}
	list := append(c.idle[s.key], s)
	slices.SortStableFunc(list, func(a, b *session) int { return a.idle.Compare(b.idle) })
	c.set(s.key, list)
	if c.timer == nil {
		c.timer = time.AfterFunc(c.timeout, c.panicked.Func("connection cache", c.sweep))
	}
	c.mu.Unlock()
}

// sweep ends sessions that have been idle for too long.
func (c *cache) sweep() {
	c.mu.Lock()
	var old []*session
	for key, list := range c.idle {
		n := 0
		for n < len(list) && c.now().Sub(list[n].idle) >= c.timeout {
			n++
		}
		old = append(old, list[:n]...)
		c.set(key, list[n:])
	}
	c.timer = nil
	if c.count > 0 && !c.closed {
		c.timer = time.AfterFunc(c.timeout/2+time.Second, c.panicked.Func("connection cache", c.sweep))
	}
	c.mu.Unlock()
	c.quitAll(old)
}

// close ends all sessions; none is kept afterwards.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	var all []*session
	for key, list := range c.idle {
		all = append(all, list...)
		c.set(key, nil)
	}
	c.mu.Unlock()
	c.quitAll(all)
}

func (c *cache) quitAll(list []*session) {
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(c.panicked.Func("connection cache", s.quit))
	}
	wg.Wait()
}
