package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"gosendmail/cf/mc"
	"gosendmail/cf/mc/probe"
)

// usualProbes is how many questions diff asks about each configuration, besides those about what it names itself.
const usualProbes = 2000

// side is one of two configurations.
type side struct {
	name string
	text string
}

// diff compares two configurations: two files, or one .mc compiled with the library and with the tree of -C.
func (c *command) diff() (int, error) {
	sides, status, err := c.sides()
	if err != nil || status != 0 {
		return status, err
	}
	first, second := mc.Read(sides[0].text), mc.Read(sides[1].text)
	trees := len(c.args) == 1
	asks := c.ask != "" || trees
	differ := false
	set := ""
	for _, d := range first.Differences(second) {
		if d.RuleSet != "" && asks || trees && isVersion(d) {
			continue // rules are compared by their answers; each tree has its version
		}
		differ = true
		if d.RuleSet != set {
			set = d.RuleSet
			fmt.Fprintf(c.stdout, "rule set %s\n", set)
		}
		c.printDifference(d)
	}
	if asks {
		n, err := c.compareAnswers(sides)
		if err != nil {
			return exUnavailable, err
		}
		differ = differ || n > 0
	}
	if differ {
		return exDiffer, nil
	}
	return 0, nil
}

func (c *command) printDifference(d mc.Difference) {
	sign, text := "-", d.First
	if text == "" {
		sign, text = "+", d.Second
	}
	if d.RuleSet != "" {
		text = "R" + text
	}
	fmt.Fprintf(c.stdout, "%s %s\n", sign, text)
}

// isVersion tells whether a line is the definition of the configuration's version, the macro Z.
func isVersion(d mc.Difference) bool { return strings.HasPrefix(d.First+d.Second, "DZ") }

// sides reads or compiles what is to be compared.
func (c *command) sides() ([2]side, int, error) {
	var sides [2]side
	switch {
	case len(c.args) == 1 && c.options.CFDir != "" && strings.HasSuffix(c.args[0], ".mc"):
		tree := c.options.CFDir
		for i, dir := range []string{"", tree} {
			c.options.CFDir = dir
			text, status, err := c.text(c.args[0])
			if err != nil || status != 0 {
				return sides, status, err
			}
			sides[i] = side{cmp.Or(dir, "the library"), text}
		}
		return sides, 0, nil
	case len(c.args) == 2:
		for i, name := range c.args {
			text, status, err := c.text(name)
			if err != nil || status != 0 {
				return sides, status, err
			}
			sides[i] = side{name, text}
		}
		return sides, 0, nil
	}
	return sides, exUsage, fmt.Errorf("mkcf: diff needs two files, or -C and one .mc\n%w", errUsage)
}

// text is that of a .cf, compiled if name is a .mc.
func (c *command) text(name string) (string, int, error) {
	if !strings.HasSuffix(name, ".mc") {
		text, err := c.open(name)
		if err != nil {
			return "", exNoInput, err
		}
		return text, 0, nil
	}
	out, status, err := c.build(name)
	if err != nil {
		return "", status, err
	}
	return string(out.Text()), status, nil
}

// compareAnswers asks a sendmail about both configurations and prints where the answers differ. It returns their
// number.
func (c *command) compareAnswers(sides [2]side) (int, error) {
	program, err := c.asked()
	if err != nil {
		return 0, err
	}
	commands := append(probe.Of(sides[0].text, readTable), probe.Commands(c.probes)...)
	dir, err := os.MkdirTemp("", "mkcf")
	if err != nil {
		return 0, fmt.Errorf("mkcf: diff: %w", err)
	}
	defer os.RemoveAll(dir)
	var banners [2]string
	var answers [2][]string
	for i, s := range sides {
		path := filepath.Join(dir, []string{"first.cf", "second.cf"}[i])
		if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
			return 0, fmt.Errorf("mkcf: diff: %w", err)
		}
		if banners[i], answers[i], err = probe.Ask(context.Background(), program, path, commands); err != nil {
			return 0, fmt.Errorf("mkcf: diff: %s: %w", s.name, err)
		}
		banners[i] = complaints(banners[i], path)
	}
	n := 0
	if banners[0] != banners[1] {
		n++
		fmt.Fprintf(c.stdout, "? (what it says of the file)\n- %s\n+ %s\n", banners[0], banners[1])
	}
	for i, command := range commands {
		a, b := probe.Verdict(command, answers[0][i]), probe.Verdict(command, answers[1][i])
		if a != b {
			n++
			fmt.Fprintf(c.stdout, "? %s\n- %s\n+ %s\n", command, a, b)
		}
	}
	fmt.Fprintf(c.stderr, "mkcf: diff: %d questions to %s: %d answers differ between %s and %s\n", len(commands), program, n, sides[0].name, sides[1].name)
	return n, nil
}

var placeOf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^.*: line \d+: `)
})

// complaints is what a program says of a file before it answers, without the file's name and lines.
func complaints(banner, path string) string {
	return strings.TrimSpace(placeOf().ReplaceAllString(strings.ReplaceAll(banner, path, "the file"), ""))
}

func readTable(path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
}

// asked is the sendmail to ask: that of --ask, or the one beside this program.
func (c *command) asked() (string, error) {
	if c.ask != "" {
		return c.ask, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("mkcf: diff: %w", err)
	}
	program := filepath.Join(filepath.Dir(self), "sendmail")
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("mkcf: diff: no sendmail stands beside %s: name one with --ask", self)
	}
	return program, nil
}
