// Command m4 is GNU m4 1.4.19's macro processor on the engine of cf/m4.
//
// It takes GNU m4's flags. Refused with a message are -F and -R (frozen state files). Its own flags bound a run:
// --budget-steps=N, --budget-output=BYTES, --budget-memory=BYTES (default 512 MiB), and --no-shell takes syscmd,
// esyscmd, mkstemp and maketemp away.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"gosendmail/cf/m4"
)

const exitFailure = 1

func main() {
	c := &command{program: os.Args[0], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, m4path: os.Getenv("M4PATH")}
	runtime.GOMAXPROCS(1)    // the expansion is one thread; others would only collect garbage
	debug.SetGCPercent(1000) // short runs, small heaps: time counts, not memory
	debug.SetMemoryLimit(512 << 20)
	os.Exit(c.run(os.Args[1:]))
}

// command is one run with its streams.
type command struct {
	program        string
	stdin          io.Reader
	stdout, stderr io.Writer
	m4path         string // value of the variable M4PATH
	options        m4.Options
	deferred       []item // files, and what is done between them
	debugFile      *item  // the --debugfile before the first file
}

// run executes the command line and returns the exit status.
func (c *command) run(args []string) int {
	items, err := parse(args)
	c.options = m4.Options{Program: c.program, Output: c.stdout, Errors: c.stderr, AllowShell: true, Stdin: c.stdin,
		Stdout: c.stdout, OpenDebug: openDebug}
	for _, it := range items {
		if status, done := c.apply(it); done {
			return status
		}
	}
	if err != nil {
		c.say("%v", err)
		return c.tryHelp()
	}
	if c.m4path != "" {
		c.options.Include = append(c.options.Include, strings.Split(c.m4path, ":")...)
	}
	if err := m4.CheckSequence(c.options.WarnSequence); err != nil {
		c.say("--warn-macro-sequence: bad regular expression `%s': %v", c.options.WarnSequence, err)
		return exitFailure
	}
	return c.process(m4.New(c.options))
}

func (c *command) say(format string, args ...any) {
	fmt.Fprintf(c.stderr, c.program+": "+format+"\n", args...)
}

func (c *command) tryHelp() int {
	fmt.Fprintf(c.stderr, "Try `%s --help' for more information.\n", c.program)
	return exitFailure
}

// apply handles one element of the command line that does not depend on the files; the others wait in deferred.
func (c *command) apply(it item) (status int, done bool) {
	o := &c.options
	switch it.id {
	case "", "D", "U", "t", "s":
		c.deferred = append(c.deferred, it)
	case "debugfile":
		if c.debugFile == nil && !c.haveFile() {
			c.debugFile = &it
		} else {
			c.deferred = append(c.deferred, it)
		}
	case "o":
		c.debugFile = &it
	case "E":
		o.FatalWarnings++
	case "P":
		o.Prefix = true
	case "Q":
		o.Quiet = true
	case "G":
		o.Traditional = true
	case "g":
		o.Traditional = false
	case "I":
		o.Include = append(o.Include, it.value)
	case "L":
		o.NestingLimit = leadingNumber(it.value)
	case "l":
		o.ArgLength = max(0, leadingNumber(it.value))
	case "d":
		return c.debugFlags(it)
	case "warn-macro-sequence":
		o.WarnSequence = m4.DefaultSequence
		if it.given {
			o.WarnSequence = it.value
		}
	case "B", "S", "T":
		c.say("warning: `m4 %s' may be removed in a future release", it.name)
	case "N":
		c.say("warning: `m4 %s' is deprecated", it.name)
	case "e":
		c.say("warning: `m4 -e' is deprecated, use `-i' instead")
	case "i", "H":
		// Input is expanded as it comes and output is handed over before each read, and the symbol table sizes itself.
	default:
		return c.applyOwn(it)
	}
	return 0, false
}

// applyOwn handles what ends the program, and the flags that GNU m4 does not have.
func (c *command) applyOwn(it item) (status int, done bool) {
	b := &c.options.Budget
	switch it.id {
	case "F", "R":
		c.say("%s: frozen state files are not supported", it.name)
		return exitFailure, true
	case "help":
		fmt.Fprintf(c.stdout, helpText, c.program)
		return 0, true
	case "version":
		fmt.Fprint(c.stdout, versionText)
		return 0, true
	case "no-shell":
		c.options.AllowShell = false
	case "budget-steps", "budget-output", "budget-memory":
		n, err := strconv.ParseInt(it.value, 10, 64)
		if err != nil || n <= 0 {
			c.say("%s: not a positive number: `%s'", it.name, it.value)
			return exitFailure, true
		}
		*map[string]*int64{"budget-steps": &b.Steps, "budget-output": &b.Output, "budget-memory": &b.Memory}[it.id] = n
	}
	return 0, false
}

// debugFlags handles -d; wrong flags are reported and turn debugging off, as GNU m4 does.
func (c *command) debugFlags(it item) (status int, done bool) {
	flags, ok := m4.DebugFlags("", it.value)
	if !ok || strings.HasPrefix(it.value, "+") || strings.HasPrefix(it.value, "-") {
		c.say("bad debug flags: `%s'", it.value)
		flags = ""
	}
	c.options.Debug = flags
	return 0, false
}

func (c *command) haveFile() bool {
	for _, it := range c.deferred {
		if it.id == "" {
			return true
		}
	}
	return false
}

// leadingNumber is C's atoi within the range of an int.
func leadingNumber(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 32)
	return int(n)
}

func openDebug(path string) (io.WriteCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
}

// process reads the files in order; without any, standard input.
func (c *command) process(e *m4.Engine) int {
	if c.debugFile != nil {
		c.setDebugFile(e, *c.debugFile)
	}
	if !c.haveFile() {
		c.deferred = append(c.deferred, item{value: "-"})
	}
	for _, it := range c.deferred {
		if err := c.do(e, it); err != nil {
			break
		}
	}
	_ = e.Finish() // what went wrong has been reported
	if err := e.WriteError(); err != nil {
		c.say("write error: %s", m4.Reason(err))
		return exitFailure
	}
	return e.Status()
}

// do handles one deferred element.
func (c *command) do(e *m4.Engine, it item) error {
	switch it.id {
	case "D":
		name, value, _ := strings.Cut(it.value, "=")
		if name != "" {
			e.Define(name, value)
		}
	case "U":
		e.Undefine(it.value)
	case "t":
		e.Trace(it.value)
	case "s":
		e.SetSyncLines(true)
	case "debugfile":
		c.setDebugFile(e, it)
	default:
		if it.value == "-" {
			return e.RunReader("stdin", c.stdin)
		}
		return e.Run(it.value)
	}
	return nil
}

func (c *command) setDebugFile(e *m4.Engine, it item) {
	if err := e.SetDebugFile(it.value, it.given); err != nil {
		c.say("cannot set debug file `%s': %s", it.value, m4.Reason(err))
	}
}
