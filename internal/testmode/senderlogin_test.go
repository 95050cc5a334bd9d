package testmode_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/testmode"
)

// TestSenderLogin holds who may send as whom with FEATURE(sender_login). Our rules give the same on the original.
func TestSenderLogin(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "table", "aaa@example.jp|aaa@mail.example.jp\nbbb@|bbb, ccc@x.y\n@all.test|ddd\n<>|aaa@mail.example.jp\n"+
		"list+x@example.jp|eee\nggg@example.jp|aaa@else.jp\n")
	config := func(name, second string) string {
		out, err := mc.CompileText(mc.Options{}, name+".mc", strings.NewReplacer("<<", "`", ">>", "'", "@DIR@", dir).Replace(
			`OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.jp>>)dnl
FEATURE(<<accept_unresolvable_domains>>)dnl
FEATURE(<<no_default_msa>>)dnl
FEATURE(<<sender_login>>, <<text -z| -k0 -v1 @DIR@/table>>`+second+`)dnl
LOCAL_DOMAIN(<<example.jp mail.example.jp>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
`))
		if err != nil {
			t.Fatal(err)
		}
		return write(t, dir, name+".cf", trusting(string(out.Text()), dir))
	}
	const ok, notLoggedIn, notOwned = "", "not logged in", "not owned by user"
	var commands, everybody strings.Builder
	var wants []string
	for _, c := range []struct{ client, login, sender, want string }{
		{"10.0.0.9", "", "<aaa@example.jp>", notLoggedIn},
		{"10.0.0.9", "", "<AAA@Example.jp>", notLoggedIn},
		{"10.0.0.9", "", `<"aaa"@example.jp>`, notLoggedIn},
		{"10.0.0.9", "", "<@relay.test:aaa@example.jp>", notLoggedIn},
		{"10.0.0.9", "", "<aaa+detail@example.jp>", notLoggedIn},
		{"10.0.0.9", "", "<zzz@example.jp>", ok},
		{"10.0.0.9", "", "<bbb@mail.example.jp>", notLoggedIn},
		{"10.0.0.9", "", "<bbb@elsewhere.test>", ok},
		{"10.0.0.9", "", "<any@all.test>", notLoggedIn},
		{"10.0.0.9", "", "<>", ok},
		{"10.0.0.9", "aaa@mail.example.jp", "<aaa@example.jp>", ok},
		{"10.0.0.9", "aaa@mail.example.jp", "<AAA@EXAMPLE.JP>", ok},
		{"10.0.0.9", "aaa@mail.example.jp", "<aaa+detail@example.jp>", ok},
		{"10.0.0.9", "aaa@mail.example.jp", "<>", ok},
		{"10.0.0.9", "aaa@mail.example.jp", "<zzz@example.jp>", notOwned},
		{"10.0.0.9", "aaa@mail.example.jp", "<friend@elsewhere.test>", notOwned},
		{"10.0.0.9", "aaa@mail.example.jp", "<bbb@example.jp>", notOwned},
		{"10.0.0.9", "aaa", "<aaa@example.jp>", ok}, // the host's own realm
		{"10.0.0.9", "aaa", "<ggg@example.jp>", notOwned},
		{"10.0.0.9", "aaa@else.jp", "<ggg@example.jp>", ok},
		{"10.0.0.9", "bbb@mail.example.jp", "<bbb@example.jp>", notOwned},
		{"10.0.0.9", "aaa@mail.example.jp@mail.example.jp", "<aaa@example.jp>", notOwned},
		{"10.0.0.9", "mail.example.jp", "<aaa@example.jp>", notOwned},
		{"10.0.0.9", "ccc@x.y", "<bbb@example.jp>", ok},
		{"10.0.0.9", "bbb", "<bbb@example.jp>", ok},
		{"10.0.0.9", "ccc", "<bbb@example.jp>", notOwned},
		{"10.0.0.9", "bbb", "<>", notOwned},
		{"10.0.0.9", "ddd", "<any@all.test>", ok},
		{"10.0.0.9", "ddd", "<any@sub.all.test>", notOwned},
		{"10.0.0.9", "eee", "<list+x@example.jp>", ok},
		{"10.0.0.9", "eee", "<list@example.jp>", notOwned},
		{"10.0.0.9", "?", "<zzz@q.test>", notOwned},
		{"127.0.0.1", "bbb", "<aaa@example.jp>", notOwned},
		{"127.0.0.1", "", "<aaa@example.jp>", ok},
		{"IPv6:::1", "", "<aaa@example.jp>", ok},
	} {
		method := "PLAIN"
		if c.login == "" {
			method = ""
		}
		fmt.Fprintf(&commands, ".D{client_addr}%s\n.D{auth_type}%s\n.D{auth_authen}%s\ncheck_mail %s\n", c.client, method, c.login, c.sender)
		wants = append(wants, c.want)
	}
	path := config("site", "")
	checkReturns(t, path, commands.String(), wants)
	everybody.WriteString(".D{client_addr}127.0.0.1\ncheck_mail <aaa@example.jp>\n")
	checkReturns(t, config("everybody", ", <<everybody>>"), everybody.String(), []string{notLoggedIn})
	t.Run("on the original", func(t *testing.T) { compare(t, path, commands.String()) })
}

// checkReturns runs check_mail commands in test mode and looks for a text in what each returns; an empty one stands for acceptance.
func checkReturns(t *testing.T, path, commands string, wants []string) {
	t.Helper()
	var out bytes.Buffer
	testmode.Run(context.Background(), load(t, path), strings.NewReader(commands), &out, testmode.Options{})
	var got []string
	for line := range strings.Lines(out.String()) {
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(line, "> "), "check_mail"); ok {
			if _, rest, ok = strings.Cut(rest, "returns: "); ok {
				got = append(got, rest)
			}
		}
	}
	if len(got) != len(wants) {
		t.Fatalf("%d answers, want %d:\n%s", len(got), len(wants), out.String())
	}
	for i, want := range wants {
		if refused := strings.HasPrefix(got[i], "$# error"); refused != (want != "") || !strings.Contains(got[i], want) {
			t.Errorf("command %d: %s, want %q", i, got[i], want)
		}
	}
}
