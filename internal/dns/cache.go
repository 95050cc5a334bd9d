package dns

import (
	"errors"
	"sync"
	"time"
)

type cacheKey struct {
	name  string // lower case, with final dot
	qtype uint16
}

type cacheEntry struct {
	answer  *Answer
	err     error
	expires time.Time
}

// cache keeps answers and absences until their TTL ends. Temporary failures are never kept. When full, it drops what
// has expired, then anything.
type cache struct {
	mu      sync.Mutex
	size    int
	entries map[cacheKey]cacheEntry
}

func newCache(size int) *cache {
	return &cache{size: size, entries: make(map[cacheKey]cacheEntry)}
}

func (c *cache) get(k cacheKey, now time.Time) (*Answer, error, bool) {
	if c == nil {
		return nil, nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok || !now.Before(e.expires) {
		return nil, nil, false
	}
	return e.answer, e.err, true
}

func (c *cache) put(k cacheKey, a *Answer, err error, now time.Time) {
	if c == nil {
		return
	}
	var ttl time.Duration
	if a != nil {
		ttl = a.TTL
	} else if e, ok := errors.AsType[*Error](err); ok && errors.Is(err, ErrNotFound) {
		ttl = e.TTL
	}
	if ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= c.size {
		c.makeRoom(now)
	}
	c.entries[k] = cacheEntry{a, err, now.Add(ttl)}
}

func (c *cache) makeRoom(now time.Time) {
	for k, e := range c.entries {
		if !now.Before(e.expires) {
			delete(c.entries, k)
		}
	}
	for k := range c.entries {
		if len(c.entries) < c.size {
			return
		}
		delete(c.entries, k)
	}
}
