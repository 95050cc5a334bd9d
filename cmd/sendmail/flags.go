package main

import (
	"fmt"
	"strconv"
	"strings"

	"gosendmail/internal/envelope"
	"gosendmail/internal/mta"
)

// Operation modes, the letter after -b.
const (
	modeARPANET   = 'a'
	modeCheckCf   = 'C'
	modeDaemon    = 'd'
	modeForegrnd  = 'D'
	modeHostStat  = 'h'
	modePurgeStat = 'H'
	modeAliases   = 'i'
	modeDeliver   = 'm'
	modeQueue     = 'p'
	modeQueueSize = 'P'
	modeSMTP      = 's'
	modeTest      = 't'
	modeVerify    = 'v'
)

// setting is one -O or -o, in the order of the command line.
type setting struct {
	name  string // long, or one letter when short
	value string
	short bool
}

// limit restricts a queue run (-qI, -qR, -qS, -qQ and their negations).
type limit struct {
	kind   byte // 'I', 'R', 'S' or 'Q'
	not    bool
	substr string
}

// flags is a parsed command line. Zero values mean "not given".
type flags struct {
	mode     byte // modeDeliver unless -b or the program's name says otherwise
	modeSet  bool
	config   string // -C
	useWhich byte   // -Ac: 'c', -Am: 'm'

	settings []setting
	macros   map[string]string // -M

	sender     string          // -f or -r
	senderFlag byte            // 'f' or 'r', which of them; 0: neither
	fullName   string          // -F
	named      bool            // -F was given
	fromHdr    bool            // -t
	dots       bool            // -i: a lone dot does not end the message
	body       string          // -B
	notify     envelope.Notify // -N, all of them
	ret        envelope.Return // -R
	envID      string          // -V, decoded
	hops       int             // -h
	protocol   string          // -p, "protocol[:host]"
	noAlias    bool            // -n
	gateway    bool            // -G
	verbose    bool            // -v
	metoo      bool            // -m
	saveFrom   bool            // -s
	expensive  bool            // -c

	tag      string // -L
	traffic  string // -X
	debug    []string
	debugLog *string // -D

	runQueue   bool   // -q in any form
	interval   string // -q15m: "15m"; "" means once
	persistent bool   // -qp
	foreground bool   // -qf
	group      string // -qG
	limits     []limit
	quarantine *string // -Q: the reason, "" lifts it

	wrong   []misuse // values that cannot be used; all are said before the call ends
	unknown []string // flags that nobody knows; a submission goes on without them
	args    []string // the addresses
}

// complaint is an error in the original's words, which begin with a capital letter.
type complaint string

func (c complaint) Error() string { return string(c) }

func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// misuse is a value that cannot be used, behind so many options of the command line.
type misuse struct {
	complaint
	behind int
	mild   bool // the call goes on
	flag   byte // a flag that nobody knows; 0 means that it is something else
}

// missing is a flag without its value.
type missing byte

func (m missing) Error() string { return "option requires an argument -- " + string([]byte{byte(m)}) }

// withValue are the flags that take a value, attached or as the next argument.
const withValue = "ABbCDeFfhLMNOoprRVX"

// optional are the flags whose value can only be attached.
const optional = "qdQT"

// plain are the flags without a value.
const plain = "cGimnstv"

// retired are flags of other times and vendors, without a value. They count as unknown ones, the first of them without
// a word.
const retired = "IUxEJ"

// parseFlags reads a command line without the program's name. Flags end at "--" or at the first address, as with
// getopt. A value that is missing, or of -b, is an error; others that cannot be used are collected in wrong. An unknown
// flag is only noted, because no program's mail may be lost for a flag that another sendmail knew. -q alone takes the
// next argument where that is no flag.
func parseFlags(argv []string) (*flags, error) {
	f := &flags{mode: modeDeliver, macros: map[string]string{}}
	for i := 0; i < len(argv); i++ {
		arg := argv[i]
		if arg == "--" {
			f.args = append(f.args, argv[i+1:]...)
			return f, nil
		}
		if len(arg) < 2 || arg[0] != '-' {
			f.args = append(f.args, argv[i:]...)
			return f, nil
		}
		if arg == "-q" && i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			i++
			arg += argv[i]
		}
		used, err := f.cluster(arg[1:], argv[i+1:])
		if err != nil {
			return f, err
		}
		i += used
	}
	return f, nil
}

