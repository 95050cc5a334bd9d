package main

import (
	"fmt"
	"strings"
)

// argKind tells whether an option has an argument.
type argKind int

const (
	none argKind = iota
	required
	optional
)

// option is one flag: its letter (0 if it has none), its long names, its argument.
type option struct {
	letter byte
	long   []string
	kind   argKind
	id     string // what parse reports: the letter or the first long name
}

// optionTable lists GNU m4's flags.
func optionTable() []option {
	return []option{
		{'l', []string{"arglength"}, required, "l"},
		{'d', []string{"debug"}, optional, "d"},
		{'D', []string{"define"}, required, "D"},
		{'o', []string{"error-output"}, required, "o"},
		{'E', []string{"fatal-warnings"}, none, "E"},
		{'F', []string{"freeze-state"}, required, "F"},
		{'g', []string{"gnu"}, none, "g"},
		{'H', []string{"hashsize"}, required, "H"},
		{'I', []string{"include"}, required, "I"},
		{'i', []string{"interactive"}, none, "i"},
		{'e', nil, none, "e"},
		{'L', []string{"nesting-limit"}, required, "L"},
		{'P', []string{"prefix-builtins"}, none, "P"},
		{'Q', []string{"quiet", "silent"}, none, "Q"},
		{'R', []string{"reload-state"}, required, "R"},
		{'s', []string{"synclines"}, none, "s"},
		{'t', []string{"trace"}, required, "t"},
		{'G', []string{"traditional"}, none, "G"},
		{'U', []string{"undefine"}, required, "U"},
		{'B', nil, required, "B"},
		{'S', nil, required, "S"},
		{'T', nil, required, "T"},
		{0, []string{"debugfile"}, optional, "debugfile"},
		{'N', []string{"diversions"}, required, "N"},
		{0, []string{"warn-macro-sequence"}, optional, "warn-macro-sequence"},
		{0, []string{"help"}, none, "help"},
		{0, []string{"version"}, none, "version"},
		{0, []string{"budget-steps"}, required, "budget-steps"},
		{0, []string{"budget-output"}, required, "budget-output"},
		{0, []string{"budget-memory"}, required, "budget-memory"},
		{0, []string{"no-shell"}, none, "no-shell"},
	}
}

// item is one element of the command line, in its order: an option with its value, or (id "") a file.
type item struct {
	id    string
	name  string // as written, for messages
	value string
	given bool // an optional argument is there
}

// parse splits the command line as getopt_long does, with options and files mixed. With an error it returns what stands
// before it too.
func parse(args []string) ([]item, error) {
	table := optionTable()
	var items []item
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			for _, file := range args {
				items = append(items, item{value: file})
			}
			return items, nil
		case strings.HasPrefix(arg, "--"):
			var it item
			if it, args, err = parseLong(table, arg[2:], args); err != nil {
				return items, err
			}
			items = append(items, it)
		case len(arg) > 1 && arg[0] == '-':
			if items, args, err = parseLetters(table, arg[1:], args, items); err != nil {
				return items, err
			}
		default:
			items = append(items, item{value: arg})
		}
	}
	return items, nil
}

// parseLong reads a long option; an unambiguous beginning of its name is enough.
func parseLong(table []option, text string, args []string) (item, []string, error) {
	name, value, given := strings.Cut(text, "=")
	opt, full, err := findLong(table, name, text)
	if err != nil {
		return item{}, nil, err
	}
	it := item{id: opt.id, name: "--" + full, value: value, given: given}
	switch {
	case opt.kind == none && given:
		return it, nil, fmt.Errorf("option '--%s' doesn't allow an argument", full)
	case opt.kind == required && !given:
		if len(args) == 0 {
			return it, nil, fmt.Errorf("option '--%s' requires an argument", full)
		}
		it.value, it.given = args[0], true
		return it, args[1:], nil
	}
	return it, args, nil
}

func findLong(table []option, name, text string) (option, string, error) {
	var found []option
	var names []string
	for _, opt := range table {
		for _, long := range opt.long {
			if long == name {
				return opt, long, nil
			}
			if strings.HasPrefix(long, name) {
				found, names = append(found, opt), append(names, long)
			}
		}
	}
	switch {
	case len(found) == 0:
		return option{}, "", fmt.Errorf("unrecognized option '--%s'", text)
	case len(found) > 1 && !same(found):
		return option{}, "", fmt.Errorf("option '--%s' is ambiguous; possibilities: '--%s'", text, strings.Join(names, "' '--"))
	}
	return found[0], names[0], nil
}

// same tells whether all the options are one.
func same(opts []option) bool {
	for _, o := range opts {
		if o.id != opts[0].id {
			return false
		}
	}
	return true
}

// parseLetters reads options of one letter, of which only the last can have an argument.
func parseLetters(table []option, letters string, args []string, items []item) ([]item, []string, error) {
	for letters != "" {
		var opt option
		for _, o := range table {
			if o.letter == letters[0] && o.letter != 0 {
				opt = o
			}
		}
		if opt.id == "" {
			return items, nil, fmt.Errorf("invalid option -- '%c'", letters[0])
		}
		it := item{id: opt.id, name: "-" + letters[:1]}
		letters = letters[1:]
		switch {
		case opt.kind == none:
		case letters != "":
			it.value, it.given, letters = letters, true, ""
		case opt.kind == required:
			if len(args) == 0 {
				return items, nil, fmt.Errorf("option requires an argument -- '%c'", opt.letter)
			}
			it.value, it.given, args = args[0], true, args[1:]
		}
		items = append(items, it)
	}
	return items, args, nil
}
