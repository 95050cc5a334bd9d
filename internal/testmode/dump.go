package testmode

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/macro"
	"gosendmail/internal/mta"
	"gosendmail/rules"
)

// dump does "=S" and "=M".
func (t *session) dump(line string) {
	switch {
	case len(line) == 1:
		t.printf("Usage: =Sruleset or =M\n")
	case line[1] == 'S':
		t.dumpRules(line[2:])
	case line[1] == 'M':
		for _, m := range t.site.Config.Mailers {
			printMailer(t.out, t.site, m)
		}
	default:
		t.printf("Unknown \"=\" command %s\n", line)
	}
}

func (t *session) dumpRules(name string) {
	set, problem := t.site.Sets.Find(name)
	if problem != "" {
		t.problem("", problem)
	}
	if set == nil {
		if start := len(name) - len(strings.TrimLeft(name, blanks)); strings.ContainsAny(name[start:], blanks) {
			name = name[:start+strings.IndexAny(name[start:], blanks)]
		}
		t.printf("Undefined ruleset %s\n", name)
		return
	}
	for i := range set.Rules {
		r := &set.Rules[i]
		t.printf("R%s\t\t%s\n", side(r.LHS), side(r.RHS))
	}
}

// side prints one side of a rule with a blank after each token.
func side(ws rules.Workspace) string {
	var b []byte
	for i := range ws {
		b = append(macro.AppendShow(b, ws[i].Text()), ' ')
	}
	return string(b)
}

// printMailer prints a mailer with all its equates.
func printMailer(w io.Writer, site *mta.Site, m *cf.Mailer) {
	fmt.Fprintf(w, "mailer %d (%s): P=%s S=%s/%s R=%s/%s ", m.Number, m.Name, m.Path, label(site, m.SenderEnvelope),
		label(site, m.SenderHeader), label(site, m.RecipientEnvelope), label(site, m.RecipientHeader))
	fmt.Fprintf(w, "M=%d U=%d:%d F=%s L=%d E=%s", m.MaxSize, m.UID, m.GID, m.Flags, m.LineLimit, macro.Show(m.EOL))
	if m.Charset != "" {
		fmt.Fprintf(w, " C=%s", m.Charset)
	}
	fmt.Fprintf(w, " T=%s/%s/%s r=%d", defined(m.MTAType), defined(m.AddressType), defined(m.DiagnosticType), m.MaxRecipients)
	if len(m.Argv) > 0 {
		var words []string
		for _, a := range m.Argv {
			words = append(words, macro.Show(a))
		}
		fmt.Fprintf(w, " A=%s", strings.Join(words, " "))
	}
	fmt.Fprintln(w)
}

// label names a mailer's ruleset; none is number 0.
func label(site *mta.Site, r *cf.Ruleset) string {
	if r != nil {
		return r.Label()
	}
	if zero := site.Sets.Ruleset("0"); zero != nil {
		return zero.Name
	}
	return "0"
}

func defined(s string) string {
	if s == "" {
		return "<undefined>"
	}
	return s
}

// help does "?": the part of the help file that is about the test mode.
func (t *session) help() {
	lines := t.helpLines("-bt")
	if lines == nil {
		version := mta.Version(t.site)
		t.problem("", "502 5.3.0 Sendmail "+version+" -- HELP not implemented")
		return
	}
	for _, l := range lines {
		t.printf("%s\n", l)
	}
	t.printf("End of HELP info\n")
}

// helpLines are the lines of a topic in the help file: "topic<tab>text".
func (t *session) helpLines(topic string) []string {
	path := t.site.Config.Settings.HelpFile
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var lines []string
	in := bufio.NewScanner(f)
	for in.Scan() {
		key, text, ok := strings.Cut(in.Text(), "\t")
		if !ok || !strings.EqualFold(key, topic) {
			continue
		}
		text = strings.TrimLeft(text, "\t")
		if expanded, err := t.env.Macros.Expand(t.encode(text)); err == nil {
			text = expanded
		}
		lines = append(lines, text)
	}
	return lines
}
