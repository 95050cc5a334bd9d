package maps

import (
	"context"
	"sync"
)

// Session is what a look-up may see and change of the session that makes it. Macro names come without braces: "i",
// "client_addr".
type Session interface {
	Macro(name string) (string, bool)
	SetMacro(name, value string)
	ClearMacro(name string)
}

// Reporter is a Session that wants to hear what look-ups tell people, with the SMTP code in front.
type Reporter interface{ Report(to, text string) }

// Unanswered is a Session that wants to know which hosts the name server gave no answer for.
type Unanswered interface{ NoAnswer(host string) }

type ctxKey int

const (
	sessionKey ctxKey = iota
	deferredKey
	literalKey
	stepKey
	scopeKey
)

// WithSession returns a context that carries the session, for class macro and the macros $m and $i.
func WithSession(ctx context.Context, s Session) context.Context {
	return context.WithValue(ctx, sessionKey, s)
}

func sessionOf(ctx context.Context) Session {
	s, _ := ctx.Value(sessionKey).(Session)
	return s
}

// macroOf returns a macro of the session, or "" without one.
func macroOf(ctx context.Context, name string) string {
	if s := sessionOf(ctx); s != nil {
		v, _ := s.Macro(name)
		return v
	}
	return ""
}

// WithDeferred returns a context for delivery mode deferred, in which maps with -D are not looked up but fail
// temporarily.
func WithDeferred(ctx context.Context) context.Context {
	return context.WithValue(ctx, deferredKey, true)
}

func isDeferred(ctx context.Context) bool { return ctx.Value(deferredKey) != nil }

// WithLiteral returns a context in which percent signs in values and quotes in keys mean themselves, as for aliases.
func WithLiteral(ctx context.Context) context.Context {
	return context.WithValue(ctx, literalKey, true)
}

func isLiteral(ctx context.Context) bool { return ctx.Value(literalKey) != nil }

// step is the context of one step of a session. It remembers which files were looked at.
type step struct {
	context.Context
	mu    sync.Mutex
	seen  []seenFile
	store [4]seenFile // a configuration has few file maps
}

// Value implements context.Context.
func (s *step) Value(key any) any {
	if key == stepKey {
		return s
	}
	return s.Context.Value(key)
}

type seenFile struct {
	m  *fileMap
	db *openDB
}

// WithStep returns a context for one step, such as one SMTP command or one recipient: each file map is looked at for a
// replacement once in it, and not with every look-up. Without it every look-up asks the system.
func WithStep(ctx context.Context) context.Context {
	s := &step{Context: ctx}
	s.seen = s.store[:0]
	return s
}

// get returns what find returned for the map when it was first asked in this step; failures are not kept.
func (s *step) get(m *fileMap, find func() (*openDB, error)) (*openDB, error) {
	if db := s.find(m); db != nil {
		return db, nil
	}
	db, err := find()
	if err == nil {
		s.mu.Lock()
		s.seen = append(s.seen, seenFile{m, db})
		s.mu.Unlock()
	}
	return db, err
}

// replace puts another open file in the place of the one that was seen.
func (s *step) replace(m *fileMap, db *openDB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.seen {
		if s.seen[i].m == m {
			s.seen[i].db = db
		}
	}
}

func (s *step) find(m *fileMap) *openDB {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.seen {
		if s.seen[i].m == m {
			return s.seen[i].db
		}
	}
	return nil
}
