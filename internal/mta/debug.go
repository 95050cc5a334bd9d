package mta

import (
	"strings"

	"gosendmail/internal/debug"
	"gosendmail/internal/macro"
	"gosendmail/internal/status"
	"gosendmail/rules"
)

// Define gives a macro a value.
func (e *Env) Define(name, value string) {
	if e.Debug.At(35, 9) {
		e.tellDefine(name, macro.Show(value))
	}
	e.Macros.Define(name, value)
}

// Undefine takes a macro's value away.
func (e *Env) Undefine(name string) {
	if e.Debug.At(35, 9) {
		e.tellDefine(name, "<null>")
	}
	e.Macros.Undefine(name)
}

func (e *Env) tellDefine(name, value string) {
	again := ""
	if _, had := e.Macros.Macro(name); had {
		again = "re"
	}
	e.Debug.Printf("%sdefine(%s as %s)\n", again, bareName(name), value)
}

// tellSet prints that a macro is given a value for a moment.
func (e *Env) tellSet(name, value string) {
	if e.Debug.At(35, 9) {
		e.Debug.Printf("macset(%s as %s)\n", bareName(name), value)
	}
}

// tellCheck prints what is done with a ruleset that checks something.
func (e *Env) tellCheck(format string, args ...any) {
	if e.Debug.At(48, 2) {
		e.Debug.Printf(format, args...)
	}
}

func secondShown(second string, has bool) string {
	if !has {
		return "(NULL)"
	}
	return second
}

// CrackIn is Site.Crack that tells what it does.
func (s *Site) CrackIn(env *Env, addr string) string {
	cracked := s.Crack(addr)
	if env.Debug.At(33, 1) {
		env.Debug.Printf("crackaddr(%s)\ncrackaddr=>`%s'\n", macro.Show(addr), macro.Show(cracked))
	}
	return cracked
}

// secureNumber is whether the DNS vouched for all hosts, as -d prints it: it never does, but nobody may have asked it.
func secureNumber(insecure bool) int {
	if insecure {
		return 0
	}
	return 1
}

// bareName drops the braces of a long name.
func bareName(name string) string {
	if len(name) > 2 && name[0] == '{' {
		return name[1 : len(name)-1]
	}
	return name
}

// flagsOf is a role as -d prints it.
func (e *Env) flagsOf(r Role) int {
	n := 0
	if e.Copies {
		n = 0x30
	}
	if r.Sender {
		n |= 1
	}
	if r.Header {
		n |= 2
	}
	return n
}

// tokens prints a workspace with a blank before each token.
func tokens(ws rules.Workspace) string {
	var b []byte
	for i := range ws {
		b = macro.AppendShow(append(b, ' '), ws[i].Text())
	}
	return string(b)
}

// tell prints an address as the original's structure. Places in memory are 0: they mean nothing here.
func (a *Address) tell(log *debug.Log, before, text string, hasHost, secure bool) {
	host := a.Host
	if !hasHost {
		host = "<null>"
	}
	state, enhanced := "OK", "(none)"
	if a.Status.Exit == status.TempFail {
		state, enhanced = "QUEUEUP", a.Status.Enhanced.String()
	}
	flags, words := 0x180, "QPINGONFAILURE,QPINGONDELAY" // what DSN tells of where nobody said otherwise
	if a.NotRemote {
		flags, words = flags|0x4, "QNOTREMOTE,"+words
	}
	if secure {
		flags, words = flags|0x100000, words+",QSECURE"
	}
	log.Printf("%s0x0=%s:\n\tmailer %d (%s), host `%s'\n\tuser `%s', ruser `<null>'\n", before, text, a.Mailer.Number, a.MailerName(), host, a.User)
	log.Printf("\tstate=%s, next=0x0, alias 0x0, uid 0, gid 0\n\tflags=%x<%s>\n", state, flags, words)
	log.Printf("\towner=(none), home=\"(none)\", fullname=\"(none)\"\n\torcpt=\"(none)\", statmta=(none), status=%s\n", enhanced)
	log.Printf("\tfinalrcpt=\"(none)\"\n\trstatus=\"(none)\"\n\tstatdate=(none)\n")
}

// Trace is a debug text about a line of the configuration; line 0 is the command line.
type Trace struct {
	Line int
	Text string
}

// tracer returns what collects traces while a configuration is read; nil where nobody asked for them.
func (s *Site) tracer(log *debug.Log) func(line int, text string) {
	if !log.At(37, 1) && !log.At(38, 2) {
		return nil
	}
	aliases := log.At(38, 2)
	return func(line int, text string) {
		if log.At(37, 1) {
			s.Traces = append(s.Traces, Trace{line, text})
		}
		if aliases && strings.HasPrefix(text, "setoption AliasFile ") { // the maps of aliases are made now
			s.Traces = append(s.Traces, Trace{line, "seq_map_parse(aliases.files, )\n"})
			aliases = false
		}
	}
}
