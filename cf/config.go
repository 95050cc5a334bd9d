package cf

import (
	"fmt"

	"gosendmail/internal/macro"
)

// Position is where something stands.
type Position struct {
	File string
	Line int // the last physical line of a continued line, as the original counts
}

// Message is a complaint about the configuration.
type Message struct {
	Position
	Text    string
	Warning bool   // the configuration can be used
	Host    bool   // it is about this host: its users, files and names
	Doubt   bool   // a warning where the original has none: for who checks a configuration or starts a daemon
	Hint    string // the nearest name that would have been right; "" means none
	Reply   string // what an SMTP session on standard input begins its answer with; "" means "554 5.0.0"
	Exit    int    // what the program ends with; 0 means EX_SOFTWARE, EX_USAGE or EX_OSFILE, by what it is
}

// Doubt warns of what the original takes without a word, at its line.
func Doubt(at Position, text string) Message {
	m := Message{Position: at, Text: "WARNING: " + text}
	return Message{Position: at, Text: m.Error(), Warning: true, Doubt: true}
}

// TempReply is Message.Reply where the operating system refused something: it may be otherwise later.
const TempReply = "451 4.0.0"

// OfHost reports whether a message is about this host, so that the configuration may be right on another.
func (m Message) OfHost() bool { return m.Host || m.Reply == TempReply && m.Exit == 0 }

// Error returns "FILE: line N: TEXT", the form that programs parse, "FILE: TEXT" for what the file as a whole lacks;
// for warnings, and without a file, TEXT alone.
func (m Message) Error() string {
	switch {
	case m.File == "" || m.Warning:
		return m.Text
	case m.Line == 0:
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s: line %d: %s", m.File, m.Line, m.Text)
}

// Level is the newest configuration version that we know.
const Level = 10

// Config is a configuration file as read.
type Config struct {
	File      string
	Level     int // of the V line; 0 where there is none
	Vendor    string
	Operators string // OperatorChars as they stood at the first rule, expanded; "" means not set

	Macros     *macro.Table // D lines and -M, above the predefined macros
	Classes    []ClassLine
	Mailers    []*Mailer // in the order of their numbers
	Headers    []Header
	Options    []Option
	Settings   Settings
	Maps       []Map
	Rulesets   []*Ruleset // by number
	Precedence []Precedence
	Queues     []Queue
	Filters    []Filter
	Env        []EnvLine

	Messages []Message
}

// Errors returns the messages that are not warnings.
func (c *Config) Errors() []Message {
	var list []Message
	for _, m := range c.Messages {
		if !m.Warning {
			list = append(list, m)
		}
	}
	return list
}

// Mailer returns a mailer by name (case does not matter), or nil.
func (c *Config) Mailer(name string) *Mailer {
	for _, m := range c.Mailers {
		if equalFold(m.Name, name) {
			return m
		}
	}
	return nil
}

// Option is an O line, or an option of the command line.
type Option struct {
	Position
	Name  string // as in the table
	Sub   string // after a dot: Timeout.initial
	Value string // in internal form
}

// ClassLine is a C, T or F line. Exactly one of Words and File is set.
type ClassLine struct {
	Position
	Class string // name: "w" or "{VirtHost}"
	Words []Word
	File  *ClassFile
}

// Word is a member of a C line.
type Word struct {
	Text string
	Copy bool // Text names a class whose members are copied ($=x)
}

// ClassFile is what an F line names.
type ClassFile struct {
	Optional bool     // -o
	Path     string   // a file
	Format   string   // scanf pattern for its lines; "%s" by default
	Program  []string // instead: a command whose output is read ("|command")
	Key      string   // instead: what is looked up in a map ("key@class:spec", "@LDAP")
	MapClass string
	MapSpec  string
}

// Map is a K line.
type Map struct {
	Position
	Name, Class, Args string
	BlankSub          byte // the option as it was at this line, which the map keeps; 0 means a blank
}

// Precedence is a P line.
type Precedence struct {
	Name  string
	Value int
}

// EnvLine is an E line: a variable for the environment of mailers.
type EnvLine struct {
	Name, Value string
	Set         bool // there is a "="; without it the variable is taken from our own environment
}
