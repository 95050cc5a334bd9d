package mta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"gosendmail/internal/alias"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/maps"
)

// Openings are the maps that an environment has opened, with what came of it. A server opens maps without a word but in
// the log; the test mode tells of each that cannot be opened, once.
type Openings map[string]Opening

// Opening is what came of opening a map.
type Opening int

// The outcomes.
const (
	Open    Opening = iota + 1
	Failed          // look-ups fail temporarily
	Missing         // an optional map that is not there: nothing is found
)

// OpenMap opens a map as the first look-up does and tells what is wrong with it. key is what will be looked up.
func (e *Env) OpenMap(ctx context.Context, name, key string) Opening {
	p, ok := e.Site.Maps.Params(name)
	if !ok || e.Opened == nil {
		return Open
	}
	name = strings.ToLower(p.Name)
	if o, done := e.Opened[name]; done {
		return o
	}
	e.Opened[name] = Open // a sequence may lead back to itself
	o, why := e.openMap(ctx, &p, key)
	e.Opened[name] = o
	if e.Debug.At(38, 4) {
		what := "valid"
		if o != Open {
			what = "invalid" + why
		}
		e.Debug.Printf("openmap()\t%s:%s %s: %s\n", strings.ToLower(p.Class), p.Name, shownPath(&p), what)
	}
	return o
}

// shownPath is the file of a map as -d38.4 shows it.
func shownPath(p *maps.Params) string {
	switch strings.ToLower(p.Class) {
	case "hash", "btree", "text", "implicit", "stab", "switch", "program":
		return p.Path
	}
	return "NULL"
}

// OpenMembers opens the members of a sequence or switch as a look-up in it does: until one knows the key, which it
// reports.
func (e *Env) OpenMembers(ctx context.Context, name, key string) (known bool) {
	if e.Opened == nil {
		return false
	}
	members := e.Site.Maps.Members(name)
	for i, member := range members {
		if !e.unopenedOf(members[i:]) {
			return false
		}
		e.OpenMap(ctx, member, key)
		if e.OpenMembers(ctx, member, key) {
			return true
		}
		if m, err := e.Site.Maps.Map(member); err == nil {
			if _, err := m.Lookup(ctx, key); err == nil {
				return true
			}
		}
	}
	return false
}

// FailedWithin reports whether a map, or a member of it, could not be opened: what it does not know may stand there.
func (e *Env) FailedWithin(name string) bool {
	return e.Opened[strings.ToLower(name)] == Failed || slices.ContainsFunc(e.Site.Maps.Members(name), e.FailedWithin)
}

// unopenedOf reports whether a map is yet to be opened: nothing needs to be asked otherwise.
func (e *Env) unopenedOf(names []string) bool {
	for _, n := range names {
		if e.Opened[strings.ToLower(n)] == 0 || e.unopenedOf(e.Site.Maps.Members(n)) {
			return true
		}
	}
	return false
}

// openMap finds what a class needs. why is what -d38.4 shows of a failure that was not told.
func (e *Env) openMap(ctx context.Context, p *maps.Params, key string) (o Opening, why string) {
	problem, class := "", strings.ToLower(p.Class)
	if p.Path == "" && (class == "hash" || class == "btree" || class == "text") {
		return Open, "" // the K line has been complained of
	}
	switch class {
	case "hash":
		problem = e.openTable(ctx, p, "hash", "hash_map_open", key)
	case "btree":
		problem = e.openTable(ctx, p, "Btree", "bt_map_open", key)
	case "text":
		problem = e.openText(p)
	case "user":
		e.tellOpen("user_map_open(%s, 0)\n", p.Name)
	case "dns":
		e.tellOpen("dns_map_open(%s, 0)\n", p.Name)
	case "stab":
		return e.openAliasText(ctx, p)
	case "implicit":
		return e.openImplicit(ctx, p, key)
	case "switch":
		e.tellOpen("switch_map_open(%s, %s, 0)\n", p.Name, p.Path)
		for i, m := range e.Site.Maps.Members(p.Name) {
			member, _ := e.Site.Maps.Spec(m)
			e.tellMember("\tmap_stack[%d] = %s:%s\n", i, member.Class, member.Name)
		}
	}
	switch {
	case problem == "":
		return Open, ""
	case p.Optional:
		return Missing, behindColon(problem)
	case class == "text": // the system is not heard there
		e.Report("", "451 "+problem)
	default:
		e.Report("", "451 4.0.0 "+problem)
	}
	return Failed, ""
}

// behindColon is the reason at the end of a message with the colon before it.
func behindColon(text string) string {
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i:]
	}
	return ""
}

func (e *Env) tellMember(format string, args ...any) {
	if e.Debug.At(38, 4) {
		e.Debug.Printf(format, args...)
	}
}

func (e *Env) tellOpen(format string, args ...any) {
	if e.Debug.At(38, 2) {
		e.Debug.Printf(format, args...)
	}
}

