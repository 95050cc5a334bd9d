package alias

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxValue bounds one alias with its continuation lines, in bytes.
const maxValue = 16 << 20

// Entry is one alias of a text file.
type Entry struct {
	Name  string // as the data base's key: without quotes and brackets, lower case
	Value string // the list behind the colon, lines joined
	As    string // the name as the file has it
	Line  int    // of the name; from 1
}

// Problem is what is wrong with one line of an alias file.
type Problem struct {
	File    string
	Line    int
	Text    string
	Warning bool // the alias is kept
	Detail  bool // why, of the problem that follows
}

// Error returns the problem in the original's form.
func (p Problem) Error() string {
	return fmt.Sprintf("%s: line %d: %s", p.File, p.Line, printable(p.Text))
}

// Source reads alias files.
type Source struct {
	// Name decides what a left side stands for: the key of the data base; ok is false for names that are not local.
	// An error is a syntax error in the name. nil takes local names by their form: without @, ! and |.
	Name func(left string) (key string, ok bool, err error)
	// Begin, if not nil, is told the line of each alias before its name is decided.
	Begin func(line int)
	// NoCheck leaves the right sides unchecked (option CheckAliases is off); Check looks at one address.
	Check func(addr string) error
}

// Read calls each with the aliases of a text file in their order, and report with every problem. Lines that begin with
// a blank continue the one before, be it a comment, and join it as they are; # begins a comment at the beginning of a
// line; a backslash before a comma, quote or colon takes their meaning. Duplicates are the caller's. The error is one
// of reading.
func (s *Source) Read(r io.Reader, file string, each func(Entry) error, report func(Problem)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var text strings.Builder
	line, first, comment := 0, 0, false
	flush := func() error {
		if first == 0 {
			return nil
		}
		err := s.entry(file, text.String(), first, each, report)
		text.Reset()
		first = 0
		return err
	}
	for {
		raw, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("alias: read %s: %w", file, err)
		}
		if raw == "" {
			return flush()
		}
		line++
		l := strings.TrimRight(raw, "\r\n")
		switch {
		case strings.HasPrefix(l, "#") || l == "":
			if err := flush(); err != nil {
				return err
			}
			comment = l != ""
		case l[0] == ' ' || l[0] == '\t':
			if comment {
				continue
			}
			if first == 0 {
				if strings.Trim(l, " \t") == "" {
					continue
				}
				report(Problem{File: file, Line: line, Text: "Non-continuation line starts with space"})
				continue
			}
			text.WriteByte('\n')
			text.WriteString(l)
		default:
			if err := flush(); err != nil {
				return err
			}
			first, comment = line, false
			text.WriteString(l)
		}
		if text.Len() > maxValue {
			return fmt.Errorf("alias: %s: line %d: an alias of more than %d bytes", file, first, maxValue)
		}
	}
}

// printable replaces what terminals and logs must not get.
func printable(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// entry takes one alias apart.
func (s *Source) entry(file, text string, line int, each func(Entry) error, report func(Problem)) error {
	bad := func(format string, args ...any) {
		report(Problem{File: file, Line: line, Text: fmt.Sprintf(format, args...)})
	}
	i := colon(text)
	if i < 0 {
		bad("missing colon")
		return nil
	}
	left, right := strings.Trim(text[:i], " \t"), joinLines(text[i+1:])
	firstLine, _, _ := strings.Cut(text, "\n")
	if left == "" {
		bad("%s... illegal alias name", firstLine)
		return nil
	}
	name := s.Name
	if name == nil {
		name = plainName
	}
	if s.Begin != nil {
		s.Begin(line)
	}
	key, ok, err := name(left)
	switch {
	case err != nil:
		if why := err.Error(); why != "" {
			if strings.HasPrefix(why, "Unbalanced") {
				why = firstLine + "... " + why
			}
			report(Problem{File: file, Line: line, Text: why, Detail: true})
		}
		bad("%s... illegal alias name", firstLine)
		return nil
	case !ok:
		bad("%s... cannot alias non-local names", left)
		return nil
	case right == "":
		bad("%s:... missing value for alias", left)
		return nil
	}
	if s.Check != nil {
		for _, a := range SplitList(right) {
			if err := s.Check(a); err != nil {
				bad("%s... bad address: %v", a, err)
			}
		}
	}
	return each(Entry{key, right, left, line})
}

// colon finds the colon that ends the name: outside of quotes, not escaped.
func colon(s string) int {
	quoted := false
	for i := 0; i < len(s) && s[i] != '\n'; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// joinLines makes one line of a value. Blanks stay, as the original keeps them.
func joinLines(s string) string {
	s = strings.TrimLeft(strings.ReplaceAll(s, "\n", ""), " \t")
	if strings.Trim(s, " \t") == "" {
		return ""
	}
	return s
}

// unbalanced is a complaint in the original's words, which begin with a capital.
type unbalanced string

// Error is the original's text.
func (u unbalanced) Error() string { return "Unbalanced '" + string(u) + "'" }

// plainName is the key of a left side by its form alone: quotes and angle brackets go, words are joined by dots,
// letters are folded.
func plainName(left string) (string, bool, error) {
	if strings.Count(left, `"`)%2 != 0 {
		return "", false, unbalanced(`"`)
	}
	quoted := strings.HasPrefix(left, `"`)
	left = strings.Trim(left, `<>`)
	if !quoted {
		if strings.ContainsAny(left, "@!|,%") {
			return "", false, nil
		}
		left = strings.Join(strings.Fields(left), ".")
	}
	return strings.ToLower(strings.ReplaceAll(left, `"`, "")), true, nil
}
