package compatibility

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gosendmail/cf"
	"gosendmail/cf/mc"
)

// compiled are the lines of what a .mc becomes, without comments, with how often they are there; complaints are lines
// that begin with #.
func compiled(t *testing.T, text string) map[string]int {
	t.Helper()
	out, err := mc.CompileText(mc.Options{}, "row.mc", text)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for _, l := range out.Lines {
		if l.Text != "" && l.Text[0] != '#' {
			lines[l.Text]++
		}
	}
	for _, d := range out.Diagnostics {
		if d.Severity == mc.Complaint {
			lines["# "+d.Text]++
		}
	}
	return lines
}

// TestDefinesBecomeOptions: each define of the document writes its value into its option's line, which is not there
// without it.
func TestDefinesBecomeOptions(t *testing.T) {
	const value = "zz7"
	plain := compiled(t, "OSTYPE(`linux')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n")
	for _, o := range mc.OptionDefines() {
		name, sub, _ := strings.Cut(o.Option, ".")
		if cf.LimitOf(name, sub).Effect != cf.Works {
			continue
		}
		want := "O " + o.Option + "=" + value
		if plain[want] > 0 {
			t.Errorf("%s is there without %s", want, o.Define)
		}
		// Each define is tried alone: one that does nothing must not hide behind another.
		if compiled(t, "OSTYPE(`linux')dnl\ndefine(`"+o.Define+"', `"+value+"')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n")[want] == 0 {
			t.Errorf("%s does not become %s", o.Define, want)
		}
	}
}

// words are what files of the library need before them, or around their call.
var words = map[string]string{
	"feature blocklist_recipients": "FEATURE(`access_db')dnl\n", "feature blacklist_recipients": "FEATURE(`access_db')dnl\n",
	"feature generics_entire_domain": "FEATURE(`genericstable')dnl\n", "feature virtuser_entire_domain": "FEATURE(`virtusertable')dnl\n",
	"feature lookupdotdomain": "FEATURE(`access_db')dnl\n", "feature compat_check": "FEATURE(`access_db')dnl\n",
	"feature delay_checks": "FEATURE(`access_db')dnl\n", "feature ratecontrol": "FEATURE(`access_db')dnl\n", "feature conncontrol": "FEATURE(`access_db')dnl\n",
	"feature queuegroup": "FEATURE(`access_db')dnl\n", "feature limited_masquerade": "MASQUERADE_AS(`m.test')dnl\n",
	"feature masquerade_envelope": "MASQUERADE_AS(`m.test')dnl\n", "feature masquerade_entire_domain": "MASQUERADE_AS(`m.test')MASQUERADE_DOMAIN(`n.test')dnl\n",
	"feature local_no_masquerade": "MASQUERADE_AS(`m.test')dnl\n", "feature allmasquerade": "MASQUERADE_AS(`m.test')dnl\n",
	"feature preserve_luser_host": "define(`LUSER_RELAY', `relay:l.test')dnl\n", "feature notsticky": "define(`MAIL_HUB', `relay:h.test')dnl\n",
	"feature stickyhost": "define(`MAIL_HUB', `relay:h.test')dnl\n", "feature relay_mail_from": "FEATURE(`access_db')dnl\n",
	"feature use_client_ptr": "FEATURE(`access_db')dnl\n", "feature preserve_local_plus_detail": "",
	"mailer uucp": "", "mailer procmail": "",
}

// arguments are those without which a feature does nothing, or is refused.
var arguments = map[string]string{
	"feature bestmx_is_local": "", "feature domainmap": ", `hash /etc/mail/domains', `d.test'", "feature dnsbl": ", `l.test'", "feature enhdnsbl": ", `l.test'",
	"feature rhsbl": ", `l.test'", "feature nullclient": ", `hub.test'", "feature msp": ", `[127.0.0.1]'", "feature prefixmod": ", `x'",
	"feature greet_pause": ", `1000'", "feature queuegroup": ", `q'",
	"hack cssubdomain": "", "feature ldap_routing": "",
}

// TestLibraryFilesAreObeyed: each file of the library that the document says works makes lines of the configuration
// that are not there without its call.
func TestLibraryFilesAreObeyed(t *testing.T) {
	for _, kind := range []string{"feature", "mailer", "hack", "domain", "ostype"} {
		for _, name := range mc.Names(kind) {
			if libraryLimit(kind, name).Effect != cf.Works {
				continue
			}
			key := kind + " " + name
			call := strings.ToUpper(kind) + "(`" + name + "'" + arguments[key] + ")dnl\n"
			before := "OSTYPE(`unknown')dnl\n" + words[key]
			after := "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
			var with, without map[string]int
			switch kind {
			case "ostype":
				smrsh := "FEATURE(`smrsh')dnl\n" // says where the system keeps programs
				with, without = compiled(t, call+smrsh+after), compiled(t, "divert(-1)define(`_OSTYPE_', `x')divert(0)dnl\n"+smrsh+after)
			case "mailer":
				without = compiled(t, before)
				with = compiled(t, before+call)
			default:
				without = compiled(t, before+after)
				with = compiled(t, before+call+after)
			}
			if maps.Equal(with, without) && !same[key] {
				t.Errorf("%s(%s) changes nothing", strings.ToUpper(kind), name)
			}
			if !maps.Equal(with, without) && same[key] {
				t.Errorf("%s(%s) changes something", strings.ToUpper(kind), name)
			}
			if kind == "mailer" && !slices.ContainsFunc(slices.Collect(maps.Keys(with)), func(l string) bool { return l[0] == 'M' && without[l] == 0 }) && !same[key] {
				t.Errorf("MAILER(%s) makes no mailer", name)
			}
		}
	}
}

// same are files that say what holds without them.
var same = map[string]bool{
	"feature notsticky": true, // the library's way since version 8.7
	"mailer local":      true, // the library takes it where nobody asks
}
