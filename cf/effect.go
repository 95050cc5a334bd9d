package cf

import (
	"fmt"
	"slices"
	"strings"
)

// Effect says what it does here that somebody sets an option.
type Effect string

// The effects.
const (
	Works   Effect = "works"
	Idle    Effect = "accepted without effect"
	Told    Effect = "accepted without effect, told at start"
	Refused Effect = "refused"
)

// Limit says why an option is not obeyed.
type Limit struct {
	Effect Effect
	As     string // the value that what is done here amounts to: setting it needs no word
	Why    string
}

// The reasons that several options share.
const (
	noMemory = "one process does all, so that nothing is shared"
)

// limits holds the options that are not simply obeyed; sub-options stand behind a dot. All others work.
var limits = map[string]Limit{
	"RandFile":                          {Idle, "", "the system's random numbers are used"},
	"MailboxDatabase":                   {Refused, "pw", "local users are looked up in the password file only"},
	"SmtpUTF8":                          {Told, "false", "addresses in UTF-8 are not offered"},
	"DontPruneRoutes":                   {Idle, "true", "route addresses are never shortened"},
	"DataFileBufferSize":                {Idle, "", "messages go to disk as they come"},
	"XscriptFileBufferSize":             {Idle, "", "transcripts are written when they are needed"},
	"FastSplit":                         {Idle, "", "envelopes are not split by the MX hosts of their recipients"},
	"ForkEachJob":                       {Idle, "", "one process does all"},
	"NiceQueueRun":                      {Idle, "", "queue runs are part of the process that serves"},
	"ProcessTitlePrefix":                {Idle, "", "the title of the process stays as it is"},
	"RequiresDirfsync":                  {Idle, "true", "folders are always synced where SuperSafe asks for it"},
	"SharedMemoryKey":                   {Idle, "", noMemory},
	"SharedMemoryKeyFile":               {Idle, "", noMemory},
	"UseMSP":                            {Idle, "", "the rights follow from the queue folder's"},
	"DontBlameSendmail.AssumeSafeChown": {Idle, "", "only root can give files away"},
	"DontBlameSendmail.DontWarnForwardFileInUnsafeDirPath":   {Idle, "", "a forward file that is not trusted is told in any case"},
	"DontBlameSendmail.FileDeliveryToHardLink":               {Told, "", "files that have more than one name are never delivered to"},
	"DontBlameSendmail.FileDeliveryToSymLink":                {Told, "", "symbolic links are never delivered to"},
	"DontBlameSendmail.HelpFileInUnsafeDirPath":              {Idle, "", "the help file is read wherever it is"},
	"DontBlameSendmail.InsufficientEntropy":                  {Idle, "", "the system's random numbers are used"},
	"DontBlameSendmail.LinkedServiceSwitchFileInWritableDir": {Idle, "", "the service switch file is read wherever it is"},
	"DontBlameSendmail.NonRootSafeAddr":                      {Idle, "", "without root, programs and files are the caller's own affair"},
	"DontBlameSendmail.RunProgramInUnsafeDirPath":            {Idle, "", "programs are run wherever they are"},
	"DontBlameSendmail.RunWritableProgram":                   {Idle, "", "programs are run whoever can write to them"},
	"PrivacyOptions.noverb":                                  {Idle, "", "VERB is always refused"},
	"Timeout.queuewarn.dsn":                                  {Idle, "", "nobody is told of delays of reports, as with the original"},
	"ResolverOptions.aaonly":                                 {Idle, "", "the resolver library has not asked for it since BIND 4.9"},
	"ResolverOptions.debug":                                  {Idle, "", "the resolver prints nothing, as the library unless it is built for that"},
	"ResolverOptions.primary":                                {Idle, "", "the resolver library has not asked for it since BIND 4.9"},
	"ResolverOptions.stayopen":                               {Idle, "", "each question has a socket of its own, which changes no answer"},
	"ResolverOptions.true":                                   {Idle, "", "leftover of old configurations, as with the original"},
	"ResolverOptions.use_inet6":                              {Idle, "", "IPv6 addresses are asked for in any case"},
	"Timeout.fileopen":                                       {Idle, "", "files are opened without waiting"},
}

// LimitOf says how far an option is obeyed, or a sub-option or word of its value; sub is "" for the option itself.
func LimitOf(name, sub string) Limit {
	for _, key := range []string{name + "." + sub, name} {
		if l, ok := limits[key]; ok {
			return l
		}
		if l, ok := unoffered[key]; ok {
			return l
		}
	}
	return Limit{Effect: Works}
}

