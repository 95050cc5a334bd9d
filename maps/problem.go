package maps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"gosendmail/internal/safefile"
	"gosendmail/maps/dbfile"
)

// Problem is what is wrong with a map that is in use, as Env.Report hears it.
type Problem struct {
	Spec  Spec
	Words string // what the original says; "" where it says nothing
	Cause error  // may be nil
}

// Error returns the words, the cause where they leave it out, and the place of the K line.
func (p *Problem) Error() string {
	s := p.Words
	switch {
	case s == "":
		s = fmt.Sprintf("%s map \"%s\": %v", p.Spec.Class, p.Spec.Name, p.Cause)
	case p.Cause != nil && !strings.HasSuffix(s, safefile.Reason(p.Cause)):
		s += ": " + safefile.Reason(p.Cause)
	}
	if p.Spec.File != "" && p.Spec.Line > 0 {
		s += fmt.Sprintf(" (%s:%d)", p.Spec.File, p.Spec.Line)
	}
	return s
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// tell reports a problem.
func (p *Params) tell(words string, cause error) {
	if p.env.Report != nil {
		p.env.Report(&Problem{p.Spec, words, cause})
	}
}

// report tells why a map does not open, once per reason.
func (p *Params) report(last *string, words string, cause error) {
	text := words
	if cause != nil {
		text += ": " + cause.Error()
	}
	if *last != text {
		*last = text
		p.tell(words, cause)
	}
}

// unusable says in the original's words why a map's file cannot be opened.
func (p *Params) unusable(path string, err error) string {
	switch {
	case errors.Is(err, dbfile.ErrCorrupt):
		return fmt.Sprintf("Cannot open %s database %s: Invalid argument", strings.ToLower(p.Class), path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%s map \"%s\": missing map file %s: %s", strings.ToLower(p.Class), p.Name, path, safefile.Reason(err))
	}
	return fmt.Sprintf("%s map \"%s\": unsafe map file %s: %s", strings.ToLower(p.Class), p.Name, path, safefile.Reason(err))
}

// openError is an error of a class's Open, with what the original says about it.
type openError struct {
	words string
	cause error
}

// Error returns the words, or the cause where there are none.
func (e *openError) Error() string {
	if e.words == "" {
		return e.cause.Error()
	}
	return e.words
}

// Unwrap returns the cause.
func (e *openError) Unwrap() error { return e.cause }

// harmless is an error of a K line that leaves the map as it is without the word in question.
type harmless struct{ error }

// illegal is the complaint about a flag that a class does not have.
func illegal(flag byte, mapName string) error {
	return harmless{fmt.Errorf("Illegal option %c map %s", flag, mapName)}
}

// isHarmless reports whether all of the errors of a K line leave the map usable.
func isHarmless(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			if !isHarmless(e) {
				return false
			}
		}
		return true
	}
	_, ok := err.(harmless)
	return ok || err == nil
}

// errInvalid is why a map with a wrong K line does not open; it was told when the line was read.
var errInvalid = errors.New("the K line is wrong")

// failing is a map that could not be opened, as /map of -bt sees it.
type failing struct{ cause error }

// Lookup fails temporarily.
func (f failing) Lookup(context.Context, string, ...string) (string, error) {
	return "", tempFail(f.cause)
}

// Close does nothing.
func (failing) Close() error { return nil }
