package alias

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gosendmail/maps"
)

// Spec is one alias source of option AliasFile, as a K line would say it.
type Spec struct {
	Class string // map class; "implicit" where none was given
	Args  string // flags and file, or what the class takes
}

// File returns the path that Args ends with, "" where the class has none (ldap, nis).
func (s Spec) File() string {
	words := strings.Fields(s.Args)
	for _, w := range words {
		if strings.HasPrefix(w, "/") {
			return w
		}
	}
	return ""
}

// Database returns the file that newaliases makes of File.
func (s Spec) Database() string {
	ext := ".db"
	if s.Class == "cdb" {
		ext = ".cdb"
	}
	return s.File() + ext
}

// Has reports whether a flag is among Args, such as 'A' (join the values of a name that is there twice) or 'o' (the
// file may be missing).
func (s Spec) Has(flag byte) bool {
	return slices.ContainsFunc(strings.Fields(s.Args), func(w string) bool { return len(w) > 1 && w[0] == '-' && w[1] == flag })
}

// ParseSpecs reads the value of option AliasFile: sources separated by commas, each a file or class:args (op.txt,
// AliasFile). Commas in quotes and parentheses belong to the source, as ldap filters have them. known tells map
// classes.
func ParseSpecs(value string, known func(class string) bool) ([]Spec, error) {
	var list []Spec
	for _, item := range fields(value) {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		s := Spec{Class: "implicit", Args: item}
		if i := strings.IndexAny(item, ":/ \t"); i >= 0 && item[i] == ':' {
			s.Class, s.Args = strings.ToLower(item[:i]), strings.TrimSpace(item[i+1:])
		}
		switch s.Class {
		case "files":
			s.Class = "text"
		case "dbm", "ndbm":
			s.Class = "hash" // our tables have the name X.db for every class of files
		}
		if !known(s.Class) {
			return nil, fmt.Errorf("setalias: unknown alias class %s", s.Class)
		}
		if slices.Contains(noAliases, s.Class) {
			return nil, fmt.Errorf("setalias: map class %s can't handle aliases", s.Class)
		}
		if s.Args == "" && s.Class != "ldap" && s.Class != "null" { // ldap has a query of its own then
			return nil, fmt.Errorf("alias class %s: no file or arguments", s.Class)
		}
		list = append(list, s)
	}
	return list, nil
}

// Rebuilt is the key that newaliases writes last: a data base without it is just being made.
const Rebuilt = "@"

// noAliases are map classes that cannot hold aliases: their values are made of the key.
var noAliases = []string{"arith", "arpa", "bestmx", "dequote", "dns", "host", "macro", "regex", "syslog"}

// ErrRebuilding says that the data base was not complete within AliasWait.
var ErrRebuilding = errors.New("alias: data base is being rebuilt")

// Wait returns when the data base m is complete, which only matters for those that another program writes in place. It
// looks again each second for at most wait (option AliasWait); sleep waits, or returns an error to give up.
func Wait(ctx context.Context, m maps.Map, wait time.Duration, sleep func(context.Context, time.Duration) error) error {
	for left := wait; ; left -= time.Second {
		_, err := m.Lookup(ctx, Rebuilt)
		if err == nil {
			return nil
		}
		if !errors.Is(err, maps.ErrNotFound) {
			return err
		}
		if left <= 0 {
			return ErrRebuilding
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}
