package cf

import (
	"fmt"
	"strings"
	"time"
)

// Queue is a Q line (op.txt section 5.10). Zero values mean that the option of the same purpose counts.
type Queue struct {
	Position
	Name             string
	Path             string // P=
	Flags            string // F=: f runs jobs in subprocesses
	Nice             int    // N=
	Interval         time.Duration
	HasInterval      bool // I= was given
	Jobs             int  // J=: jobs in one run
	Runners          int  // R=: processes
	RecipientsPerMsg int  // r=: 0 means no limit
}

// queueLine is a Q line: a name and equates.
func (p *parser) queueLine(s string) {
	name, fields := p.equates(s, "queue")
	if name == "" {
		return
	}
	q := Queue{Position: p.at(), Name: name}
	for _, f := range fields {
		p.subject = fmt.Sprintf("queue %s: %c=: ", name, f.code)
		switch f.code {
		case 'P':
			q.Path = f.value
		case 'F':
			q.Flags = f.value
			for _, c := range strings.Trim(f.value, "f, \t") {
				p.doubt("flag %c is not known and has no effect", c)
			}
		case 'N':
			q.Nice = int(p.number(f.value))
		case 'I':
			q.Interval, q.HasInterval = p.duration(f.value, 'm'), true
		case 'J':
			q.Jobs = int(p.number(f.value))
		case 'R':
			q.Runners = int(p.number(f.value))
		case 'r':
			q.RecipientsPerMsg = int(p.number(f.value))
		default:
			p.errorf("Q%s: unknown queue equate %c=", name, f.code)
		}
	}
	p.subject = ""
	p.c.Queues = append(p.c.Queues, q)
}

// Filter is an X line (op.txt section 5.11).
type Filter struct {
	Position
	Name   string
	Socket string // S=: "inet:port@host", "inet6:...", "unix:path" or "local:path"
	Flag   byte   // F=: R reject, T temporary failure, 4 shut the connection down; 0 go on without the filter

	// T=: how long; zero means the default of op.txt.
	Connect, Send, Reply, EndOfMessage time.Duration
}

// Default time-outs of filters.
const (
	FilterConnect = 5 * time.Minute
	FilterSend    = 10 * time.Second
	FilterReply   = 10 * time.Second
	FilterEnd     = 5 * time.Minute
)

// filterLine is an X line.
func (p *parser) filterLine(s string) {
	name, fields := p.equates(s, "mail filter")
	if name == "" {
		return
	}
	f := Filter{Position: p.at(), Name: name, Connect: FilterConnect, Send: FilterSend, Reply: FilterReply, EndOfMessage: FilterEnd}
	for _, e := range fields {
		switch e.code {
		case 'S':
			f.Socket = e.value
		case 'F':
			switch {
			case e.value == "": // the message goes on without a filter that fails
			case strings.IndexByte("RT4", e.value[0]) >= 0:
				f.Flag = e.value[0]
			default:
				p.errorf("X%s: Equate F= requires R, T or 4", name)
			}
		case 'T':
			p.filterTimes(&f, e.value)
		default:
			p.errorf("X%s: unknown filter equate %c=", name, e.code)
		}
	}
	if f.Socket == "" {
		p.errorf("X%s: empty or missing socket information", name)
		return
	}
	p.c.Filters = append(p.c.Filters, f)
}

// filterTimes reads "C:5m;S:10s;R:10s;E:5m".
func (p *parser) filterTimes(f *Filter, s string) {
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' }) {
		code, value, _ := strings.Cut(part, ":")
		d := p.duration(value, 's')
		switch code {
		case "C":
			f.Connect = d
		case "S":
			f.Send = d
		case "R":
			f.Reply = d
		case "E":
			f.EndOfMessage = d
		default:
			p.errorf("X%s: unknown filter timeout %.1s", f.Name, part)
		}
	}
}

// precedenceLine is a P line.
func (p *parser) precedenceLine(s string) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		p.unknown("P" + s)
		return
	}
	p.subject = "precedence " + name + ": "
	defer func() { p.subject = "" }()
	p.c.Precedence = append(p.c.Precedence, Precedence{name, int(p.number(value))})
}

// mapLine is a K line: name, class, arguments.
func (p *parser) mapLine(s string) {
	s = skipSpace(p.expand(s))
	if s == "" || !isAlnum(s[0]) {
		p.errorf("readcf: config K line: no map name")
		return
	}
	name, rest := word(s, "_.")
	if rest == "" || !isAlnum(rest[0]) {
		p.errorf("readcf: config K line, map %s: no map class", name)
		return
	}
	class, args := word(rest, "")
	if p.in.MapClass != nil && !p.in.MapClass(class) {
		p.errorf("readcf: map %s: class %s not available", name, class)
		return
	}
	p.c.Maps = append(p.c.Maps, Map{p.at(), name, class, args, p.c.Settings.BlankSub})
}

// word splits letters, digits and the characters in more off s, and skips the one after them and white space.
func word(s, more string) (w, rest string) {
	i := 0
	for i < len(s) && (isAlnum(s[i]) || strings.IndexByte(more, s[i]) >= 0) {
		i++
	}
	if i == len(s) {
		return s, ""
	}
	return s[:i], skipSpace(s[i+1:])
}

// envLine is an E line.
func (p *parser) envLine(s string) {
	name, value, ok := strings.Cut(s, "=")
	p.c.Env = append(p.c.Env, EnvLine{name, value, ok})
}

// equate is one field "c=value".
type equate struct {
	code  byte
	value string
}

// equates splits "name, c=value, c=value". The name is "" where the line is wrong.
func (p *parser) equates(s, what string) (name string, fields []equate) {
	i := strings.IndexAny(s, ","+space)
	if i < 0 {
		i = len(s)
	}
	name = s[:i]
	if name == "" {
		p.errorf("name required for %s", what)
		return "", nil
	}
	if i < len(s) {
		i++
	}
	s = s[i:]
	for {
		s = strings.TrimLeft(s, ","+space)
		if s == "" {
			return name, fields
		}
		j := strings.IndexAny(s, "=,")
		if j < 0 || s[j] != '=' {
			p.errorf("%s %s: `=' expected", what, name)
			return "", nil
		}
		value, rest := munch(skipSpace(s[j+1:]), ',')
		fields = append(fields, equate{s[0], value})
		s = rest
	}
}
