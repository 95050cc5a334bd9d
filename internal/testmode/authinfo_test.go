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

// TestAuthinfoBySender holds which account mail of a sender takes at a provider. Our rules give the same on the
// original.
func TestAuthinfoBySender(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "table", `AuthInfo:smtp.provider.test|"U:everybody" "P:x"
AuthInfo:smtp.provider.test/aaa@example.jp|"U:aaa" "P:x"
AuthInfo:smtp.provider.test/@club.test|"U:club" "P:x"
AuthInfo:10.9.9.9|"U:number" "P:x"
AuthInfo:other.test/bbb@example.jp|"U:bbb" "P:x"
`)
	out, err := mc.CompileText(mc.Options{}, "site.mc", strings.NewReplacer("<<", "`", ">>", "'", "@DIR@", dir).Replace(
		`OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.jp>>)dnl
FEATURE(<<no_default_msa>>)dnl
FEATURE(<<authinfo>>, <<text -z| -k0 -v1 @DIR@/table>>, <<by_sender>>)dnl
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
`))
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, dir, "site.cf", trusting(string(out.Text()), dir))
	var commands strings.Builder
	var wants []string
	for _, c := range []struct{ server, addr, sender, want string }{
		{"smtp.provider.test", "10.1.1.1", "aaa@example.jp", `"U:aaa"`},
		{"smtp.provider.test", "10.1.1.1", "<AAA@Example.JP>", `"U:aaa"`},
		{"smtp.provider.test", "10.1.1.1", "bbb@example.jp", `"U:everybody"`},
		{"smtp.provider.test", "10.1.1.1", "any@club.test", `"U:club"`},
		{"smtp.provider.test", "10.1.1.1", "any@sub.club.test", `"U:everybody"`},
		{"smtp.provider.test", "10.1.1.1", `"a@club.test"@example.jp`, `"U:everybody"`},
		{"smtp.provider.test", "10.1.1.1", "", `"U:everybody"`},
		{"smtp.provider.test", "10.1.1.1", "<>", `"U:everybody"`},
		{"smtp.provider.test", "10.1.1.1", "alice", `"U:everybody"`},
		{"other.test", "10.1.1.2", "bbb@example.jp", `"U:bbb"`},
		{"other.test", "10.1.1.2", "aaa@example.jp", "no"},
		{"stranger.test", "10.9.9.9", "aaa@example.jp", `"U:number"`},
		{"stranger.test", "10.9.9.8", "aaa@example.jp", "no"},
	} {
		fmt.Fprintf(&commands, ".D{server_name}%s\n.D{server_addr}%s\n.Df%s\nauthinfo %s\n",
			c.server, c.addr, c.sender, c.server)
		wants = append(wants, c.want)
	}
	var got bytes.Buffer
	testmode.Run(context.Background(), load(t, path), strings.NewReader(commands.String()), &got, testmode.Options{})
	var answers []string
	for line := range strings.Lines(got.String()) {
		if _, rest, ok := strings.Cut(line, "returns: "); ok && strings.Contains(line, "authinfo") {
			answers = append(answers, rest)
		}
	}
	if len(answers) != len(wants) {
		t.Fatalf("%d answers, want %d:\n%s", len(answers), len(wants), got.String())
	}
	for i, want := range wants {
		if !strings.Contains(answers[i], want) {
			t.Errorf("command %d: %s, want %s", i, answers[i], want)
		}
	}
	t.Run("on the original", func(t *testing.T) { compare(t, path, commands.String()) })
}
