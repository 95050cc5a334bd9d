// Command mkcf compiles .mc files into a sendmail.cf.
//
//	mkcf [-D name[=value]] [-U name] [-I dir] [-C cfdir] [--strict] [-o file] file.mc...
//	mkcf lint    [the same flags] [--elsewhere] file.mc...      complaints only, also what a server on this host would not start with
//	mkcf explain [the same flags] line file.mc...   where a line of the .cf comes from: its number, or text that it holds
//	mkcf diff    [the same flags] [--ask=program] [--probes=n] one two      how two configurations differ; each a .mc or a .cf
//	mkcf diff    [the same flags] [--ask=program] [--probes=n] -C cfdir one.mc      what the library makes of it, and the tree
//	mkcf reference                                  every feature, mailer, system and define, as Markdown
//
// lint judges as sendmail -bC and the start of a daemon do, as the user who calls it: it reads class files, looks up
// users, hosts and services, and enters the queue (as RunAsUser where root calls). With --elsewhere the configuration
// is for another host: what depends on this one is said as a warning, and the queue is not looked at.
//
// A file named - is the standard input. Without -o the .cf goes to the standard output; -o replaces the file at once,
// never half.
//
// diff compares all lines but rules as sets, and the rules of each rule set. With --ask, and with one .mc, it compares
// rules by what they do: it asks a sendmail, the original or ours (without --ask: the one beside mkcf), some thousand
// questions in its test mode under both configurations, also about the hosts and the keys of tables that they name.
// Lines "?" tell a question, "-" and "+" the two sides.
//
// Exit status: 0; 1 if diff finds a difference, or lint warnings alone; 65 if the input has errors (with --strict: or
// warnings), with lint also what a server would not start with; 66 if a file cannot be read; 64 for a wrong command
// line; 69 if the program to ask does not answer; 73 if the output cannot be written.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"gosendmail/cf"
	"gosendmail/cf/mc"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
)

// Exit status, as in sysexits.h.
const (
	exDiffer      = 1 // as diff has it
	exSaid        = 1 // of lint: warnings
	exUsage       = 64
	exDataErr     = 65
	exNoInput     = 66
	exUnavailable = 69
	exCantCreat   = 73
)

const usage = "usage: mkcf [lint|explain|diff|reference] [-D name[=value]] [-U name] [-I dir] [-C cfdir] [--strict] [-o file] " +
	"[--ask=program] [--probes=n] [--elsewhere] file.mc"

func main() {
	runtime.GOMAXPROCS(1) // it runs for milliseconds: other threads would only look for work
	os.Exit((&command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}).run(os.Args[1:]))
}

// command is one run with its streams.
type command struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	options        mc.Options
	output         string // the file of -o
	ask            string // the sendmail that diff asks
	probes         int    // how many questions
	differs        bool   // the command is diff
	lints          bool   // the command is lint
	elsewhere      bool   // lint for another host
	args           []string
}

var errUsage = errors.New(usage)

// run does what the arguments say and returns the exit status.
func (c *command) run(args []string) int {
	work := (*command).compile
	c.probes = usualProbes
	if len(args) > 0 {
		switch args[0] {
		case "reference":
			fmt.Fprint(c.stdout, mc.Reference())
			return 0
		case "lint":
			work, args, c.lints = (*command).lint, args[1:], true
		case "explain":
			work, args = (*command).explain, args[1:]
		case "diff":
			work, args, c.differs = (*command).diff, args[1:], true
		}
	}
	if err := c.parse(args); err != nil {
		fmt.Fprintf(c.stderr, "mkcf: %v\n", err)
		return exUsage
	}
	status, err := work(c)
	if err != nil {
		fmt.Fprintf(c.stderr, "%v\n", err)
	}
	return status
}

// parse reads the flags. A short one has its value attached or in the next argument.
func (c *command) parse(args []string) error {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			c.args = args
			return c.complete()
		case arg == "--strict":
			c.options.Strict = true
			continue
		case arg == "--elsewhere" && c.lints:
			c.elsewhere = true
			continue
		case strings.HasPrefix(arg, "--"):
			if err := c.setLong(arg); err != nil {
				return err
			}
			continue
		}
		value := arg[2:]
		if value == "" {
			if len(args) == 0 {
				return fmt.Errorf("flag %s needs a value\n%w", arg, errUsage)
			}
			value, args = args[0], args[1:]
		}
		if err := c.set(arg[:2], value); err != nil {
			return err
		}
	}
	c.args = args
	return c.complete()
}