// cluster reads the flags of one argument, such as "ti" or "fADDR"; it returns how many of the next arguments it used.
func (f *flags) cluster(s string, next []string) (int, error) {
	for len(s) > 0 {
		c := s[0]
		s = s[1:]
		switch {
		case strings.IndexByte(optional, c) >= 0:
			return 0, f.value(c, s)
		case strings.IndexByte(withValue, c) >= 0:
			if s != "" {
				return 0, f.value(c, s)
			}
			if len(next) == 0 {
				return 0, missing(c)
			}
			return 1, f.value(c, next[0])
		case strings.IndexByte(plain, c) >= 0:
			f.plain(c)
		case strings.IndexByte(retired, c) >= 0:
			f.ignore(c, "")
		default:
			f.ignore(c, s)
			return 0, nil
		}
	}
	return 0, nil
}

// ignore notes a flag that nobody knows.
func (f *flags) ignore(c byte, rest string) {
	f.unknown = append(f.unknown, "-"+string(c)+rest)
	f.wrong = append(f.wrong, misuse{behind: len(f.settings), flag: c})
}

func (f *flags) plain(c byte) {
	switch c {
	case 'c':
		f.expensive = true
	case 'G':
		f.gateway = true
	case 'i':
		f.dots = true
	case 'm':
		f.metoo = true
	case 'n':
		f.noAlias = true
	case 's':
		f.saveFrom = true
	case 't':
		f.fromHdr = true
	case 'v':
		f.verbose = true
	}
}

// misuse notes a value that cannot be used.
func (f *flags) misuse(format string, args ...any) {
	f.wrong = append(f.wrong, misuse{complaint: complaint(fmt.Sprintf(format, args...)), behind: len(f.settings)})
}

func (f *flags) setMode(m byte) {
	f.mode, f.modeSet = m, true
	f.conflict()
}

// conflict notes that -q or -Q stands beside a mode that has nothing to do with it.
func (f *flags) conflict() {
	if f.quarantine != nil && f.mode != modeDeliver {
		f.misuse("Can not use -Q with -b%c", f.mode)
	}
	if f.runQueue && strings.IndexByte(withoutRuns, f.mode) >= 0 {
		f.misuse("Can not use -q with -b%c", f.mode)
	}
}

// withoutRuns are the modes beside which -q makes no sense.
const withoutRuns = string(modeAliases) + string(modeSMTP) + string(modeTest) + string(modeARPANET) +
	string(modeVerify) + string(modeHostStat) + string(modePurgeStat)

// setBody reads -B. The mail goes on where nobody knows the type; the exit status tells it.
func (f *flags) setBody(text string) {
	if body := strings.ToUpper(text); body == envelope.Body7Bit || body == envelope.Body8BitMIME {
		f.body = body
		return
	}
	f.body = ""
	problem := complaint("Illegal body type " + text)
	f.wrong = append(f.wrong, misuse{complaint: problem, behind: len(f.settings), mild: true})
}

