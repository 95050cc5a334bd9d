package maps

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// textMap is class text: a file of columns, read from its beginning for each look-up.
type textMap struct {
	p        *Params
	keyCol   int // from 0
	valueCol int
}

func parseText(p *Params) error {
	if err := parseFlags(p); err != nil {
		return err
	}
	m := &textMap{p: p}
	p.extra = m
	if p.Path != "" && p.Path[0] != '/' {
		return fmt.Errorf("text map %q: file name must be fully qualified", p.Name)
	}
	var err error
	if m.keyCol, err = column(p, "-k", p.KeyCol, p.HasKeyCol); err != nil {
		return err
	}
	m.valueCol, err = column(p, "-v", p.ValCol, p.HasValCol)
	return err
}

// column reads the number of -k or -v; digits at its beginning count.
func column(p *Params, flag, text string, given bool) (int, error) {
	if !given {
		return 0, nil
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.Atoi(text[:digits])
	if err != nil {
		return 0, fmt.Errorf("text map %q, file %s: %s should specify a number, not %s", p.Name, p.Path, flag, text)
	}
	return n, nil
}

func openText(p *Params) (Map, error) { return p.extra.(*textMap), nil }

// Lookup reads the file until a line has the key in its column.
func (m *textMap) Lookup(ctx context.Context, key string, args ...string) (string, error) {
	f, err := m.p.openFile(m.p.Path)
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

// columnOf returns column n of a line: fields between delimiters, or words between white space when there is no delimiter.
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