// Refusals lists the lines that set options whose effect is Refused to a value that is not what is done anyway: mail
// would be let in or out that the site means to hold back.
func (c *Config) Refusals() []Message {
	var list []Message
	for i := range c.Options {
		o := &c.Options[i]
		for _, sub := range o.subjects() {
			if l := LimitOf(o.Name, sub); l.Effect == Refused && !o.amountsTo(l.As) {
				list = append(list, Message{Position: o.Position, Text: "option " + strings.TrimSuffix(o.Name+"."+sub, ".") + ": " + l.Why})
			}
		}
	}
	if l := unoffered[LineX]; l.Effect == Refused {
		for _, f := range c.Filters {
			list = append(list, Message{Position: f.Position, Text: "mail filter " + f.Name + ": " + l.Why})
		}
	}
	return list
}

// Disregarded lists the options of a configuration whose effect is e and whose value is not what is done anyway, those
// with the same reason together: "FILE: lines 3, 7: options A, B: reason".
func (c *Config) Disregarded(e Effect) []string {
	names, lines := map[string][]string{}, map[string][]string{}
	var order []string
	for i := range c.Options {
		o := &c.Options[i]
		for _, sub := range o.subjects() {
			l := LimitOf(o.Name, sub)
			if l.Effect != e || o.amountsTo(l.As) {
				continue
			}
			if names[l.Why] == nil {
				order = append(order, l.Why)
			}
			names[l.Why] = append(names[l.Why], strings.TrimSuffix(o.Name+"."+sub, "."))
			if o.Line > 0 {
				lines[l.Why] = append(lines[l.Why], fmt.Sprint(o.Line))
			}
		}
	}
	var list []string
	for _, why := range order {
		at := c.File + ": "
		if l := lines[why]; len(l) > 0 {
			at += plural("line", l) + ": "
		}
		list = append(list, at+plural("option", names[why])+": "+why)
	}
	return list
}

// subjects are the keys under which the table knows what an option's line says.
func (o *Option) subjects() []string {
	var known []string
	switch o.Name {
	case "DontBlameSendmail":
		known = blameFlags
	case "PrivacyOptions":
		known = privacyFlags
	default:
		return []string{strings.ToLower(o.Sub)}
	}
	var list []string
	for _, name := range known {
		if contains(words(o.Value), name) {
			list = append(list, name)
		}
	}
	return list
}

func plural(noun string, list []string) string {
	if len(list) > 1 {
		noun += "s"
	}
	return noun + " " + strings.Join(list, ", ")
}

// amountsTo reports whether the value means the same as other, in the manner of the option's kind.
func (o *Option) amountsTo(other string) bool {
	if o.Value == "" || o.Value == other {
		return true
	}
	def, ok := Lookup(o.Name)
	switch {
	case !ok || other == "":
		return false
	case def.Kind == Bool:
		return boolean(o.Value) == boolean(other)
	}
	return false
}

// Values lists what may stand behind the dot of an option, or the words that its value may have; nil for all other
// options.
func Values(name string) []string {
	switch name {
	case "Timeout":
		return timeoutNames
	case "Milter":
		return []string{"LogLevel", "MaxDataSize", "macros.connect", "macros.helo", "macros.envfrom", "macros.envrcpt",
			"macros.data", "macros.eoh", "macros.eom"}
	case "PrivacyOptions":
		return privacyFlags
	case "DontBlameSendmail":
		return blameFlags
	case "ResolverOptions":
		return resolverFlags
	}
	return nil
}

// LimitKeys lists the keys of the table: options, and sub-options and words behind a dot.
func LimitKeys() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, table := range []map[string]Limit{limits, unoffered} {
			for key := range table {
				if !yield(key) {
					return
				}
			}
		}
	})
}

var timeoutNames = []string{"initial", "connect", "aconnect", "iconnect", "helo", "mail", "rcpt", "datainit", "datablock",
	"datafinal", "rset", "quit", "misc", "command", "ident", "fileopen", "control", "lhlo", "auth", "starttls", "hoststatus",
	"queuereturn", "queuereturn.normal", "queuereturn.urgent", "queuereturn.non-urgent", "queuereturn.dsn",
	"queuewarn", "queuewarn.normal", "queuewarn.urgent", "queuewarn.non-urgent", "queuewarn.dsn",
	"resolver.retrans", "resolver.retrans.first", "resolver.retrans.normal",
	"resolver.retry", "resolver.retry.first", "resolver.retry.normal"}
