package maps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Set holds the named maps of a configuration. It is safe for concurrent use by any number of sessions.
type Set struct {
	env  Env
	maps map[string]*entry

	ldapConns sync.Map // servers and login to *ldapPool
	userDBState
}

// entry is one map, opened at its first use.
type entry struct {
	params  Params
	class   Class
	invalid bool // the K line is wrong: it has no keys
	open    atomic.Pointer[Map]
	mu      sync.Mutex // held while opening
	reason  string     // last open failure that was reported
}

// ErrUnknownMap says that no map has the name; it is an ErrNotFound too.
var ErrUnknownMap = fmt.Errorf("no such map: %w", ErrNotFound)

// NewSet makes a set of maps. Names mean the same in any case. A later map replaces an earlier one of its name, but
// keeps the flags that it does not set itself. Khost host -a. is there unless a spec says otherwise. With errors, each
// begins "file:line:"; the set holds maps with wrong arguments too, and they have no keys.
func NewSet(specs []Spec, env Env) (*Set, error) {
	if env.BlankSub == 0 {
		env.BlankSub = '.'
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	s := &Set{env: env, maps: map[string]*entry{}}
	var errs []error
	for _, sp := range append([]Spec{{Name: "host", Class: "host", Args: "-a. -D"}}, specs...) {
		errs = append(errs, positioned(&sp, s.add(sp))...)
	}
	for _, e := range s.maps {
		errs = append(errs, positioned(&e.params.Spec, s.checkMembers(e))...)
	}
	return s, errors.Join(errs...)
}

// positioned puts the place of a K line before each of its errors.
func positioned(sp *Spec, err error) (errs []error) {
	if err == nil {
		return nil
	}
	list := []error{err}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		list = several.Unwrap()
	}
	for _, e := range list {
		errs = append(errs, fmt.Errorf("%s%w", sp.position(), e))
	}
	return errs
}

func (sp *Spec) position() string {
	if sp.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", sp.File, sp.Line)
}

func (s *Set) add(sp Spec) error {
	name := strings.ToLower(sp.Class)
	class, ok := s.env.Classes[name]
	if !ok {
		class, ok = classes()[name]
	}
	if !ok {
		return unknownClass(sp)
	}
	e := &entry{params: Params{Spec: sp, env: &s.env, set: s}, class: class}
	if e.params.SpaceSub = sp.BlankSub; sp.BlankSub == 0 {
		e.params.SpaceSub = s.env.BlankSub
	}
	if old := s.named(sp.Name); old != nil && !old.implied() {
		e.params.Flags = old.params.Flags
	}
	parse := class.Parse
	if parse == nil {
		parse = parseFlags
	}
	err := parse(&e.params)
	if err == nil && class.NeedsFile && e.params.Path == "" {
		err = fmt.Errorf("No file name for %s map %s", sp.Class, sp.Name)
	}
	e.invalid = !isHarmless(err)
	s.maps[fold(sp.Name)] = e
	return err
}

// implied reports whether the program made the map, and no K line.
func (e *entry) implied() bool { return e.params.File == "" && e.params.Line == 0 }

// named finds a map by its name in any case; nil where there is none.
func (s *Set) named(name string) *entry { return s.maps[fold(name)] }

// Names returns the names of all maps, sorted.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.maps))
	for _, e := range s.maps {
		names = append(names, e.params.Name)
	}
	slices.Sort(names)
	return names
}

// Spec returns the K line of a map.
func (s *Set) Spec(name string) (Spec, bool) {
	e := s.named(name)
	if e == nil {
		return Spec{}, false
	}
	return e.params.Spec, true
}

// Map returns a map for look-ups without what Set.Lookup adds (-bt's /map does so). The error says that the map is
// optional or wrong, and cannot be opened; look-ups in other maps that cannot be opened fail temporarily.
func (s *Set) Map(name string) (Map, error) {
	e := s.named(name)
	if e == nil {
		return nil, fmt.Errorf("maps: %s: %w", name, ErrUnknownMap)
	}
	m, err := e.get()
	if r, ok := m.(interface{ ready() error }); ok && err == nil {
		err = r.ready()
	}
	switch {
	case err == nil:
		return m, nil
	case e.params.Optional || e.invalid:
		return nil, err
	}
	return failing{err}, nil
}

// get opens the map if it is not open. A map that cannot be opened is tried again next time.
func (e *entry) get() (Map, error) {
	if m := e.open.Load(); m != nil {
		return *m, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.open.Load(); m != nil {
		return *m, nil
	}
	if e.invalid {
		return nil, errInvalid
	}
	m, err := e.class.Open(&e.params)
	if err != nil {
		e.refused(err)
		return nil, err
	}
	e.reason = ""
	e.open.Store(&m)
	return m, nil
}

// refused tells why a map does not open.
func (e *entry) refused(err error) {
	words, cause := "", err
	if o, ok := errors.AsType[*openError](err); ok {
		words, cause = o.words, o.cause
	}
	e.params.report(&e.reason, words, cause)
}

// Lookup looks key up as a rule does. A temporary failure of a map with -T comes as a value (the key and -T's text)
// together with an error that is ErrTempFail, or without error when -t is given too: the rule goes on with the value,
// and the message waits.
func (s *Set) Lookup(ctx context.Context, mapName, key string, args ...string) (string, error) {
	e := s.named(mapName)
	if e == nil {
		return "", &Error{Map: mapName, Key: key, Status: exConfig, Cause: ErrUnknownMap}
	}
	return e.lookup(ctx, key, args)
}

func (e *entry) lookup(ctx context.Context, key string, args []string) (string, error) {
	p := &e.params
	if p.Deferred && isDeferred(ctx) {
		return "", &Error{Map: p.Name, Key: key, Status: exTempFail, Cause: errDeferred}
	}
	if !p.KeepQuotes && !isLiteral(ctx) {
		key = dequote(key)
	}
	v, err := e.find(ctx, key, args)
	if err == nil {
		return v, nil
	}
	return p.afterFailure(key, err)
}

var errDeferred = errors.New("no look-ups in delivery mode deferred")

// find opens the map and looks the key up.
func (e *entry) find(ctx context.Context, key string, args []string) (string, error) {
	m, err := e.get()
	switch {
	case err == nil:
		return m.Lookup(ctx, key, args...)
	case e.params.Optional || e.invalid:
		return "", ErrNotFound
	}
	return "", tempFail(err)
}

// afterFailure applies -t and -T.
func (p *Params) afterFailure(key string, err error) (string, error) {
	if err == ErrNotFound {
		return "", err
	}
	if d, ok := errors.AsType[*Error](err); ok && d.Map == "" {
		err = &Error{Map: p.Name, Key: key, Status: d.Status, Cause: d.Cause}
	}
	if !errors.Is(err, ErrTempFail) {
		return "", err
	}
	value := ""
	if p.HasTemp {
		value = key + p.TempAppend
	}
	switch {
	case !p.NoDefer:
		return value, err
	case p.HasTemp:
		return value, nil
	}
	return "", &Error{Map: p.Name, Key: key, Status: exUnavailable, Cause: errors.New(err.Error())} // not temporary any more
}

// Close closes all maps. Look-ups that are under way end as they would have.
func (s *Set) Close() error {
	var errs []error
	for _, e := range s.maps {
		e.mu.Lock()
		if m := e.open.Swap(nil); m != nil {
			errs = append(errs, (*m).Close())
		}
		e.mu.Unlock()
	}
	return errors.Join(errs...)
}