// setLong applies a long flag with a value, which only diff has.
func (c *command) setLong(arg string) error {
	name, value, given := strings.Cut(arg, "=")
	switch {
	case !c.differs || name != "--ask" && name != "--probes":
		return fmt.Errorf("flag %s is not known\n%w", arg, errUsage)
	case !given || value == "":
		return fmt.Errorf("flag %s needs a value: %[1]s=...\n%w", name, errUsage)
	case name == "--ask":
		c.ask = value
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > maxProbes {
		return fmt.Errorf("flag --probes: %s is no number from 0 to %d\n%w", value, maxProbes, errUsage)
	}
	c.probes = n
	return nil
}

// maxProbes bounds the questions of diff: so many take minutes.
const maxProbes = 1_000_000

// set applies one short flag.
func (c *command) set(flag, value string) error {
	switch flag {
	case "-D":
		name, text, _ := strings.Cut(value, "=")
		c.options.Defines = append(c.options.Defines, mc.Define{Name: name, Value: text})
	case "-U":
		c.options.Undefines = append(c.options.Undefines, value)
	case "-I":
		c.options.IncludeDirs = append(c.options.IncludeDirs, value)
	case "-C":
		c.options.CFDir = value
	case "-o":
		c.output = value
	default:
		return fmt.Errorf("flag %s is not known\n%w", flag, errUsage)
	}
	return nil
}

// complete settles what follows from all flags.
func (c *command) complete() error {
	if len(c.args) == 0 {
		return errUsage
	}
	for i, d := range c.options.Defines {
		if d.Name == "_CF_DIR_" && c.options.CFDir == "" {
			c.options.CFDir = d.Value
			c.options.Defines = append(c.options.Defines[:i:i], c.options.Defines[i+1:]...)
			break
		}
	}
	return nil
}

// build compiles files and prints the diagnostics. The status is that of the process.
func (c *command) build(files ...string) (*mc.Output, int, error) {
	opt := c.options
	opt.Open = c.open
	out, err := mc.Compile(opt, files...)
	if out != nil {
		for _, d := range out.Diagnostics {
			fmt.Fprintf(c.stderr, "%s\n%s", d, d.Trace())
		}
	}
	switch {
	case err != nil && mc.Unreadable(err):
		return out, exNoInput, err
	case err != nil:
		return out, exDataErr, err
	case out.Failed():
		return out, exDataErr, nil
	}
	return out, 0, nil
}

func (c *command) open(name string) (string, error) {
	read := os.ReadFile
	if name == "-" {
		read = func(string) ([]byte, error) { return io.ReadAll(c.stdin) }
	}
	text, err := read(name)
	if err != nil {
		return "", fmt.Errorf("mkcf: %w", err)
	}
	return string(text), nil
}

// compile writes the .cf. With errors in the input it goes to the standard output all the same, as with m4, but
// replaces no file.
func (c *command) compile() (int, error) {
	out, status, err := c.build(c.args...)
	if out == nil || err != nil {
		return status, err
	}
	if c.output == "" {
		if _, err := c.stdout.Write(out.Text()); err != nil {
			return exCantCreat, fmt.Errorf("mkcf: write: %w", err)
		}
		return status, nil
	}
	if status != 0 {
		return status, fmt.Errorf("mkcf: %s is left as it was", c.output)
	}
	if err := replace(c.output, out.Text()); err != nil {
		return exCantCreat, err
	}
	return 0, nil
}

// lint prints the diagnostics, what only Output.Lint says, and what keeps a server on this host from running the
// configuration.
func (c *command) lint() (int, error) {
	out, status, err := c.build(c.args...)
	if err != nil {
		return status, err
	}
	more := out.Lint()
	for _, d := range more {
		fmt.Fprintln(c.stderr, d)
	}
	said := len(out.Diagnostics)+len(more) > 0
	if status == 0 {
		refused, problems := c.serverProblems(out)
		for _, text := range problems {
			fmt.Fprintln(c.stderr, text)
		}
		switch {
		case refused:
			status = exDataErr
		case said || len(problems) > 0:
			status = exSaid
		}
	}
	return status, nil
}

// serverProblems does with what was compiled what a server does at its start, and lists what it has to say at the lines
// of the .mc. refused reports whether it would not start.
func (c *command) serverProblems(out *mc.Output) (refused bool, list []string) {
	site, err := mta.Load(context.Background(), mta.LoadOptions{Path: c.args[len(c.args)-1], Text: out.Text(), OpMode: 'C',
		Origin: func(n int) cf.Position {
			file, line := out.Place(n)
			return cf.Position{File: file, Line: line}
		}})
	if err != nil {
		return true, []string{err.Error()}
	}
	for _, m := range site.Problems {
		if m.Warning {
			list = append(list, m.Text)
		}
	}
	problems := site.Errors()
	if len(problems) == 0 && !c.elsewhere {
		problems = tryServer(site)
	}
	for _, m := range problems {
		if c.elsewhere && m.OfHost() {
			list = append(list, m.Error()+" (on this host)")
			continue
		}
		refused = true
		list = append(list, m.Error())
	}
	return refused, list
}

// tryServer makes a server of a site, with the rights that it would have, and reports what keeps it from being one.
func tryServer(site *mta.Site) []cf.Message {
	if err := site.DropRights(); err != nil {
		return []cf.Message{mta.StartProblem(err)}
	}
	log, err := maillog.Open(maillog.Config{Tag: "mkcf", File: os.DevNull})
	if err != nil {
		return []cf.Message{mta.StartProblem(err)}
	}
	defer log.Close()
	s, err := mta.New(mta.Config{Site: site, Log: log, Accounts: priv.System()})
	if err == nil {
		err = s.Close(context.Background())
	}
	if err != nil {
		return []cf.Message{mta.StartProblem(err)}
	}
	return nil
}
