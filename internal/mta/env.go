package mta

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"gosendmail/internal/debug"
	"gosendmail/internal/macro"
	"gosendmail/maps"
	"gosendmail/rules"
)

// Env is what rules see while they run for one session or message: the site, and the macros of that moment. It belongs
// to one goroutine.
type Env struct {
	Site   *Site
	Macros *macro.Table // above Site.Macros
	// Trace hears what happens in rules; nil means nobody does.
	Trace rules.Tracer
	// Problem hears of errors in rules and addresses, with their SMTP codes; to is the text scanned. Nil drops them.
	Problem func(to, text string)
	// NoAnswer hears of hosts that the name server gave no answer for; nil: nobody does.
	NoAnswer func(host string)
	// Debug prints what -d asks for beside the rules; nil prints nothing.
	Debug *debug.Log
	// TellQueueing makes Problem hear, as code 050, of an address that resolved though a look-up failed temporarily.
	TellQueueing bool

	// Copies makes Debug show addresses as the original does where it keeps them: for senders.
	Copies bool
	// Opened are the maps opened so far. Nil, which servers leave it, tells nothing of those that cannot be.
	Opened Openings

	// OfDelivery is set when rules or maps asked for $h, $u or $z, which one delivery has and another has not, or
	// changed a macro: what came of them holds for that delivery alone.
	OfDelivery bool

	unanswered bool            // a map could not be asked, and the rules have nothing (K flag -T) that tells them
	inside     strings.Builder // what Debug printed during a look-up
	insecure   bool            // a host was looked up; for Debug
	base, with context.Context // with is base, knowing this session for maps
}

// NewEnv returns an environment with a macro layer of its own.
func (s *Site) NewEnv() *Env { return s.EnvWith(macro.NewTable(s.Config.Macros)) }

// EnvWith returns an environment with the given macros.
func (s *Site) EnvWith(macros *macro.Table) *Env { return &Env{Site: s, Macros: macros} }

// Macro implements rules.Env.
func (e *Env) Macro(name string) (string, bool) {
	if name == "h" || name == "u" || name == "z" {
		e.OfDelivery = true
	}
	return e.Macros.Macro(name)
}

// InClass implements rules.Env.
func (e *Env) InClass(class, phrase string) bool { return e.Site.InClass(class, phrase) }

// Tracer implements rules.Traced.
func (e *Env) Tracer() rules.Tracer { return e.Trace }

// Report implements rules.Reporter.
func (e *Env) Report(to, text string) {
	if e.Problem != nil {
		e.Problem(to, text)
	}
}

// MapStyle implements rules.MapStyler.
func (e *Env) MapStyle(mapName string) (space byte, keepQuotes bool) {
	return e.Site.Maps.Style(mapName)
}

// Lookup implements rules.Env.
func (e *Env) Lookup(ctx context.Context, mapName, key string, args ...string) (string, error) {
	if e.base != ctx {
		e.base, e.with = ctx, maps.WithSession(ctx, sessionMacros{e})
	}
	if e.Opened != nil {
		if e.OpenMap(e.with, mapName, key) == Missing {
			return "", rules.ErrNotOpen
		}
		e.OpenMembers(e.with, mapName, key)
	}
	value, err := e.lookup(mapName, key, args)
	if e.Debug != nil && (err == nil || strings.HasPrefix(key, "[") && strings.Contains(key, "]")) {
		spec, _ := e.Site.Maps.Spec(mapName)
		e.insecure = e.insecure || spec.Class == "host"
	}
	switch {
	case err == nil:
		return value, nil
	case err == maps.ErrNotFound:
		return "", rules.ErrNotFound
	case errors.Is(err, maps.ErrUnknownMap):
		return "", rules.ErrNoMap
	case errors.Is(err, maps.ErrTempFail):
		e.unanswered = e.unanswered || value == "" && e.counts(mapName, err)
		return "", &rules.TempFail{Value: value, Has: value != "", Err: err}
	}
	return "", notFound{err}
}

// counts reports whether a check cannot be carried out because a map could not be asked. Names that cannot be made
// canonical stay as they are, and a table whose file is not there has no keys, as with the original.
func (e *Env) counts(mapName string, err error) bool {
	spec, _ := e.Site.Maps.Spec(mapName)
	switch strings.ToLower(spec.Class) {
	case "host":
		return false
	case "socket", "ldap", "program":
		return true
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// lookup asks the map, and keeps what Debug prints meanwhile apart for Inside.
func (e *Env) lookup(mapName, key string, args []string) (string, error) {
	if e.Debug == nil {
		return e.Site.Maps.Lookup(e.with, mapName, key, args...)
	}
	if log := e.Debug; log.At(60, 1) {
		e.Debug = &debug.Log{W: &e.inside, Levels: log.Levels}
		defer func() { e.Debug = log }()
	}
	e.TellLookup(mapName, key, append([]string{key}, args...)...)
	return e.Site.Maps.Lookup(e.with, mapName, key, args...)
}

// TellLookup prints what a map of class arith is asked, at -d38.2.
func (e *Env) TellLookup(mapName, key string, args ...string) {
	if spec, _ := e.Site.Maps.Spec(mapName); !e.Debug.At(38, 2) || !strings.EqualFold(spec.Class, "arith") {
		return
	}
	e.Debug.Printf("arith_map_lookup: key '%s'\n", key)
	for _, a := range args {
		e.Debug.Printf("arith_map_lookup: arg '%s'\n", a)
	}
}

// Inside returns what was printed during look-ups since it was last called, for rules.Words.
func (e *Env) Inside() string {
	defer e.inside.Reset()
	return e.inside.String()
}

// notFound is a look-up without result whose exit code matters to traces.
type notFound struct{ cause error }

// Error is the cause's text.
func (n notFound) Error() string { return n.cause.Error() }

// Unwrap returns the cause.
func (n notFound) Unwrap() error { return n.cause }

// Is makes it rules.ErrNotFound to the rules.
func (n notFound) Is(target error) bool { return target == rules.ErrNotFound }

// ExitCode is what traces show of the look-up.
func (n notFound) ExitCode() int { return maps.Status(n.cause) }

// sessionMacros lets maps see macros under their bare names.
type sessionMacros struct{ e *Env }

func long(name string) string {
	if len(name) > 1 && name[0] != '{' {
		return "{" + name + "}"
	}
	return name
}

// Macro returns the value of a macro, whose long name stands without braces.
func (s sessionMacros) Macro(name string) (string, bool) { return s.e.Macro(long(name)) }

// SetMacro defines one for the delivery.
func (s sessionMacros) SetMacro(name, value string) {
	s.e.OfDelivery = true
	s.e.Define(long(name), value)
}

// ClearMacro takes one away.
func (s sessionMacros) ClearMacro(name string) {
	s.e.OfDelivery = true
	s.e.Undefine(long(name))
}

// Report implements maps.Reporter.
func (s sessionMacros) Report(to, text string) { s.e.Report(to, text) }

// NoAnswer implements maps.Unanswered.
func (s sessionMacros) NoAnswer(host string) {
	if s.e.NoAnswer != nil {
		s.e.NoAnswer(host)
	}
}

// Session returns what maps see of this environment.
func (e *Env) Session() maps.Session { return sessionMacros{e} }
