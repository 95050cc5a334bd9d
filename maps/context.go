package maps

import "context"

// Session is what a look-up may see and change of the session that makes it. Macro names come without braces: "i", "client_addr".
type Session interface {
	Macro(name string) (string, bool)
	SetMacro(name, value string)
	ClearMacro(name string)
}

type ctxKey int

const (
	sessionKey ctxKey = iota
	deferredKey
	literalKey
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

// WithDeferred returns a context for delivery mode deferred, in which maps with -D are not looked up but fail temporarily.
func WithDeferred(ctx context.Context) context.Context {
	return context.WithValue(ctx, deferredKey, true)
}

func isDeferred(ctx context.Context) bool { return ctx.Value(deferredKey) != nil }

// WithLiteral returns a context in which percent signs in values mean themselves, as for aliases.
func WithLiteral(ctx context.Context) context.Context {
	return context.WithValue(ctx, literalKey, true)
}

func isLiteral(ctx context.Context) bool { return ctx.Value(literalKey) != nil }
