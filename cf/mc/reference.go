package mc

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

var (
	summary = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^dnl (?:FEATURE|MAILER|OSTYPE|DOMAIN|HACK): (.*)$`)
	})
	optLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("(?m)^_OPT_\\(`([^']*)', `([^']*)', ?(?:`(.*)')?, `([^']*)'\\)")
	})
	wordLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^dnl ([A-Z][A-Z_0-9]+)(\([^)]*\))?: (.*)$`) })
	section  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^# ---- Options: (.*)$`) })
)

// Reference describes the library in Markdown: every word, feature, mailer, system and define with a line, taken from
// the comments of the library's own files.
func Reference() string {
	var b strings.Builder
	b.WriteString("## Words of a .mc\n\n| word | meaning |\n|---|---|\n")
	for _, file := range []string{"words", "values"} {
		text, _ := library.ReadFile("library/m4/" + file + ".m4") // embedded: always there
		for _, m := range wordLine().FindAllStringSubmatch(string(text), -1) {
			fmt.Fprintf(&b, "| `%s%s` | %s |\n", m[1], m[2], cell(m[3]))
		}
	}
	for _, kind := range []string{"feature", "mailer", "hack", "domain", "ostype"} {
		fmt.Fprintf(&b, "\n## %s\n\n| name | meaning |\n|---|---|\n", kinds[kind])
		for _, name := range Names(kind) {
			text, _ := library.ReadFile("library/" + kind + "/" + name + ".m4")
			meaning := ""
			if m := summary().FindStringSubmatch(string(text)); m != nil {
				meaning = m[1]
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", name, cell(meaning))
		}
	}
	writeOptions(&b)
	return b.String()
}

// OptionDefine is a define of a .mc and the option that it becomes.
type OptionDefine struct{ Define, Option string }

// OptionDefines lists the defines that become options, in the library's order.
func OptionDefines() []OptionDefine {
	var list []OptionDefine
	for _, file := range []string{"head", "options"} {
		text, _ := library.ReadFile("library/m4/" + file + ".m4") // embedded: always there
		for _, m := range optLine().FindAllStringSubmatch(string(text), -1) {
			list = append(list, OptionDefine{Define: m[2], Option: m[1]})
		}
	}
	return list
}

// writeOptions lists the defines that become options, by the sections of their file.
func writeOptions(b *strings.Builder) {
	b.WriteString("\n## Defines that become options\n")
	for _, file := range []string{"head", "options"} {
		text, _ := library.ReadFile("library/m4/" + file + ".m4")
		heads := section().FindAllStringSubmatchIndex(string(text), -1)
		heads = append(heads, []int{len(text), len(text), len(text), len(text)})
		writeTable(b, "Before all others", string(text[:heads[0][0]]))
		for i := range len(heads) - 1 {
			writeTable(b, string(text[heads[i][2]:heads[i][3]]), string(text[heads[i][1]:heads[i+1][0]]))
		}
	}
}

func writeTable(b *strings.Builder, title, text string) {
	lines := optLine().FindAllStringSubmatch(text, -1)
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n| define | option | without it | meaning |\n|---|---|---|---|\n", title)
	for _, m := range lines {
		usual := strings.NewReplacer("MAIL_SETTINGS_DIR`'", "/etc/mail/").Replace(m[3])
		if usual != "" {
			usual = "`" + usual + "`"
		}
		fmt.Fprintf(b, "| `%s` | `%s` | %s | %s |\n", m[2], m[1], cell(usual), cell(m[4]))
	}
}

// cell makes a text fit into a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
