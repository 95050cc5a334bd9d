package m4

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// find looks for the file name: by the hook, as it is, then in each folder of the search path.
func (e *Engine) find(name string) (*Source, error) {
	if hook := e.opt.Hooks.Include; hook != nil {
		if src, ok, err := hook(e, name); ok || err != nil {
			return src, err
		}
	}
	if name == "" {
		return nil, fs.ErrNotExist
	}
	text, first := e.open(name)
	if first == nil {
		return &Source{name, text}, nil
	}
	if filepath.IsAbs(name) {
		return nil, first
	}
	for _, dir := range e.opt.Include {
		path := name
		if dir != "" {
			path = strings.TrimSuffix(dir, "/") + "/" + name
		}
		if text, err := e.open(path); err == nil {
			e.debugPath(name, path)
			return &Source{path, text}, nil
		}
	}
	return nil, first
}

// open reads one file.
func (e *Engine) open(path string) (string, error) {
	if e.opt.Open != nil {
		return e.opt.Open(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("m4: include: %w", err)
	}
	defer f.Close()
	var text strings.Builder
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() < maxFile {
		text.Grow(int(info.Size()))
	}
	n, err := io.Copy(&text, io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = syscall.EFBIG
	}
	if err != nil {
		return "", fmt.Errorf("m4: include %s: %w", path, err)
	}
	return text.String(), nil
}

// maxFile bounds what is read from a file, in bytes: include(`/dev/zero') must end.
const maxFile = 64 << 20

func biInclude(e *Engine, args []Arg) string  { return e.include(args, true) }
func biSinclude(e *Engine, args []Arg) string { return e.include(args, false) }

// include begins to read the file that the first argument names. loud says that a file that is not there is an error.
func (e *Engine) include(args []Arg, loud bool) string {
	name := args[1].Text
	e.spend(1)
	src, err := e.find(name)
	if err == nil {
		e.includeFile(src, args[0].Text)
		return ""
	}
	if !loud {
		return ""
	}
	text := ""
	if e.opt.Hooks.Missing != nil {
		text = e.opt.Hooks.Missing(e, name, err)
	}
	if text == "" {
		text = fmt.Sprintf("cannot open `%s': %s", name, Reason(err))
	}
	e.complain(Failure, "%s", text)
	return ""
}

func biDivert(e *Engine, args []Arg) string {
	n := 0
	if len(args) > 1 {
		var ok bool
		if n, ok = e.number(args[0].Text, args[1].Text); !ok {
			return ""
		}
	}
	e.out.selectDiversion(n)
	return ""
}

func biDivnum(e *Engine, _ []Arg) string { return strconv.Itoa(e.out.number) }

// biUndivert brings back diversions; an argument that is no number names a file, whose text is written as it is.
func biUndivert(e *Engine, args []Arg) string {
	if len(args) == 1 {
		e.undivertAll()
	}
	for _, a := range args[1:] {
		if n, err := strconv.Atoi(a.Text); err == nil {
			e.undivert(n)
		} else if a.Text == "" {
			continue
		} else if e.opt.Traditional {
			e.Warn("non-numeric argument to builtin `%s'", args[0].Text)
		} else {
			e.undivertFile(a.Text)
		}
	}
	return ""
}

// undivertFile writes a file's text to the current diversion.
func (e *Engine) undivertFile(name string) {
	src, err := e.find(name)
	if err != nil {
		e.Warn("cannot undivert `%s': %s", name, Reason(err))
		return
	}
	if e.out.current == nil || src.Text == "" {
		return
	}
	at := e.here
	e.insert(&diversion{text: []byte(src.Text), marks: e.fileMarks(src, e.newSite(at.site, "undivert", at.spot, nil))})
}

// fileMarks gives each line of a file its origin.
func (e *Engine) fileMarks(src *Source, s *site) []mark {
	if !e.opt.Lines {
		return nil
	}
	var d diversion
	d.append(src.Text, Origin{at: spot{&source{name: src.Name}, 1, 1}, site: s, body: -1}, true)
	return d.marks
}