// openTable looks at a file that makemap made.
func (e *Env) openTable(ctx context.Context, p *maps.Params, class, function, key string) string {
	e.tellOpen("%s(%s, %s, 0)\n", function, p.Name, p.Path)
	path := p.Path
	if !strings.HasSuffix(path, ".db") {
		path += ".db"
	}
	if err := e.Site.checkMapFile(path); err != nil {
		what := "unsafe"
		if errors.Is(err, fs.ErrNotExist) {
			what, class = "missing", strings.ToLower(class)
		}
		e.tellOpen("\t%s map file: %s\n", what, safefile.Reason(err))
		return fmt.Sprintf("%s map \"%s\": %s map file %s: %s", class, p.Name, what, path, safefile.Reason(err))
	}
	m, err := e.Site.Maps.Map(p.Name)
	if err == nil {
		_, err = m.Lookup(ctx, key)
	}
	if errors.Is(err, maps.ErrTempFail) {
		return fmt.Sprintf("Cannot open %s database %s: Invalid argument", class, path)
	}
	return ""
}

// openText looks at the file of class text.
func (e *Env) openText(p *maps.Params) string {
	e.tellOpen("text_map_open(%s, %s, 0)\n", p.Name, p.Path)
	if !strings.HasPrefix(p.Path, "/") {
		return fmt.Sprintf("text map \"%s\": file name must be fully qualified", p.Name)
	}
	if err := e.Site.checkMapFile(p.Path); err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		e.tellOpen("\tunsafe map file: %d\n", int(errno))
		return fmt.Sprintf("text map \"%s\": unsafe map file %s", p.Name, p.Path)
	}
	delim := "(white space)"
	if p.Delim != 0 {
		delim = string(rune(p.Delim))
	}
	e.tellOpen("text_map_open(%s, %s): delimiter = %s\n", p.Name, p.Path, delim)
	return ""
}

// checkMapFile tells why a map's file is not used.
func (s *Site) checkMapFile(path string) error {
	c, err := s.fileChecker()
	if err != nil {
		return err
	}
	_, err = c.Check(path, safefile.MapFile, safefile.Read)
	return err
}

// openImplicit opens what newaliases made, or reads the alias file itself.
func (e *Env) openImplicit(ctx context.Context, p *maps.Params, key string) (o Opening, why string) {
	e.tellOpen("impl_map_open(%s, %s, 0)\n", p.Name, p.Path)
	problem := e.openTable(ctx, p, "hash", "hash_map_open", key)
	if problem == "" {
		return Open, ""
	}
	if p.Use != maps.ForAliases {
		return unopened(p), behindColon(problem)
	}
	e.Report("", "050 WARNING: cannot open alias database "+p.Path+"; reading text version")
	return e.openAliasText(ctx, p)
}

func unopened(p *maps.Params) Opening {
	if p.Optional {
		return Missing
	}
	return Failed
}

// openAliasText reads an alias file and tells what is wrong in it.
func (e *Env) openAliasText(ctx context.Context, p *maps.Params) (o Opening, why string) {
	e.tellOpen("stab_map_open(%s, %s, 0)\n", p.Name, p.Path)
	c, err := e.Site.fileChecker()
	if err != nil {
		return unopened(p), ""
	}
	f, err := c.Open(p.Path, safefile.AliasText)
	if err != nil {
		return unopened(p), ": " + safefile.Reason(err)
	}
	defer f.Close()
	told, failed := e.Problem, false
	stats := alias.Stats{File: p.Path}
	at := ""
	e.Problem = func(to, text string) {
		code := ""
		if len(text) > 4 && digit(text[0]) && digit(text[1]) && digit(text[2]) && text[3] == ' ' {
			code, text = text[:4], text[4:]
			if _, after, ok := status.ParseEnhanced(text); ok && strings.HasPrefix(after, " ") {
				text = after[1:]
			}
		}
		if to != "" {
			text = to + "... " + text
		}
		if told != nil {
			told("", code+at+text)
		}
	}
	defer func() { e.Problem = told }()
	src := &alias.Source{Begin: func(line int) { at, failed = fmt.Sprintf("%s: line %d: ", p.Path, line), false }}
	src.Name = func(left string) (string, bool, error) {
		key, ok, parsed := e.Site.aliasNameIn(ctx, e, left)
		if failed = !parsed; failed {
			return "", false, errUnparsed
		}
		return key, ok, nil
	}
	err = src.Read(f, p.Path, func(entry alias.Entry) error {
		stats.Add(entry)
		return nil
	}, func(problem alias.Problem) {
		if !failed && told != nil {
			told("", problem.Error())
		}
		failed = false
	})
	if err != nil {
		return unopened(p), ""
	}
	if told != nil {
		told("", stats.String())
	}
	return Open, ""
}

// errUnparsed says that a name is no address; the environment has told why.
var errUnparsed = errors.New("not an address")
