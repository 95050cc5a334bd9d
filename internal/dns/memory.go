package dns

import (
	"context"
	"strings"
	"sync"
	"time"
)

// forgetAfter is how long a question that nobody answered is not asked again for one client, maxForgotten how many such
// questions are kept.
const (
	forgetAfter  = time.Minute
	maxForgotten = 256
)

// memory keeps the questions to which no server gave an answer that settles them.
type memory struct {
	mu     sync.Mutex
	failed map[cacheKey]failure
}

type failure struct {
	reply *reply // a server's own failure; nil where there was no answer at all
	err   error
	at    time.Time
}

// memoryKey is the key of WithMemory.
type memoryKey struct{}

// WithMemory returns a context in which a question that name servers left without a usable answer is not put to them
// again for a minute: the rule sets ask for the same name several times, and a client's servers that are silent must
// not cost each of these times anew. The original remembers it for the life of its process. A context that remembers
// already stays as it is.
func WithMemory(ctx context.Context) context.Context {
	if ctx.Value(memoryKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, memoryKey{}, &memory{failed: map[cacheKey]failure{}})
}

// recall returns how a question failed lately.
func recall(ctx context.Context, fqdn string, qtype uint16, now time.Time) (f failure, found bool) {
	m, _ := ctx.Value(memoryKey{}).(*memory)
	if m == nil {
		return failure{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f, found = m.failed[cacheKey{strings.ToLower(fqdn), qtype}]
	return f, found && now.Sub(f.at) < forgetAfter
}

// remember notes that a question failed.
func remember(ctx context.Context, fqdn string, qtype uint16, f failure) {
	m, _ := ctx.Value(memoryKey{}).(*memory)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.failed) >= maxForgotten {
		clear(m.failed)
	}
	m.failed[cacheKey{strings.ToLower(fqdn), qtype}] = f
}
