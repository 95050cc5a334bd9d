package m4

import (
	"io"
)

// Options sets up an Engine. The zero value is GNU m4 without any flags that collects its output in memory, reads the
// operating system's files and prints no complaints.
type Options struct {
	// Program is the name that begins messages, and the value of __program__. Empty means "m4".
	Program string
	// Output takes the text of diversion 0 as it comes. If nil, it is kept: Engine.Output.
	Output io.Writer
	// Errors takes warnings, errors, errprint's and dumpdef's text. nil discards them; Hooks.Diagnostic still sees
	// them.
	Errors io.Writer
	// Include is the search path for include, sinclude, undivert and Run, after the current directory (flag -I).
	Include []string
	// Open reads one candidate path of the search. It returns an error that matches fs.ErrNotExist for a file that is
	// not there. nil reads the operating system's files.
	Open func(path string) (string, error)
	// OpenDebug opens the file that debugfile(NAME) names, for appending. nil refuses: a macro file then cannot write
	// anywhere.
	OpenDebug func(path string) (io.WriteCloser, error)
	// Lines keeps the origin of each output line (Engine.Lines). The output is then kept as well.
	Lines bool
	// Prefix gives every builtin the prefix m4_ (flag -P).
	Prefix bool
	// Traditional leaves out GNU's additions (flag -G).
	Traditional bool
	// Quiet suppresses warnings about the number of arguments and unknown macros (flag -Q).
	Quiet bool
	// FatalWarnings: 1 makes the exit status 1 after a warning, 2 stops at the first (flag -E, once or twice).
	FatalWarnings int
	// SyncLines writes #line directives (flag -s).
	SyncLines bool
	// NestingLimit bounds macro calls that are nested in arguments; 0 means no limit (flag -L).
	NestingLimit int
	// Debug holds the debug flags in force: letters of aceflipqtxV (flag -d). DebugFlags makes them from what a person
	// wrote.
	Debug string
	// ArgLength cuts texts in trace output to that many bytes; 0 means no limit (flag -l).
	ArgLength int
	// WarnSequence is a regular expression; a definition that matches it causes a warning (flag --warn-macro-sequence).
	// Empty means no warning; DefaultSequence is GNU's.
	WarnSequence string
	// AllowShell lets syscmd, esyscmd, mkstemp and maketemp work.
	AllowShell bool
	// Stdin and Stdout are what syscmd's child gets. nil means nothing to read, and Output.
	Stdin  io.Reader
	Stdout io.Writer
	Budget Budget
	Hooks  Hooks
}

// Budget bounds what a run may use.
type Budget struct {
	// Steps counts tokens, macro calls, 64-byte pieces of text handled, and ten for each call in the stack of a
	// complaint that a hook sees; 0 means no limit.
	Steps int64
	// Output is in bytes of diversion 0; 0 means no limit.
	Output int64
	// Memory is in bytes: the texts that wait (input, arguments, diversions), the definitions and what is needed to
	// manage them. The process needs up to twice as much. 0 means 512 MiB.
	Memory int64
}

const defaultMemory = 512 << 20

// What things cost beside their texts, in bytes, with the room that growing slices need.
const (
	definitionCost = 160
	blockCost      = 480
	frameCost      = 640
	argCost        = 176
)

// Hooks are functions by which a caller takes part.
type Hooks struct {
	// Include is asked first for the file that include, sinclude or Run names. ok is false where it leaves it to the
	// search path.
	Include func(e *Engine, name string) (src *Source, ok bool, err error)
	// Missing is told of an include that no one found and returns the text to print in place of GNU's; "" keeps GNU's.
	Missing func(e *Engine, name string, err error) string
	// Diagnostic sees every warning and error. If it returns true, nothing is printed for it.
	Diagnostic func(d Diagnostic) bool
}

// Source is a file's text under the name that __file__ and messages show.
type Source struct {
	Name string
	Text string
}
