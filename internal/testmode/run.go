package testmode

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/debug"
	"gosendmail/internal/macro"
	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Options tune Run.
type Options struct {
	Debug *debug.Levels // of -d on the command line; nil means none
	// DebugTo takes what only levels of -d ask for (-D); nil means the output.
	DebugTo io.Writer
	// Login is the user who runs the program, for the macro $_ ("root@localhost"); "" leaves it undefined.
	Login string
	Path  string // of the configuration file, for -d0.10
	// Silent hears what levels of "-d" print nothing here; nil drops it.
	Silent func(list []string)
}

// maxLine bounds an input line, in bytes, as the original does.
const maxLine = 2047

// session is one run of the test mode.
type session struct {
	ctx    context.Context
	site   *mta.Site
	env    *mta.Env
	in     *bufio.Reader
	out    *bufio.Writer
	log    *debug.Log
	role   mta.Role // of /tryflags
	exit   int      // of the first error
	silent func(list []string)
	login  string // of the user who runs the program

	fullName string // of the first local sender that /sender was given
	stale    string // the sender that was given last: messages about addresses that name none begin with it
}

// Run reads commands from in until it ends or /quit, and returns the exit code. What is wrong with the configuration is
// told first.
func Run(ctx context.Context, site *mta.Site, in io.Reader, out io.Writer, o Options) int {
	t := &session{ctx: ctx, site: site, env: site.NewEnv(), in: bufio.NewReader(in), out: bufio.NewWriter(out)}
	defer t.out.Flush()
	t.log = &debug.Log{W: t.out, Levels: o.Debug}
	if o.DebugTo != nil {
		t.log.W = o.DebugTo
	}
	if o.Debug == nil {
		t.log.Levels = new(debug.Levels)
	}
	t.env.Trace = &rules.Words{W: t.out, D: o.DebugTo, TestMode: true, Debug: t.log.Levels.Of, Inside: t.env.Inside}
	t.env.Debug = t.log
	t.env.Problem = t.problem
	t.env.Opened = mta.Openings{}
	t.env.TellQueueing = true
	t.define(o)
	t.silent = o.Silent
	site.HearMaps(t.heard, nil)
	t.login, _, _ = strings.Cut(o.Login, "@")
	t.greet(o.Path)
	for {
		fmt.Fprint(t.out, "> ")
		t.out.Flush()
		line, ok := t.read()
		if !ok || !t.command(line) {
			return t.exit
		}
	}
}

// define sets the macros that the test mode has.
func (t *session) define(o Options) {
	m := t.env.Macros
	m.Define("{opMode}", "t")
	m.Define("{deliveryMode}", "i")
	m.Define("{addr_type}", "e r")
	mta.DefineStart(m)
	if o.Login != "" {
		m.Define("_", o.Login)
	}
}

// greet tells what is wrong with the configuration, and that the test mode is there.
func (t *session) greet(path string) {
	var dated []cf.Message // that the file is of an old level is told last
	PrintProblems(t.out, t.log, t.site, func(m cf.Message) bool {
		if m.Doubt {
			return false
		}
		if strings.HasPrefix(m.Text, "Warning: .cf file is out of date") {
			dated = append(dated, m)
			return false
		}
		switch {
		case m.Warning || t.exit != status.OK:
		case m.Reply == cf.TempReply: // of the system
			t.exit = status.OSErr
		default:
			t.exit = status.Software
		}
		return true
	})
	PrintIdentity(t.log, t.site, path)
	if j := t.site.Hostname(); !strings.Contains(j, ".") {
		fmt.Fprintf(t.out, "WARNING: local host name (%s) is not qualified; see cf/README: WHO AM I?\n", j)
	}
	if t.site.Mailer("local") == nil {
		t.problem("", "554 5.0.0 No local mailer defined")
	}
	if t.log.At(37, 1) { // what the test mode sets itself
		t.log.Printf("setoption HoldExpensive (c)=F\nsetoption DeliveryMode (d)=\n")
	}
	for _, m := range dated {
		fmt.Fprintln(t.out, m.Error())
	}
	PrintMailers(t.log, t.site)
	fmt.Fprint(t.out, "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n")
}

// read reads a line; one that is too long comes in pieces.
func (t *session) read() (line string, ok bool) {
	var b []byte
	for len(b) < maxLine {
		c, err := t.in.ReadByte()
		if err != nil {
			break
		}
		b = append(b, c)
		if c == '\n' {
			break
		}
	}
	line, _, _ = strings.Cut(string(b), "\x00")
	line, _, _ = strings.Cut(line, "\n")
	return strings.TrimSuffix(line, "\r"), len(b) > 0
}

// problem prints an error without its codes. The address it is about stands before those that concern a mailbox.
func (t *session) problem(to, text string) {
	code := ""
	var enhanced status.Enhanced
	if len(text) > 4 && text[3] == ' ' {
		code, text = text[:3], text[4:]
		if e, rest, ok := status.ParseEnhanced(text); ok && e != (status.Enhanced{}) && strings.HasPrefix(rest, " ") {
			enhanced, text = e, rest[1:]
		}
	}
	if to == "" {
		to = t.stale
	}
	if to != "" && strings.Contains("050 250 252 450 550 553", code) {
		text = shorten(to) + "... " + text
	}
	switch {
	case t.exit != status.OK:
	case code == "451" && enhanced == (status.Enhanced{4, 0, 0}): // of the system
		t.exit = status.OSErr
	case code == "554" || code == "451":
		t.exit = status.Software
	}
	fmt.Fprintln(t.out, sevenBit(text))
}

