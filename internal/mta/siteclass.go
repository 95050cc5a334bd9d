package mta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
	"syscall"
	"time"

	"gosendmail/cf"
	"gosendmail/internal/debug"
	"gosendmail/internal/safefile"
	"gosendmail/maps"
	"gosendmail/rules"
)

// Classes holds the words of all classes. It is filled while a site is loaded and only read then; the test mode alone
// adds to it.
type Classes struct {
	byName map[string]*rules.Class
	words  []classWord    // in the order in which they came
	index  map[string]int // of words, in lower case
}

// classWord is one word and the classes that have it.
type classWord struct {
	text    string // as it was first written
	classes map[string]bool
}

func newClasses() *Classes {
	return &Classes{byName: map[string]*rules.Class{}, index: map[string]int{}}
}

// Class returns a class by name ("w", "{VirtHost}"), making an empty one where there is none yet.
func (c *Classes) Class(name string) *rules.Class {
	class := c.byName[name]
	if class == nil {
		class = new(rules.Class)
		c.byName[name] = class
	}
	return class
}

// Add puts a word into a class.
func (c *Classes) Add(class, word string) {
	c.Class(class).Add(word)
	key := strings.ToLower(word)
	i, ok := c.index[key]
	if !ok {
		i = len(c.words)
		c.index[key] = i
		c.words = append(c.words, classWord{word, map[string]bool{}})
	}
	c.words[i].classes[class] = true
}

// Has reports whether a class has a word or phrase.
func (c *Classes) Has(class, phrase string) bool {
	k := c.byName[class]
	return k != nil && k.Has(phrase)
}

// copy puts the words of a class into another.
func (c *Classes) copy(from, to string) {
	for _, w := range c.words {
		if w.classes[from] {
			c.Add(to, w.text)
		}
	}
}

// List returns the words of a class in the order in which the original lists them, which is that of its symbol table.
func (c *Classes) List(class string) []string {
	var list []string
	for _, w := range c.words {
		if w.classes[class] {
			list = append(list, w.text)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return bucket(list[i]) < bucket(list[j]) })
	return list
}

// bucket is the place of a class word in the original's symbol table.
func bucket(word string) int {
	const size, kind = 2003, 1
	h := kind
	for i := 0; i < len(word); i++ {
		b := word[i]
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		h = (h<<1 ^ int(b)) % size
	}
	return h
}

// fillClasses does the class lines in order.
func (s *Site) fillClasses(ctx context.Context, log *debug.Log) {
	for _, b := range startClasses {
		for _, w := range strings.Fields(b.words) {
			s.Classes.Add(b.class, w)
		}
	}
	for _, n := range s.Host.names() {
		s.Classes.Add("w", n)
	}
	s.Classes.Add("k", s.Host.Node)
	for _, l := range s.Config.Classes {
		for _, w := range l.Words {
			if w.Copy {
				s.Classes.copy(w.Text, l.Class)
			} else {
				s.Classes.Add(l.Class, w.Text)
			}
		}
		if l.File != nil {
			s.fillFromFile(ctx, &l)
		}
	}
	s.Classes.Add("w", s.Hostname())
	if m, err := s.Config.Macros.Expand("\x81m"); err == nil && m != "" {
		s.Classes.Add("m", m)
	}
	if probe := s.Config.Settings.DontProbeInterfaces; probe != "true" {
		s.probe(ctx, probe != "loopback", log)
	}
}

// startClasses are the classes that exist without a line (op.txt section 5.3).
var startClasses = []struct{ class, words string }{
	{"e", "7bit 8bit binary"},
	{"n", "multipart/signed"},
	{"s", "rfc822"},
	{"{persistentMacros}", "r s _ {if_addr} {daemon_flags}"},
	{"{checkMIMEFieldHeaders}", "content-disposition content-type"},
	{"{checkMIMETextHeaders}", "content-description"},
	{"{checkMIMEHeaders}", "content-disposition content-id content-transfer-encoding content-type mime-version"},
}

// InClass reports whether a class has a phrase.
func (s *Site) InClass(class, phrase string) bool { return s.Classes.Has(class, phrase) }

