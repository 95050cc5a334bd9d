package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// Nobody who is named in a message that was accepted may vanish, whatever the original does with it: he has got it, or
// waits in the queue, or somebody was told of him.

// unaccounted names the recipients of a case of whom there is no trace. told is what was said to the one who handed it
// in.
func (l *drainLab) unaccounted(t *testing.T, c *drainCase, r result, told string) []string {
	t.Helper()
	if c.silent() || strings.Contains(told, "exit ") && !strings.Contains(told, "exit 0\n") {
		return nil // the caller knows, by the exit status at least
	}
	a := oracletest.Account{Peers: r["peers"], Queue: r["queue"], Told: told + r["mail"] + strings.ReplaceAll(r["peers"], "\nD: ", "\n"), Aliases: l.aliases(t)}
	for box := range strings.SplitSeq(r["mail"], "=====\n") {
		a.Mailboxes = append(a.Mailboxes, boxOf(box)...)
	}
	return a.Missing(slices.DeleteFunc(slices.Clone(c.named), func(n string) bool { return n == "null" || strings.Contains(n, `"`) }))
}

// silent reports whether the sender of a case does not want to be told, or nobody can be.
func (c *drainCase) silent() bool {
	words := strings.Join(append(slices.Clone(c.args), c.rcpts...), " ") + c.stdin
	if regexp.MustCompile(`DoubleBounceAddress= |DoubleBounceAddress=$`).MatchString(words + " ") {
		return true
	}
	if regexp.MustCompile(`-f(rej|nosuch|x@nohost)`).MatchString(words) && regexp.MustCompile(`-Rhdrs|Precedence: |nobodyreturn`).MatchString(words) {
		return true // the postmaster gets the header of a report
	}
	m := regexp.MustCompile(`(?:-N|NOTIFY=)(\S+)`).FindStringSubmatch(words)
	return m != nil && !strings.Contains(strings.ToLower(m[1]), "failure")
}

var (
	recordedUser = regexp.MustCompile(`(?m)^ \[-d\]\n \[(.*)\]$`)
	recordedWord = regexp.MustCompile(`(?m)^ \[(.*)\]$`)
	keptFile     = regexp.MustCompile(`(?m)^== (.+) -[rwx-]{9} `)
)

// boxOf is where a recorded delivery went: the user of the local mailer, the words of another program, the name of a
// file.
func boxOf(recorded string) (boxes []string) {
	if m := keptFile.FindStringSubmatch(recorded); m != nil {
		return []string{m[1]}
	}
	head, _, _ := strings.Cut(recorded, "\nid: ")
	if m := recordedUser.FindStringSubmatch(head); m != nil {
		return []string{m[1]}
	}
	for _, m := range recordedWord.FindAllStringSubmatch(head, -1) {
		local, _, _ := strings.Cut(m[1], "@")
		boxes = append(boxes, local)
	}
	return boxes
}

// aliases are the members of the site's aliases, lists and .forward files; programs stand by their first argument.
func (l *drainLab) aliases(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("/etc/mail/aliases")
	must(t, err)
	all := map[string][]string{"erin": {"/home/erin/box"}}
	lists, err := filepath.Glob("/home/lists/*")
	must(t, err)
	for _, path := range lists {
		all[":include:"+path] = members(t, ":include:"+path)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		all[name] = members(t, value)
	}
	return all
}

var memberForm = regexp.MustCompile(`"\|(?:\\.|[^"])*"|"[^"]*"|[^,\s]+`)

func members(t *testing.T, list string) (names []string) {
	t.Helper()
	for _, m := range memberForm.FindAllString(list, -1) {
		path, included := strings.CutPrefix(m, ":include:")
		switch {
		case included:
			text, err := os.ReadFile(path)
			if err != nil {
				names = append(names, m)
				continue
			}
			names = append(names, members(t, regexp.MustCompile(`(?m)^#.*`).ReplaceAllString(string(text), ""))...)
		case strings.HasPrefix(m, `"|/home/rec `):
			names = append(names, strings.Fields(strings.Trim(m[len(`"|/home/rec `):], `"`))[0])
		default:
			names = append(names, strings.TrimPrefix(strings.Trim(m, `"`), `\`))
		}
	}
	return names
}

// accounted fails where someone to whom a message was sent is neither delivered to, queued nor reported.
func (s *stand) accounted(t *testing.T, list []outgoing, got []left) {
	t.Helper()
	for i := range list {
		a := oracletest.Account{Peers: "", Queue: got[i]["queue"], Told: got[i]["output"] + got[i]["mail"], Log: got[i]["log"]}
		named := slices.DeleteFunc(slices.Clone(list[i].args), func(w string) bool { return strings.HasPrefix(w, "-") })
		if lost := a.Missing(named); len(lost) > 0 {
			t.Errorf("%d %s: of %q nothing is known\n%v", i, list[i].title, lost, got[i])
		}
	}
}

// appendTo adds text to a file.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	old, err := os.ReadFile(path)
	must(t, err)
	write(t, path, string(old)+text)
}
