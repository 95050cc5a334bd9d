package mta

import "sync"

// ears are those who hear what the maps of a site have to say. What is said before anybody listens is kept for the
// first one.
type ears struct {
	mu      sync.Mutex
	problem []func(error)
	line    []func(level int, id, text string)
	note    []func(level int, id, text string)
	early   []error
}

// HearMaps adds a listener: problem hears of maps that cannot be opened and the like (*maps.Problem mostly), line what
// class syslog logs: the syslog level from 0 (emerg) to 7 (debug), the queue ID or "", and the text. Each may be nil.
// They are called from any goroutine.
func (s *Site) HearMaps(problem func(error), line func(level int, id, text string)) {
	e := &s.ears
	e.mu.Lock()
	var early []error
	if problem != nil {
		early, e.early = e.early, nil
		e.problem = append(e.problem, problem)
	}
	if line != nil {
		e.line = append(e.line, line)
	}
	e.mu.Unlock()
	for _, err := range early {
		problem(err)
	}
}

// NoteMaps adds a listener for what maps log from a level of option LogLevel on, with the queue ID or "".
func (s *Site) NoteMaps(note func(level int, id, text string)) {
	e := &s.ears
	e.mu.Lock()
	defer e.mu.Unlock()
	e.note = append(e.note, note)
}

// mapNote gives the listeners what is logged from a level on.
func (s *Site) mapNote(level int, id, text string) {
	e := &s.ears
	e.mu.Lock()
	list := e.note
	e.mu.Unlock()
	for _, f := range list {
		f(level, id, text)
	}
}

// mapProblem tells the listeners.
func (s *Site) mapProblem(err error) {
	e := &s.ears
	e.mu.Lock()
	list := e.problem
	if len(list) == 0 {
		e.early = append(e.early, err)
	}
	e.mu.Unlock()
	for _, f := range list {
		f(err)
	}
}

// mapLine gives the listeners a line of class syslog.
func (s *Site) mapLine(level int, id, text string) {
	e := &s.ears
	e.mu.Lock()
	list := e.line
	e.mu.Unlock()
	for _, f := range list {
		f(level, id, text)
	}
}