func (f *flags) value(c byte, v string) error {
	switch c {
	case 'A':
		if v != "c" && v != "m" {
			return fmt.Errorf("-A%s: only -Ac and -Am are known", v)
		}
		f.useWhich = v[0]
	case 'B':
		f.setBody(v)
	case 'b':
		if len(v) != 1 || strings.IndexByte("aCdDhHimpPstv", v[0]) < 0 {
			return complain("Invalid operation mode %.1s", v)
		}
		f.setMode(v[0])
	case 'C':
		f.config = v
	case 'D':
		if len(f.debug) > 0 {
			return complain("-D file must be before -d")
		}
		f.debugLog = &v
	case 'd':
		f.debug = append(f.debug, v)
	case 'e':
		f.settings = append(f.settings, setting{"e", v, true})
	case 'F':
		f.fullName, f.named = v, true
	case 'f', 'r':
		if f.senderFlag != 0 {
			f.misuse("More than one \"from\" person")
			break
		}
		f.sender, f.senderFlag = v, c
	case 'h':
		n, err := strconv.Atoi(v)
		if err != nil {
			f.misuse("Bad hop count (%s)", v)
		}
		f.hops = n
	case 'L':
		f.tag = v
	case 'N':
		f.addNotify(v)
	case 'p':
		f.protocol = v
	case 'q':
		err := f.queue(v)
		f.conflict()
		return err
	case 'Q':
		f.quarantine = &v
		f.conflict()
	case 'R':
		f.setReturn(v)
	case 'V':
		var err error
		if f.envID, err = xtext(v); err != nil {
			f.misuse("Invalid syntax in -V flag")
		}
	case 'X':
		f.traffic = v
	default:
		return f.define(c, v)
	}
	return nil
}

// define reads what sets an option or a macro: -M, -O, -o. -T, the old queue timeout, is option T.
func (f *flags) define(c byte, v string) error {
	switch c {
	case 'M':
		return f.macro(v)
	case 'O':
		name, value, _ := strings.Cut(v, "=")
		f.settings = append(f.settings, setting{strings.TrimSpace(name), strings.TrimSpace(value), false})
	case 'o':
		if v == "" {
			return fmt.Errorf("-o: no option given")
		}
		return f.shortOption(v[:1], v[1:])
	case 'T':
		f.settings = append(f.settings, setting{"T", v, true})
	}
	return nil
}

// macro reads "xvalue" or "{name}value".
func (f *flags) macro(v string) error {
	name, value := v, ""
	if strings.HasPrefix(v, "{") {
		end := strings.IndexByte(v, '}')
		if end < 0 {
			return fmt.Errorf("-M%s: no closing brace", v)
		}
		name, value = v[:end+1], v[end+1:]
	} else if len(v) > 0 {
		name, value = v[:1], v[1:]
	}
	if name == "" {
		return fmt.Errorf("-M: no macro given")
	}
	f.macros[name] = value
	return nil
}

// shortOption reads -oX: some letters are flags of their own in another dress.
func (f *flags) shortOption(name, value string) error {
	switch name {
	case "i":
		f.dots = !isFalse(value)
	case "v":
		f.verbose = !isFalse(value)
	case "m":
		f.metoo = !isFalse(value)
	case "M":
		return f.macro(value)
	default:
		f.settings = append(f.settings, setting{name, value, true})
	}
	return nil
}

// isFalse reports whether a Boolean option's text means no; "" means yes.
func isFalse(s string) bool {
	return s != "" && strings.IndexByte("fFnN0", s[0]) >= 0
}

// queue reads what follows -q.
func (f *flags) queue(v string) error {
	f.runQueue = true
	rest, not := strings.CutPrefix(v, "!")
	if rest == "" {
		if not {
			return fmt.Errorf("-q!: nothing to select by")
		}
		return nil
	}
	switch rest[0] {
	case 'I', 'R', 'S', 'Q', 'L':
		f.limits = append(f.limits, limit{rest[0], not, rest[1:]})
		return nil
	}
	if not {
		return fmt.Errorf("-q!%s: only I, R, S and Q can be negated", rest)
	}
	switch rest[0] {
	case 'G':
		f.group = rest[1:]
	case 'f':
		f.foreground = true
		return f.queue(rest[1:])
	case 'p':
		f.persistent = true
		f.interval = rest[1:]
		if f.interval == "" {
			f.interval = "1s"
		}
	default:
		f.interval = rest
	}
	if _, problem := mta.Interval(f.interval); problem != "" {
		for text := range strings.SplitSeq(problem, "\n") {
			f.misuse("%s", text)
		}
	}
	return nil
}
