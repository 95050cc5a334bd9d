package mc_test

import (
	"io/fs"
	"strings"
	"testing"

	"gosendmail/cf/mc"
)

func TestDiagnostics(t *testing.T) {
	const head = "OSTYPE(`linux')dnl\n"
	for _, test := range []struct{ text, want string }{
		{"OSTYPE(`linx')\n", "x.mc:1:1: error: OSTYPE(linx) is not known (did you mean linux?)"},
		{head + "dnl\nFEATURE(`acces_db')\n", "x.mc:3:1: error: FEATURE(acces_db) is not known (did you mean access_db?)"},
		{head + "MAILER(`stmp')\n", "x.mc:2:1: error: MAILER(stmp) is not known (did you mean smtp?)"},
		{head + "DOMAIN(`generc')\n", "x.mc:2:1: error: DOMAIN(generc) is not known (did you mean generic?)"},
		{head + "HACK(`xconect')\n", "x.mc:2:1: error: HACK(xconect) is not known (did you mean xconnect?)"},
		{head + "HACK(`zzzzzzzz')\n", "x.mc:2:1: error: HACK(zzzzzzzz) is not known"},
		{head + "define(`confTO_IDNT', `0')\n", "x.mc:2:1: warning: confTO_IDNT is not known and has no effect (did you mean confTO_IDENT?)"},
		{head + "FEATUER(`redirect')\n", "x.mc:2:1: warning: FEATUER is no macro (did you mean FEATURE?)"},
		{head + "MAILER(`local')\nFEATURE(`redirect')\n", "x.mc:3:1: error: FEATURE(redirect) comes too late, after a MAILER"},
		{head + "MAILER(`smtp')\nMAILER(`smtp')\n", "x.mc:3:1: error: MAILER(smtp) is there already"},
		{head + "FEATURE(`access_db', `hash /etc/mail/access')\n", "x.mc:2:1: warning: the map of FEATURE(access_db, hash /etc/mail/access) lacks -T<TMPF>"},
		{head + "FEATURE(`blocklist_recipients')\n", "x.mc:2:1: error: FEATURE(blocklist_recipients) needs FEATURE(access_db) before it"},
		{"FEATURE(`redirect')\n", "x.mc: error: no OSTYPE names the operating system"},
		{head + "FEATURE(`nodns')\n", "x.mc:2:1: warning: FEATURE(nodns) has no effect"},
		{head + "FEATURE(`fips3')\n", "x.mc:2:1: error: FEATURE(fips3) sets up OpenSSL, which is not used here"},
		{head + "define(`confOPENSSL_CNF', `/etc/mail/sendmail.ossl')\n", "x.mc: warning: confOPENSSL_CNF has no effect: TLS here does without OpenSSL"},
		{head + "include(`/none/such.m4')\n", "x.mc:2:1: error: cannot include /none/such.m4: No such file or directory"},
		// Quotes.
		{head + "FEATURE(`access_db)dnl\nMAILER(`smtp')dnl\n", "x.mc:2:9: error: the quote that opens here never ends: the line lacks a ' after `access_db"},
		{head + "include(`x.m4')dnl\nFEATURE(`access_db)dnl\n", "x.mc:3:9: error: the quote that opens here never ends: the line lacks a ' after `access_db"},
		{head + "define(`confTO_IDENT`, `0')dnl\n", "x.mc:2:8: error: the quote that opens here never ends: the line closes a text with ` where ' belongs"},
		{head + "MAILER(`smtp`)dnl\n", "x.mc:2:8: error: the quote that opens here never ends: the line closes a text with ` where ' belongs"},
		{head + "define(`x', `one\ntwo\n", "x.mc:2:13: error: the quote that opens here never ends: it lacks a '"},
		{head + "define(`x', `FEATURE(`redirect')\nFEATURE(`drac)\nHACK(`nodns')\n')dnl\nx\n", "x.mc:2:13: error: the quote that opens here never ends: line 3 lacks a ' after `drac"},
		{head + "# don't look at `this\nMAILER(`smtp')\n", "x.mc:2:17: error: the quote that opens here never ends"},
		{head + "FEATURE(access_db')dnl\n", "x.mc:2:1: error: FEATURE(access_db') is not known (did you mean access_db?)"},
		{head + "FEATURE(access_db')dnl\n", "x.mc:2:18: warning: ' closes a quote that no ` opens"},
		{head + "define(confTO_IDENT', `0')dnl\n", "x.mc:2:20: warning: ' closes a quote that no ` opens"},
		{head + "define('confTO_IDENT', `0')dnl\n", "x.mc:2:8: warning: a quote opens with ` (backquote), not with '"},
		{head + "define(`confSMTP_LOGIN_MSG', `$j don't ask')dnl\n", "x.mc:2:43: warning: ' closes a quote that no ` opens: the text before it lacks its `, or ends early at an apostrophe"},
		{head + "define(\"confTO_IDENT\", \"0\")dnl\n", "x.mc:2:8: warning: \" is no quote of m4: a quoted text begins with ` and ends with '"},
		{head + "FEATURE(‘redirect’)dnl\n", "x.mc:2:9: warning: ‘ is no quote of m4: a quoted text begins with ` and ends with '"},
		{head + "FEATURE(‘redirect’)dnl\n", "x.mc:2:1: error: FEATURE(‘redirect’) is not known (did you mean redirect?)"},
		{head + "define(´confTO_IDENT´, ´0´)dnl\n", "x.mc:2:8: warning: ´ is no quote of m4"},
		{head + "define(`confTO_IDENT ', `0')dnl\n", "x.mc:2:1: warning: define of \"confTO_IDENT \" has no effect: that is not the name of a macro (did you mean confTO_IDENT?)"},
		// Parentheses.
		{head + "FEATURE(`redirect'dnl\nMAILER(`smtp')\n", "x.mc:2:1: error: the call of FEATURE that begins here never ends: it lacks a )"},
		{head + "ifdef(`x', `FEATURE(`redirect')', `HACK(`nodns')'\nMAILER(`smtp')\n", "x.mc:2:1: error: the call of ifdef that begins here never ends: it lacks a )"},
		{head + "FEATURE (`redirect')dnl\n", "x.mc:2:1: error: FEATURE needs a name in parentheses, with no space before them"},
		{head + "FEATURE(`redirect'))dnl\n", "x.mc:2:20: warning: \")\" is no line of a configuration"},
		{head + "FEATURE(access_db, hash /etc/mail/access')dnl\n", "x.mc:2:1: error: what FEATURE gives here never ends: a quote or a parenthesis in its arguments lacks its partner"},
		{head + "FEATUER(`access_db')\nFEATURE(`blocklist_recipients')\n", "x.mc:2:1: warning: FEATUER is no macro (did you mean FEATURE?)\nx.mc:3:1: error:"},
		// Lines that are no lines of a configuration.
		{head + "FEATURE(`redirect')dln\n", "x.mc:2:20: warning: \"dln\" is no line of a configuration, and no call of a macro that is known"},
		{head + "LOCAL_RULESETS\nSx\nR$*  $: x\n", "x.mc:4:1: warning: the rule has no tab: tabs, not spaces, end its left side"},
		{head + "LOCAL_RULESET\nSx\nR$*\t$: x\n", "x.mc:2:1: warning: LOCAL_RULESET is no macro; the line goes into the output as it is (did you mean LOCAL_RULESETS?)"},
		{head + "divret(-1)\nx\ndivert(0)dnl\n", "x.mc:2:1: warning: divret is no macro (did you mean divert?)"},
		{head + "MASQUERADE_AS (`x.y')dnl\n", "x.mc:2:1: warning: the parenthesis must follow MASQUERADE_AS at once"},
		// Names.
		{head + "define(`SMARTHOST', `x')dnl\n", "x.mc:2:1: warning: SMARTHOST is not used by anything (did you mean SMART_HOST?)"},
		{head + "define(`MAIL_SETINGS_DIR', `/x/')dnl\n", "x.mc:2:1: warning: MAIL_SETINGS_DIR is not used by anything (did you mean MAIL_SETTINGS_DIR?)"},
		{head + "define(ALIAS_FILE, `/etc/aliases')dnl\n", "x.mc:2:1: warning: define of \"/etc/mail/aliases\" has no effect: that is not the name of a macro, but what ALIAS_FILE stands for: write `ALIAS_FILE'"},
		// Files of other systems.
		{"\ufeff" + strings.ReplaceAll(head+"FEATUER(`redirect')\n", "\n", "\r\n"), "x.mc:2:1: warning: FEATUER is no macro (did you mean FEATURE?)"},
	} {
		out, _ := mc.CompileText(mc.Options{}, "x.mc", test.text)
		var all []string
		for _, d := range out.Diagnostics {
			all = append(all, d.String())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, test.want) {
			t.Errorf("%q:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// What is right, though it looks odd, causes no word.
func TestNoDiagnostics(t *testing.T) {
	const head = "OSTYPE(`linux')dnl\n"
	for _, text := range []string{
		head + "MAILER(`smtp')dnl\nLOCAL_RULESETS\nSx\n# don't\nR$* ( $* ) $*\t$: it's\nR$-\n\t$: $1\n",
		head + "define(`OWN', `x')dnl\nDAEMON_OPTIONS(`Name='OWN`, Port=25')dnl\n",
		head + "dnl don't say FEATURE('x\n",
		head + "FEATURE(access_db)dnl\ndefine(confTO_IDENT, 0)dnl\nMODIFY_MAILER_FLAGS(`LOCAL', `+A')dnl\n",
		"divert(-1)\n# it's FEATURE(`x') and more\ndivert(0)dnl\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n" + head,
		"\ufeff" + strings.ReplaceAll(head+"define(`confTO_IDENT', `0')dnl\nLOCAL_CONFIG\nDxy\n", "\n", "\r\n"),
	} {
		out, err := mc.CompileText(mc.Options{}, "x.mc", text)
		if err != nil || len(out.Diagnostics) > 0 {
			t.Errorf("%q: %v, %v", text, out.Diagnostics, err)
		}
		if strings.Contains(string(out.Text()), "\r") {
			t.Errorf("%q: carriage returns in the output", text)
		}
	}
}

// A file that an editor saved as UTF-16 is told by name and by how it begins.
func TestUTF16(t *testing.T) {
	_, err := mc.CompileText(mc.Options{}, "x.mc", "\xff\xfed\x00n\x00l\x00 \x00x\x00\n\x00")
	if err == nil || !strings.Contains(err.Error(), `x.mc: the file is UTF-16: save it as UTF-8 or ASCII (it begins with "dnl x")`) {
		t.Errorf("error %v", err)
	}
}

// A loop that complains ends, and what it says does not fill the memory.
func TestManyDiagnostics(t *testing.T) {
	out, err := mc.CompileText(mc.Options{Steps: 5_000_000}, "x.mc", "OSTYPE(`linux')\ndefine(`f', `len(1,2)f')f\n")
	if err == nil || !strings.Contains(err.Error(), "budget of 5000000 steps exceeded") {
		t.Errorf("error %v", err)
	}
	if n := len(out.Diagnostics); n != 1001 || !strings.HasSuffix(out.Diagnostics[n-1].Text, " more complaints are left out") {
		t.Errorf("%d diagnostics, the last %v", n, out.Diagnostics[n-1])
	}
}

// What is wrong in a file that the site's file includes is told with the place in both.
func TestDiagnosticsOfIncludedFiles(t *testing.T) {
	files := map[string]string{
		"quote.m4": "dnl\nFEATURE(`redirect)dnl\n", "call.m4": "\n FEATURE(`redirect'\n", "name.m4": "FEATURE(`redirct')dnl\n",
	}
	open := func(name string) (string, error) {
		if text, ok := files[name]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	for file, want := range map[string]string{
		"quote.m4": "x.mc:2:1: error: the quote that opens at quote.m4:2:9 never ends",
		"call.m4":  "x.mc:2:1: error: the call of FEATURE that begins at call.m4:2:2 never ends: it lacks a )",
		"name.m4":  "x.mc:2:1: error: FEATURE(redirct) is not known (did you mean redirect?)\n\tname.m4:1:1: in FEATURE\n",
	} {
		out, err := mc.CompileText(mc.Options{Open: open}, "x.mc", "OSTYPE(`linux')dnl\ninclude(`"+file+"')dnl\nMAILER(`smtp')dnl\n")
		if err != nil || len(out.Diagnostics) != 1 {
			t.Fatal(file, err, out.Diagnostics)
		}
		if d := out.Diagnostics[0]; !strings.HasPrefix(d.String()+"\n"+d.Trace(), want) {
			t.Errorf("%s: %s\n%s", file, d, d.Trace())
		}
	}
}