// fillFromFile does an F line.
func (s *Site) fillFromFile(ctx context.Context, l *cf.ClassLine) {
	f := l.File
	var text []byte
	var err error
	format := f.Format
	switch {
	case f.MapClass != "":
		s.fillFromMap(ctx, l)
		return
	case f.Program != nil:
		text, err = s.output(ctx, f.Program)
		format = "%s"
		if err != nil && !f.Optional {
			s.problem(l, cf.TempReply, "fileclass: cannot open '|%s': %v", strings.Join(f.Program, " "), err)
		}
	default:
		text, err = s.readClassFile(f.Path)
		if err != nil && !f.Optional {
			s.problem(l, cf.TempReply, "fileclass: cannot open '%s': %s", f.Path, reason(err))
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if found, ok := scanf(line, format); ok {
			for _, w := range strings.Fields(found) {
				s.Classes.Add(l.Class, w)
			}
		}
	}
}

// braced is a class as the original names it here: "{x}".
func braced(class string) string { return "{" + strings.Trim(class, "{}") + "}" }

// problem adds to Problems what is wrong with a line; reply is that of the message.
func (s *Site) problem(l *cf.ClassLine, reply, format string, args ...any) {
	s.Problems = append(s.Problems, cf.Message{Position: l.Position, Text: fmt.Sprintf(format, args...), Reply: reply})
}

// reason is what perror would say.
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return sentence{errno}.Error()
	}
	return safefile.Reason(err)
}

// maxClassFile bounds the size of a class file.
const maxClassFile = 64 << 20

// openHelp opens the file of option HelpFile.
func (s *Site) openHelp() (*os.File, error) {
	c, err := s.fileChecker()
	if err != nil {
		return nil, err
	}
	return c.Open(s.Config.Settings.HelpFile, safefile.HelpFile)
}

// blame is the option DontBlameSendmail.
func (s *Site) blame() (safefile.Blame, error) {
	return safefile.ParseBlame(strings.Join(s.Config.Settings.DontBlameSendmail, ","))
}

// fileChecker looks at files with the rights of this process and what DontBlameSendmail excuses.
func (s *Site) fileChecker() (*safefile.Checker, error) {
	blame, err := s.blame()
	if err != nil {
		return nil, err
	}
	groups, err := os.Getgroups()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // root's own group counts when the program is set-group-ID, too
		groups = append(groups, os.Getgid())
	}
	return &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: append([]int{os.Getegid()}, groups...)}, nil
}

func (s *Site) readClassFile(path string) ([]byte, error) {
	c, err := s.fileChecker()
	if err != nil {
		return nil, err
	}
	f, err := c.Open(path, safefile.ClassFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > maxClassFile {
		return nil, fmt.Errorf("larger than %d bytes", maxClassFile)
	}
	return io.ReadAll(io.LimitReader(f, maxClassFile))
}

// output runs a program of an F line.
func (s *Site) output(ctx context.Context, argv []string) ([]byte, error) {
	if len(argv) == 0 {
		return nil, errors.New("no command")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	var err error
	if cmd.SysProcAttr, err = s.asDefaultUser(ctx); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.Bytes(), err
}

// fillFromMap does an F line that names a map.
func (s *Site) fillFromMap(ctx context.Context, l *cf.ClassLine) {
	f := l.File
	set, err := maps.NewSet([]maps.Spec{{Name: "class", Class: f.MapClass, Args: f.MapSpec, File: l.Position.File, Line: l.Line, Use: maps.ForClass}}, s.env)
	if err != nil {
		s.problem(l, "", "fileclass: F%s: class %s not available", braced(l.Class), f.MapClass)
		return
	}
	defer set.Close()
	value, err := set.Lookup(ctx, "class", f.Key)
	if err != nil && !errors.Is(err, maps.ErrNotFound) && !f.Optional {
		s.problem(l, cf.TempReply, "fileclass: F%s: map lookup failed", braced(l.Class))
	}
	for _, w := range strings.Fields(value) {
		s.Classes.Add(l.Class, w)
	}
}
