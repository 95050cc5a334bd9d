package mc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/cf/mc"
)

// damage is one thing that people get wrong in a line. It returns the line as it is if it does not apply.
type damage struct {
	name string
	do   func(line string) string
}

// replaceLast replaces the last old in s.
func replaceLast(s, old, new string) string {
	if i := strings.LastIndex(s, old); i >= 0 {
		return s[:i] + new + s[i+len(old):]
	}
	return s
}

var (
	callName = regexp.MustCompile(`^[A-Za-z]\w{3,}\(`)
	partName = regexp.MustCompile("^(FEATURE|MAILER|OSTYPE|DOMAIN|HACK)(\\(`?)(\\w+)")
	confName = regexp.MustCompile("^(define\\(`conf)([A-Z_]+)")
)

// calls says that a line calls a macro and is damaged by f.
func calls(f func(line string) string) func(line string) string {
	return func(line string) string {
		if callName.MatchString(line) {
			return f(line)
		}
		return line
	}
}

var damages = []damage{
	{"no opening quote", calls(func(l string) string { return strings.Replace(l, "`", "", 1) })},
	{"no closing quote", calls(func(l string) string { return replaceLast(l, "'", "") })},
	{"closing quote is a backquote", calls(func(l string) string { return replaceLast(l, "')", "`)") })},
	{"first closing quote is a backquote", calls(func(l string) string { return strings.Replace(l, "'", "`", 1) })},
	{"opening quote is an apostrophe", calls(func(l string) string { return strings.Replace(l, "`", "'", 1) })},
	{"curly quotes", calls(func(l string) string {
		return strings.Replace(strings.Replace(l, "(`", "(‘", 1), "'", "’", 1)
	})},
	{"double quotes", calls(func(l string) string { return strings.NewReplacer("`", `"`, "'", `"`).Replace(l) })},
	{"no closing parenthesis", calls(func(l string) string { return replaceLast(l, ")", "") })},
	{"one parenthesis too many", calls(func(l string) string { return replaceLast(l, ")", "))") })},
	{"blank before the parenthesis", calls(func(l string) string { return strings.Replace(l, "(", " (", 1) })},
	{"dnl misspelled", func(l string) string { return strings.Replace(l, ")dnl\n", ")dln\n", 1) }},
	{"macro misspelled", calls(func(l string) string { return l[:2] + "q" + l[2:] })},
	{"letters of the macro swapped", calls(func(l string) string {
		return string([]byte{l[0], l[2], l[1]}) + l[3:]
	})},
	{"part misspelled", func(l string) string { return partName.ReplaceAllString(l, "$1${2}q$3") }},
	{"part with a blank", func(l string) string { return partName.ReplaceAllString(l, "$1$2$3 ") }},
	{"define misspelled", func(l string) string { return confName.ReplaceAllString(l, "${1}Q${2}") }},
	{"define with a blank", func(l string) string { return confName.ReplaceAllString(l, "$1$2 ") }},
	{"tabs lost", func(l string) string {
		if strings.HasPrefix(l, "R") {
			return strings.ReplaceAll(l, "\t", "  ")
		}
		return l
	}},
	{"something typed before it", func(l string) string {
		if l[0] >= 'A' && l[0] <= 'Z' {
			return "x " + l
		}
		return l // can be the rest of an argument
	}},
}

// sites are the .mc files whose lines are broken: of a POP-before-SMTP site, of the examples, and one as Debian's are.
func sites(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{"debian-like": debianLike}
	for _, pattern := range []string{"testdata/*.mc", "testdata/sites/*.mc", "../../examples/*/*.mc"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[filepath.Base(f)] = string(text)
		}
	}
	return texts
}

const debianLike = `divert(-1)dnl
# The head of the file isn't read, as cf.m4 hasn't been.
divert(0)dnl
define(` + "`_USE_ETC_MAIL_')dnl" + `
include(` + "`/usr/share/sendmail/cf/m4/cf.m4')dnl" + `
VERSIONID(` + "`like a file of Debian')" + `
OSTYPE(` + "`debian')dnl" + `
DOMAIN(` + "`debian-mta')dnl" + `
dnl # Only this machine may connect.
FEATURE(` + "`no_default_msa')dnl" + `
DAEMON_OPTIONS(` + "`Family=inet,  Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl" + `
define(` + "`confPRIVACY_FLAGS',dnl\n`needmailhelo,needexpnhelo,needvrfyhelo,restrictqrun,restrictexpand,nobodyreturn,authwarnings')dnl" + `
define(` + "`confCONNECTION_RATE_THROTTLE', `15')dnl" + `
FEATURE(` + "`use_cw_file')dnl" + `
FEATURE(` + "`access_db', , `skip')dnl" + `
FEATURE(` + "`greet_pause', `1000')dnl" + `
FEATURE(` + "`delay_checks', `friend', `n')dnl" + `
INPUT_MAIL_FILTER(` + "`clamav', `S=local:/run/clamav-milter.ctl, F=T, T=S:4m;R:4m')dnl" + `
MASQUERADE_AS(` + "`example.org')dnl" + `
EXPOSED_USER(` + "`root')dnl" + `
MAILER(` + "`local')dnl" + `
MAILER(` + "`smtp')dnl" + `
LOCAL_CONFIG
Kown hash /etc/mail/own
LOCAL_RULESETS
SLocal_check_mail
R$*	$: $(own $1 $)
`

// names tells whether a diagnostic is about the line.
func names(d mc.Diagnostic, line int) bool {
	return d.Line == line || strings.Contains(d.Text, fmt.Sprintf("line %d ", line))
}

// more lists the diagnostics that the file has not got when nothing is broken.
func more(broken, whole []mc.Diagnostic) []mc.Diagnostic {
	old := map[string]bool{}
	for _, d := range whole {
		old[d.String()] = true
	}
	return slices.DeleteFunc(slices.Clone(broken), func(d mc.Diagnostic) bool { return old[d.String()] })
}

// Whatever people get wrong in a line, the compiler goes on, and names that line unless the output is what it was. It names it first.
func TestEveryLineBroken(t *testing.T) {
	tried := 0
	for file, text := range sites(t) {
		lines := strings.SplitAfter(text, "\n")
		whole, err := mc.CompileText(mc.Options{}, file, text)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "dnl") || strings.HasPrefix(line, "#") {
				continue
			}
			for _, d := range damages {
				broken := d.do(line)
				if broken == line {
					continue
				}
				tried++
				all := strings.Join(lines[:i], "") + broken + strings.Join(lines[i+1:], "")
				out, err := mc.CompileText(mc.Options{}, file, all)
				if err != nil {
					t.Fatalf("%s:%d, %s: %q: %v", file, i+1, d.name, broken, err)
				}
				told := string(out.Text()) == string(whole.Text())
				if said := more(out.Diagnostics, whole.Diagnostics); len(said) > 0 {
					told = told || names(said[0], i+1)
				} else {
					told = told || slices.ContainsFunc(out.Lint(), func(d mc.Diagnostic) bool { return names(d, i+1) })
				}
				if !told {
					t.Errorf("%s:%d, %s: %q: %v", file, i+1, d.name, broken, out.Diagnostics)
				}
			}
		}
	}
	t.Logf("%d broken files", tried)
}
