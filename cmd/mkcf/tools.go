package main

import (
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"gosendmail/internal/safefile"
)

// replace writes a file whole or not at all.
func replace(name string, text []byte) error {
	err := safefile.WriteAtomic(name, fs.FileMode(0o644), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("mkcf: write %s: %w", name, err)
	}
	return nil
}

// explain tells where lines of the .cf come from.
func (c *command) explain() (int, error) {
	if len(c.args) < 2 {
		return exUsage, fmt.Errorf("mkcf: explain needs a line and a file\n%w", errUsage)
	}
	wanted := c.args[0]
	out, status, err := c.build(c.args[1:]...)
	if out == nil || err != nil {
		return status, err
	}
	number, numeric := strconv.Atoi(wanted)
	found := false
	for i, l := range out.Lines {
		if numeric == nil && i+1 != number || numeric != nil && !strings.Contains(l.Text, wanted) {
			continue
		}
		found = true
		fmt.Fprintf(c.stdout, "%d: %s\n", i+1, l.Text)
		source, written := l.Source(), l.Library()
		if source.File != "" {
			fmt.Fprintf(c.stdout, "\tfrom %s\n", source)
		}
		if written != source {
			fmt.Fprintf(c.stdout, "\twritten at %s\n", written)
		}
		for _, call := range l.Stack() {
			if call.Named() {
				fmt.Fprintf(c.stdout, "\tby %s at %s\n", call.Macro, call.At)
			}
		}
	}
	if !found {
		return exDataErr, fmt.Errorf("mkcf: no line of the output is or holds %s", wanted)
	}
	return status, nil
}
