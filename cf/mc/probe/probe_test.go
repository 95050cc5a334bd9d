package probe_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosendmail/cf/mc/probe"
)

func TestAnswers(t *testing.T) {
	const out = "x.cf: line 3: odd\nADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n" +
		"> canonify           input: a\ncanonify         returns: a\nParse0   returns: $# local $: a\n" +
		"> > Trying envelope sender address a for mailer local\nRcode = 0, addr = a\n> "
	banner, results := probe.Answers(out)
	if banner != "x.cf: line 3: odd\n" {
		t.Errorf("banner %q", banner)
	}
	if want := []string{"$# local $: a", "", "Rcode = 0, addr = a", ""}; !slices.Equal(results, want) {
		t.Errorf("results %q, want %q", results, want)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range [][3]string{
		{"3,0 a", "$# local $: a", "$# local $: a"},
		{"check_mail a", "a < @ b >", ""}, // only refusals are seen
		{"check_mail a", "$# error $: x", "$# error $: x"},
		{"Relay_ok a", "a", ""},
		{"Relay_ok a", "RELAY", "RELAY"},
		{"ParseRecipient a", "> a < @ b >", "a < @ b >"},
	} {
		if got := probe.Verdict(c[0], c[1]); got != c[2] {
			t.Errorf("Verdict(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// What is asked is the same each time, and about as much as was wanted.
func TestCommands(t *testing.T) {
	first := probe.Commands(6000)
	if !slices.Equal(first, probe.Commands(6000)) {
		t.Error("the commands differ from call to call")
	}
	if len(first) < 6000 || len(first) > 12000 {
		t.Errorf("%d commands", len(first))
	}
	for _, c := range first {
		if strings.ContainsAny(c, "\n\r") {
			t.Errorf("%q is two lines", c)
		}
	}
}

func TestOf(t *testing.T) {
	const cf = "Cwhere.example $j\nC{VirtHost}virt.example\nCO @ %\nDj$w.x\n" +
		"Kaccess hash -o -T<TMPF> /etc/mail/access.db\nKmailertable btree /etc/mail/mailertable\nKnone hash /gone\nKdns dns -R A\n"
	files := map[string]string{
		"/etc/mail/access":      "# a comment\nFrom:spam@bad.example\tREJECT\nConnect:192.0.2\tREJECT\nIPv6:2001:db8\tRELAY\nuser@\tOK\n@any.example\tx\nlone\n",
		"/etc/mail/mailertable": ".sub.example\tsmtp:[hub]\n",
	}
	commands := probe.Of(cf, func(path string) (string, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	})
	for _, want := range []string{
		"3,0 x@here.example", "check_rcpt x@virt.example", "check_mail spam@bad.example", ".D{client_addr}192.0.2", ".D{client_addr}IPv6:2001:db8",
		"check_mail user@host.example", "3,0 probe@any.example", "3,0 probe@sub.sub.example",
	} {
		if !slices.Contains(commands, want) {
			t.Errorf("no command %q", want)
		}
	}
	for _, c := range commands {
		if strings.Contains(c, "$j") || strings.Contains(c, "lone") || strings.Contains(c, "comment") || strings.ContainsAny(c, "%") {
			t.Errorf("command %q", c)
		}
	}
}

func TestAsk(t *testing.T) {
	program := filepath.Join(t.TempDir(), "sendmail")
	script := "#!/bin/sh\necho \"$1 $2 $3\"; echo ADDRESS TEST MODE\nsed 's/.*/> x returns: &/'\nexit 67\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	banner, results, err := probe.Ask(context.Background(), program, "x.cf", []string{"3,0 a", "b"})
	if err != nil || banner != "-bt -C x.cf\n" || !slices.Equal(results, []string{"3,0 a", "b"}) {
		t.Errorf("%q, %q, %v", banner, results, err)
	}
	if _, _, err := probe.Ask(context.Background(), "/bin/true", "x.cf", []string{"a"}); !errors.Is(err, probe.ErrSilent) {
		t.Errorf("error %v", err)
	}
}
