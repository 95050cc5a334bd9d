package testmode_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// scraps are what broken addresses are made of: all that the scanner gives a meaning, control characters and bytes
// beyond ASCII, those among them that stand for macros and operators.
var scraps = []string{"a", "bob", "@", ".", `"`, `\`, "(", ")", "<", ">", ",", ";", ":", "%", "!", "[", "]", " ", "\t",
	`"`, `\`, "/", "=", "+", "-", "\x01", "\xff", "\x80", "\x9f", "\x81", "\x7f", "\x1f", "example.test", "tls_rcpt",
	"$", "|", "\xa0", "\xe4", `""`, `\"`, "'", "\x08", "\x0b", "\x0c", "\xc3\xbc", "$h",
	"{", "}", strings.Repeat("x", 40), "\x00"}

// scanned are so many commands with broken addresses.
func scanned(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	sets := []string{"3", "0", "3,0", "tls_rcpt", "canonify", "4", "5", "3,1,4", "check_mail"}
	var b strings.Builder
	for range n {
		b.WriteString(sets[r.IntN(len(sets))] + " ")
		for range 1 + r.IntN(9) {
			b.WriteString(scraps[r.IntN(len(scraps))])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestScannerOnBrokenInput holds what the scanner makes of broken addresses, with all rewriting behind it, to be the
// original's: 5,000 of them, 100,000 with GOSENDMAIL_SLOW.
func TestScannerOnBrokenInput(t *testing.T) {
	tree := oracletest.Tree(t)
	m4 := oracletest.M4(t, "-D_CF_DIR_="+tree+"/", tree+"/m4/cf.m4", "-")
	m4.Stdin = strings.NewReader("OSTYPE(`linux')dnl\nFEATURE(`nocanonify')dnl\n" +
		"FEATURE(`accept_unresolvable_domains')dnl\n" +
		"define(`confDOMAIN_NAME',`mail.example.test')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\nMAILER(`uucp')dnl\n")
	out, err := m4.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := 5000
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		n = 100_000
	}
	const seed = 9
	t.Logf("seed %d, %d addresses", seed, n)
	compare(t, write(t, dir, "sendmail.cf", trusting(string(out), dir)), scanned(seed, n))
}