// sevenBit drops the highest bit of each byte, as the original's messages do; they end where nothing is left of one.
func sevenBit(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] &= 0x7f; b[i] == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// shorten keeps the two ends of a long text.
func shorten(s string) string {
	const most = 203
	if len(s) < most {
		return s
	}
	half := (most - 3) / 2
	return s[:half] + "..." + s[len(s)-half:]
}

// command does one line; false ends the test mode.
func (t *session) command(line string) bool {
	line = strings.TrimLeft(line, " ")
	if line == "" {
		return true
	}
	switch line[0] {
	case '#':
	case '?':
		t.help()
	case '.':
		t.set(line)
	case '=':
		t.dump(line)
	case '-':
		t.debug(line)
	case '$':
		t.show(line[1:])
	case '/':
		return t.action(line)
	default:
		t.rewrite(line)
	}
	return true
}

func (t *session) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// name reads a macro or class name and tells what is wrong with it.
func (t *session) name(s string) (name, rest string) {
	name, rest, problems := macro.Name(s)
	for _, p := range problems {
		t.problem("", "554 5.0.0 "+p)
	}
	return name, rest
}

// set does ".D" and ".C".
func (t *session) set(line string) {
	switch {
	case len(line) == 1:
		t.printf("Usage: .[DC]macro value(s)\n")
	case line[1] == 'D':
		if name, rest := t.name(line[2:]); name != "" {
			t.env.Define(name, t.encode(rest))
		}
	case line[1] == 'C':
		t.addWords(line[2:])
	default:
		t.printf("Unknown \".\" command %s\n", line)
	}
}

func (t *session) encode(s string) string {
	out, problems := macro.Encode(s, t.site.Config.Level)
	for _, p := range problems {
		t.problem("", "554 5.0.0 "+p)
	}
	return out
}

func (t *session) addWords(s string) {
	if s == "" {
		return
	}
	name, rest := t.name(s)
	if name == "" {
		return
	}
	words, err := t.env.Macros.Expand(t.encode(rest))
	if err != nil {
		t.problem("", "554 5.0.0 "+err.Error())
	}
	for _, w := range strings.Fields(words) {
		if w[0] != macro.MatchClass {
			t.site.Classes.Add(name, w)
			continue
		}
		from, _ := macro.Unit(w[1:])
		for _, member := range t.site.Classes.List(from) {
			t.site.Classes.Add(name, member)
		}
	}
}

// debug does "-d".
func (t *session) debug(line string) {
	switch {
	case len(line) == 1:
		t.printf("Usage: -d{debug arguments}\n")
	case line[1] == 'd':
		t.log.Levels.Set(line[2:])
		if list := Silent(line[2:]); len(list) > 0 && t.silent != nil {
			t.silent(list)
		}
	default:
		t.printf("Unknown \"-\" command %s\n", line)
	}
}

// show does "$x" and "$=x".
func (t *session) show(s string) {
	if class, ok := strings.CutPrefix(s, "="); ok {
		if name, _ := t.name(class); name != "" {
			for _, w := range t.site.Classes.List(name) {
				t.printf("%s\n", w)
			}
		}
		return
	}
	name, _ := t.name(s)
	if name == "" {
		return
	}
	value, ok := t.env.Macros.Macro(name)
	if !ok && len(name) == 1 {
		value, ok = macro.Operator(name[0]) // "$&" shows the operator
	}
	if !ok {
		t.printf("Undefined\n")
		return
	}
	t.printf("%s\n", macro.Show(value))
}

// rewrite does "rulesets addresses".
func (t *session) rewrite(line string) {
	i := strings.IndexAny(line, blanks)
	if i < 0 {
		t.printf("No address!\n")
		return
	}
	sets, text := line[:i], line[i+1:]
	if problem := mta.Invalid(text, true); problem != "" {
		t.problem("", problem)
		return
	}
	mode := rules.External
	if t.site.Config.Level >= 9 {
		mode = rules.KeepComments
	}
	for {
		scan := t.site.Sets.Scan(text, ',', mode, false)
		for _, p := range scan.Problems {
			t.problem(text, p)
		}
		if scan.Workspace != nil {
			t.through(sets, scan.Workspace)
		}
		if scan.End >= len(text) {
			return
		}
		text = text[scan.End+1:]
	}
}

// through runs an address through a list of rulesets.
func (t *session) through(sets string, ws rules.Workspace) {
	for sets != "" {
		set, problem := t.site.Sets.Find(sets)
		if problem != "" {
			t.problem("", problem)
		}
		if set == nil {
			t.printf("Undefined ruleset %s\n", sets)
			return
		}
		ret, err := t.site.Sets.Run(t.ctx, t.env, set, ws)
		if f, ok := err.(*rules.Failure); ok {
			t.printf("== Ruleset %s (%d) status %d\n", sets, set.Number, f.Exit)
		}
		ws = ret.Workspace
		_, sets, _ = strings.Cut(sets, ",")
	}
}

const blanks = " \t\n\v\f\r"
