package mc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/oracletest"
)

// probeCount is how many questions each configuration is asked: GOSENDMAIL_PROBES, or enough for every day.
func probeCount() int {
	if n, err := strconv.Atoi(os.Getenv("GOSENDMAIL_PROBES")); err == nil {
		return n
	}
	return 400
}

// compile compiles a text with the embedded library.
func compile(t *testing.T, opt mc.Options, name, text string) string {
	t.Helper()
	out, err := mc.CompileText(opt, name, text)
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Text())
}

// The configuration of a POP-before-SMTP site of 2004. The original lacks its OSTYPE and takes the nearest.
func TestPopBeforeSMTPSite(t *testing.T) {
	text, err := os.ReadFile("testdata/pop-before-smtp.mc")
	if err != nil {
		t.Fatal(err)
	}
	out, err := mc.Compile(mc.Options{}, "testdata/pop-before-smtp.mc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range out.Diagnostics {
		t.Errorf("complaint: %s", d)
	}
	theirs := original(t, strings.Replace(string(text), "solaris9", "solaris8", 1))
	sameLines(t, string(out.Text()), theirs)
	s := newSite(t)
	if said, _ := s.ask(t, "complaints", string(out.Text()), []string{"3,0 x"}); strings.TrimSpace(said) != "" {
		t.Errorf("the original complains of ours: %s", said)
	}
	s.sameAnswers(t, string(out.Text()), theirs, probes(max(probeCount(), 4000)))
}

// Every .mc of the original's tree.
func TestTreeOfTheOriginal(t *testing.T) {
	tree := oracletest.Tree(t)
	files, err := filepath.Glob(filepath.Join(tree, "*/*.mc"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no .mc in %s: %v", tree, err)
	}
	own := t.TempDir() // the lists of UUCP neighbours are the original's data
	if err := os.Symlink(filepath.Join(tree, "siteconfig"), filepath.Join(own, "siteconfig")); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	for _, f := range files {
		t.Run(filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			ours := compile(t, mc.Options{IncludeDirs: []string{own}}, f, string(text))
			theirs := original(t, string(text))
			sameLines(t, ours, theirs)
			if !testing.Short() {
				s.sameAnswers(t, ours, theirs, probes(probeCount()))
			}
		})
	}
}

// One configuration for each feature, mailer, hack and section, and for those that work together.
func TestConfigurations(t *testing.T) {
	oracletest.Root(t)
	archive, err := os.ReadFile("testdata/configurations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	for _, part := range strings.Split(string(archive), "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		t.Run(name, func(t *testing.T) {
			text := complete(text + "\n")
			ours := compile(t, mc.Options{}, name, text)
			theirs := original(t, text)
			sameLines(t, ours, theirs)
			if !testing.Short() {
				s.sameAnswers(t, ours, theirs, probes(probeCount()))
			}
		})
	}
}

// Nothing of the library goes without a configuration of its own.
func TestEveryNameHasAConfiguration(t *testing.T) {
	archive, err := os.ReadFile("testdata/configurations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	withoutOriginal := []string{"fips3", "nodns", "sender_login"} // which has no such files
	for _, kind := range []string{"feature", "hack", "mailer"} {
		for _, name := range mc.Names(kind) {
			if !strings.Contains(string(archive), strings.ToUpper(kind)+"(`"+name+"'") && !slices.Contains(withoutOriginal, name) {
				t.Errorf("no configuration has %s(%s)", strings.ToUpper(kind), name)
			}
		}
	}
}

// complete adds what every configuration needs where the text lacks it.
func complete(text string) string {
	if !strings.Contains(text, "OSTYPE") {
		text = "OSTYPE(`unicos')dnl\ndefine(`ALIAS_FILE', `/etc/mail/aliases')dnl\n" + text
	}
	if !strings.Contains(text, "MAILER(") && !strings.Contains(text, "nullclient") && !strings.Contains(text, "msp") {
		text += "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
	}
	return "divert(0)dnl\n" + text
}

// Every OSTYPE and DOMAIN that the original has too: their settings only.
func TestSystems(t *testing.T) {
	tree := oracletest.Tree(t)
	for _, kind := range []string{"ostype", "domain"} {
		for _, name := range mc.Names(kind) {
			if _, err := os.Stat(filepath.Join(tree, kind, name+".m4")); err != nil {
				continue
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				text := strings.ToUpper(kind) + "(`" + name + "')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\nMAILER(`uucp')dnl\nMAILER(`procmail')dnl\nMAILER(`usenet')dnl\n"
				if kind == "domain" {
					text = "OSTYPE(`linux')dnl\n" + text
				}
				text = "divert(0)dnl\n" + text
				sameLines(t, compile(t, mc.Options{}, name, text), original(t, text))
			})
		}
	}
}
