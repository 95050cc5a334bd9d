package main

import (
	"bytes"
	"errors"
	"fmt"
)

// errSkip says that a line holds no record.
var errSkip = errors.New("no record")

// parser reads the lines of a map's source.
type parser struct {
	comment byte
	delim   byte // 0: white space
	fold    bool // keys to lower case (ASCII)
	empty   bool // a record may have no value
}

// parse splits a line into key and value; key is folded in place. A NUL byte ends the line.
func (p *parser) parse(line []byte) (key, value []byte, err error) {
	if i := bytes.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	if len(line) == 0 || line[0] == p.comment {
		return nil, nil, errSkip
	}
	if p.delim == 0 && isSpace(line[0]) {
		return nil, nil, errors.New("syntax error (leading space)")
	}
	end := p.keyEnd(line)
	key, value = line[:end:end], line[end:]
	if p.fold {
		foldKey(key)
	}
	for len(value) > 0 && p.separates(value[0]) {
		value = value[1:]
	}
	if len(value) == 0 && !p.empty {
		return nil, nil, fmt.Errorf("no RHS for LHS %s", key)
	}
	return key, value, nil
}

// keyEnd returns where the key ends.
func (p *parser) keyEnd(line []byte) int {
	if p.delim != 0 {
		if i := bytes.IndexByte(line, p.delim); i >= 0 {
			return i
		}
		return len(line)
	}
	for i, c := range line {
		if isSpace(c) {
			return i
		}
	}
	return len(line)
}

func foldKey(key []byte) {
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			key[i] = c + 'a' - 'A'
		}
	}
}

func (p *parser) separates(c byte) bool {
	if p.delim != 0 {
		return c == p.delim
	}
	return isSpace(c)
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
