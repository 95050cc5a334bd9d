package compatibility

import (
	"fmt"
	"slices"
	"strings"

	"gosendmail/cf"
	"gosendmail/cf/mc"
	"gosendmail/internal/mta"
	"gosendmail/mailers"
	"gosendmail/maps"
)

const preface = `# Compatibility

What sendmail 8 knows, and what becomes of it here. "works": it does what the original's documents say (docs/differences.md names the
differences). "accepted without effect": it may stand there, and what it asks for cannot matter here. "accepted without effect, told at
start": the same, but somebody may count on it; the log says so when a daemon starts. "refused": an error, since mail would go another way
than the site means.

This file is written by: go test ./internal/compatibility -update
`

// Document returns docs/compatibility.md.
func Document() string {
	text, _ := build()
	return text
}

// Row is a line of the document.
type Row struct {
	Section string    // the title above it
	Name    string    // as in the first column
	Kind    string    // of flags of K lines, their meaning; of files of the library FEATURE, MAILER...
	Effect  cf.Effect // without its reason
}

// Rows returns the lines of the document.
func Rows() []Row {
	_, rows := build()
	return rows
}

func build() (string, []Row) {
	d := &document{}
	d.WriteString(preface)
	d.options()
	d.words("Values of PrivacyOptions", "PrivacyOptions")
	d.words("Values of DontBlameSendmail", "DontBlameSendmail")
	d.words("Values of ResolverOptions", "ResolverOptions")
	d.daemons()
	d.mailerEquates()
	d.mailerFlags()
	d.mapClasses()
	d.mapFlags()
	d.macroLibrary()
	d.commands()
	return d.String(), d.rows
}

type document struct {
	strings.Builder
	section string
	rows    []Row
}

// table begins a table.
func (d *document) table(title, note string, columns ...string) {
	d.section = title
	fmt.Fprintf(d, "\n## %s\n\n", title)
	if note != "" {
		d.WriteString(note + "\n\n")
	}
	fmt.Fprintf(d, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

// row writes a line; the first cell is a word of a configuration.
func (d *document) row(name string, cells ...string) {
	effect, _, _ := strings.Cut(cells[len(cells)-1], ":")
	d.rows = append(d.rows, Row{Section: d.section, Name: name, Kind: cells[0], Effect: cf.Effect(effect)})
	fmt.Fprintf(d, "| `%s` |", strings.ReplaceAll(name, "|", `\|`))
	for _, c := range cells {
		d.WriteString(strings.TrimRight(" "+strings.ReplaceAll(c, "|", `\|`), " ") + " |")
	}
	d.WriteString("\n")
}

// status is an effect with its reason.
func status(l cf.Limit) string {
	if l.Why == "" {
		return string(l.Effect)
	}
	why := l.Why
	if l.As != "" && l.Effect != cf.Works {
		why += "; " + l.As + " is obeyed"
	}
	return string(l.Effect) + ": " + why
}

func (d *document) options() {
	d.table("Options", "An old letter is for lines such as `Oh25`. Those marked with * anyone may set on the command line.", "option", "letter", "kind", "status")
	list := slices.Clone(cf.Options())
	slices.SortFunc(list, func(a, b cf.Def) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	for _, o := range list {
		letter, kind := "", string(o.Kind)
		if o.Letter != 0 {
			letter = string(o.Letter)
		}
		if o.Safe {
			kind += " *"
		}
		if o.Kind == cf.Subs {
			for _, sub := range cf.Values(o.Name) {
				d.row(o.Name+"."+sub, letter, "", status(cf.LimitOf(o.Name, sub)))
			}
			continue
		}
		d.row(o.Name, letter, kind, status(cf.LimitOf(o.Name, "")))
	}
}

// words lists what the value of an option may consist of.
func (d *document) words(title, option string) {
	d.table(title, "", "value", "status")
	for _, w := range cf.Values(option) {
		d.row(w, status(cf.LimitOf(option, w)))
	}
}

func (d *document) daemons() {
	keys := func(title string, list []mta.Key) {
		d.table(title, "", "key", "meaning", "status")
		for _, k := range list {
			d.row(k.Name, k.Meaning, status(k.Limit))
		}
	}
	keys("Keys of DaemonPortOptions", mta.DaemonKeys)
	keys("Modifiers of DaemonPortOptions", mta.DaemonModifiers)
	keys("Keys of ClientPortOptions", mta.ClientKeys())
	keys("Modifiers of ClientPortOptions", mta.ClientModifiers)
}

func (d *document) mailerEquates() {
	d.table("Equates of M lines", "", "equate", "meaning", "status")
	for _, e := range cf.MailerEquates {
		d.row(string(e.Letter)+"=", e.Meaning, status(e.Limit))
	}
}

func (d *document) mailerFlags() {
	d.table("Mailer flags (F=)", "All other characters select H lines only.", "flag", "meaning", "status")
	for _, f := range mailers.KnownFlags {
		l := cf.Limit{Effect: cf.Works}
		if f.Why != "" {
			l = cf.Limit{Effect: cf.Idle, Why: f.Why}
		}
		d.row(string(f.Flag), f.Meaning, status(l))
	}
}

func (d *document) mapClasses() {
	d.table("Map classes (K lines)", "", "class", "status")
	for _, class := range maps.Classes() {
		d.row(class, string(cf.Works))
	}
	for _, class := range maps.Refused() {
		d.row(class.Name, status(cf.Limit{Effect: cf.Refused, Why: class.Why}))
	}
}

func (d *document) macroLibrary() {
	d.table("Features, mailers, systems", "What each does, and all words of a .mc: docs/configuration.md. A name that is not here is refused with the nearest one.",
		"name", "kind", "status")
	for _, kind := range []string{"feature", "mailer", "hack", "domain", "ostype"} {
		for _, name := range mc.Names(kind) {
			d.row(name, strings.ToUpper(kind), status(libraryLimit(kind, name)))
		}
	}
	d.table("Defines of a .mc", "A define does what its option does.", "define", "option", "status")
	for _, o := range mc.OptionDefines() {
		name, sub, _ := strings.Cut(o.Option, ".")
		d.row(o.Define, "`"+o.Option+"`", status(cf.LimitOf(name, sub)))
	}
}

// libraryLimit says how far a file of the library is obeyed by the server that reads what it makes.
func libraryLimit(kind, name string) cf.Limit {
	if l, ok := libraryLimits[kind+" "+name]; ok {
		return l
	}
	return cf.LimitOf(strings.ToUpper(kind)+" "+name, "")
}

var libraryLimits = map[string]cf.Limit{
	"feature fips3": {Effect: cf.Refused, Why: "it sets up the FIPS module of OpenSSL"},
	"feature nodns": {Effect: cf.Idle, Why: "the service switch file says how hosts are found"},
}

func (d *document) commands() {
	commands := func(title string, list []Flag) {
		d.table(title, "", "flag", "meaning", "status")
		for _, f := range list {
			d.row(f.Name, f.Meaning, status(cf.Limit{Effect: f.Effect, Why: f.Why}))
		}
	}
	commands("Command line of sendmail", Sendmail)
	commands("Command line of makemap", Makemap)
	commands("Command line of mailstats", Mailstats)
	for _, t := range Tools {
		commands("Command line of "+t.Name, t.Flags)
	}
}
