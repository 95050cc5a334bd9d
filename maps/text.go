package maps

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// textMap is class text: a file of columns, read from its beginning for each look-up.
type textMap struct {
	p        *Params
	keyCol   int // from 0
	valueCol int

	mu     sync.Mutex
	reason string // last failure that was reported
}

func parseText(p *Params) error {
	p.extra = &textMap{p: p}
	return parseFlags(p)
}

// column reads the number of -k or -v; digits at its beginning count.
func column(p *Params, flag, text string, given bool) (int, error) {
	if !given {
		return 0, nil
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.Atoi(text[:digits])
	if err != nil {
		return 0, &openError{words: fmt.Sprintf("text map \"%s\", file %s: %s should specify a number, not %s", p.Name, p.Path, flag, text)}
	}
	return n, nil
}

func openText(p *Params) (Map, error) {
	m := p.extra.(*textMap)
	if p.Path[0] != '/' {
		return nil, &openError{words: fmt.Sprintf("text map \"%s\": file name must be fully qualified", p.Name)}
	}
	var err error
	if m.keyCol, err = column(p, "-k", p.KeyCol, p.HasKeyCol); err != nil {
		return nil, err
	}
	m.valueCol, err = column(p, "-v", p.ValCol, p.HasValCol)
	return m, err
}

// ready reports whether the file can be opened.
func (m *textMap) ready() error {
	f, err := m.open()
	if err != nil {
		return err
	}
	return f.Close()
}

// open opens the file, and tells the operator where it cannot.
func (m *textMap) open() (*os.File, error) {
	f, err := m.p.openFile(m.p.Path)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.reason = ""
	case !m.p.Optional:
		m.p.report(&m.reason, fmt.Sprintf("text map \"%s\": unsafe map file %s", m.p.Name, m.p.Path), err)
	}
	return f, err
}

// Lookup reads the file until a line has the key in its column.
func (m *textMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	f, err := m.open()
	if err != nil {
		if m.p.Optional {
			return "", missing(exUnavailable, err)
		}
		return "", tempFail(err)
	}
	defer f.Close()
	value, err := m.search(f, key)
	if err != nil {
		return "", err
	}
	return m.p.Result(ctx, key, value, args), nil
}

func (m *textMap) search(r io.Reader, key string) (string, error) {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadString('\n')
		if err != nil && err != io.EOF {
			return "", tempFail(err)
		}
		if line == "" {
			return "", errNoHost
		}
		if line[0] == '#' {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		k, ok := columnOf(line, m.keyCol, m.p.Delim)
		if !ok || !strings.EqualFold(k, key) {
			continue
		}
		v, ok := columnOf(line, m.valueCol, m.p.Delim)
		if !ok {
			return "", errNoHost
		}
		return v, nil
	}
}

// columnOf returns column n of a line: fields between delimiters, or words between white space when there is no
// delimiter.
func columnOf(line string, n int, delim byte) (string, bool) {
	if delim == 0 {
		if n > 0 && line != "" && isBlank(rune(line[0])) {
			n-- // the original sees an empty first word then, but not when it looks for the first
		}
		f := strings.FieldsFunc(line, isBlank)
		if n >= len(f) {
			return "", false
		}
		return f[n], true
	}
	for ; n > 0; n-- {
		_, rest, ok := strings.Cut(line, string(delim))
		if !ok {
			return "", false
		}
		line = rest
	}
	v, _, _ := strings.Cut(line, string(delim))
	return v, true
}

func isBlank(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

// Close does nothing.
func (m *textMap) Close() error { return nil }
