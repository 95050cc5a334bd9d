package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// troubles are the words of an address that ruleset Try turns into trouble, with what it does about them.
var troubles = map[string]string{
	"long257": "$(big long257 $)", "long1300": "$(big long1300 $)", "words801": "$(big words801 $)", "words1100": "$(big words1100 $)",
	"quote": "$(big quote $)", "angle": "$(big angle $)", "paren": "$(big paren $)",
	"loop": "LOOP", "recursion": "$>Again x", "nomap": "$(nosuchmap x $: none $)", "noset": "$>NoSuchSet x", "noset2": "$>$(big set $) x",
	"nouser": "$#error", "nouser2": "$#error $@ 5.7.1", "grow": "GROW", "calls": strings.Repeat("$>Same ", 20) + "x", "fine": "x", "refused": "$#error $@ 5.7.1 $: \"550 no\"",
}

// bigValues are what the server of map big answers.
func bigValues(key string) string {
	switch key {
	case "quote":
		return `"abc`
	case "angle":
		return "<<a"
	case "paren":
		return "(a"
	case "set":
		return "Nope"
	}
	n := 0
	fmt.Sscanf(strings.TrimLeft(key, "abcdefghijklmnopqrstuvwxyz"), "%d", &n)
	if strings.HasPrefix(key, "long") {
		return strings.Repeat("x", n)
	}
	return strings.Repeat(".", n)
}

// serveBig answers a socket map.
func serveBig(t *testing.T) (endpoint string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					var n int
					if _, err := fmt.Fscanf(r, "%d:", &n); err != nil {
						return
					}
					b := make([]byte, n+1)
					if _, err := io.ReadFull(r, b); err != nil {
						return
					}
					_, key, _ := strings.Cut(string(b[:n]), " ")
					text := "OK " + bigValues(key)
					fmt.Fprintf(c, "%d:%s,", len(text), text)
				}
			}()
		}
	}()
	return fmt.Sprintf("inet:%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port)
}

// failingConfig is a configuration in which the places that are named call Try.
func failingConfig(t *testing.T, endpoint, place string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "q"), 0o700))
	var b strings.Builder
	fmt.Fprintf(&b, `divert(-1)include(<<%s/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<QUEUE_DIR>>,<<%s/q>>)dnl
define(<<ALIAS_FILE>>,<<>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confDELIVERY_MODE>>,<<q>>)dnl
define(<<confDONT_BLAME_SENDMAIL>>,<<GroupWritableDirPathSafe>>)dnl
FEATURE(<<accept_unresolvable_domains>>)dnl
FEATURE(<<promiscuous_relay>>)dnl
FEATURE(<<nocanonify>>)dnl
FEATURE(<<no_default_msa>>)dnl
LOCAL_CONFIG
Kbig socket -d9s %s
HX-Check: $>Header
MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
`, oracletest.Tree(t), dir, endpoint)
	call := "R$*\t$: $>Try $1\n"
	switch place {
	case "3", "0", "1", "2":
		fmt.Fprintf(&b, "LOCAL_RULE_%s\nR$* < @ $+ > $*\t$: $>Try $1 < @ $2 > $3\n", place)
	}
	b.WriteString("LOCAL_RULESETS\nSTry\n")
	for word, right := range troubles {
		fmt.Fprintf(&b, "R$* %s $*\t$: %s\n", word, right)
	}
	for range 6 {
		b.WriteString("RGROW $*\t$: GROW a b c d e f g h i j k l m n o p q r s t u v w x y z $1 $1\n")
	}
	b.WriteString("RLOOP\tLOOP\nSAgain\nR$*\t$: $>Again $1\nSSame\nR$*\t$: $1\nSHeader\n" + call)
	switch place {
	case "Local_check_mail", "Local_check_rcpt", "check_etrn":
		b.WriteString("S" + place + "\n" + call)
	case "check_data", "check_eoh", "check_eom":
		b.WriteString("S" + place + "\nR$*\t$: $>Try . $&s\n")
	}
	m4 := oracletest.M4(t)
	m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'").Replace(b.String()))
	cf, err := m4.Output()
	must(t, err)
	file := filepath.Join(dir, "x.cf")
	write(t, file, string(cf))
	return file
}

// lastAnswer speaks a dialogue with -bs and returns the answer to its last line.
func lastAnswer(t *testing.T, cmd *exec.Cmd, lines []string) string {
	t.Helper()
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	r := bufio.NewReader(out)
	answer := func() string {
		for {
			line, err := r.ReadString('\n')
			if err != nil || len(line) > 3 && line[3] == ' ' {
				return strings.TrimRight(line, "\r\n")
			}
		}
	}
	last := answer()
	for _, l := range lines {
		io.WriteString(in, l+"\r\n")
		last = answer()
	}
	in.Close()
	io.Copy(io.Discard, r)
	cmd.Wait()
	return last
}

// TestFailedChecksAsTheOriginal: a check whose rules fail, and rules of addresses that fail, refuse, with the original's answer where it
// refuses too; nothing that the original refuses is accepted. All of the troubles are tried with GOSENDMAIL_SLOW.
func TestFailedChecksAsTheOriginal(t *testing.T) {
	oracletest.Root(t)
	if os.Getuid() != 0 {
		t.Skip("the original needs a host name of its own, and that needs root")
	}
	bin := filepath.Join(build(t), "sendmail")
	endpoint := serveBig(t)
	mail := func(w string) []string { return []string{"EHLO x", "MAIL FROM:<" + w + "@a.test>"} }
	rcpt := func(w string) []string {
		return []string{"EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<" + w + "@other.test>"}
	}
	data := func(w string) []string {
		return []string{"EHLO " + w, "MAIL FROM:<a@a.test>", "RCPT TO:<b@other.test>", "DATA"}
	}
	whole := func(w string) []string { return append(data(w), "Subject: x\r\n\r\nx\r\n.") }
	header := func(w string) []string { return append(data("x"), "X-Check: a "+w+"\r\n\r\nx\r\n.") }
	for _, c := range []struct {
		place string
		lines func(word string) []string
		texts bool // the original's answers are ours
	}{
		{"Local_check_mail", mail, true}, {"Local_check_rcpt", rcpt, true}, {"3", mail, true}, {"0", rcpt, true}, {"1", mail, true}, {"2", rcpt, true},
		{"check_etrn", func(w string) []string { return []string{"EHLO x", "ETRN " + w} }, true},
		{"check_data", data, false}, {"check_eoh", whole, false}, {"check_eom", whole, false}, {"header", header, false},
	} {
		t.Run(c.place, func(t *testing.T) {
			cf := failingConfig(t, endpoint, c.place)
			for word := range troubles {
				often := word == "long257" || word == "loop" || word == "noset" || word == "grow" || word == "fine"
				if !often && os.Getenv("GOSENDMAIL_SLOW") == "" || word == "fine" && c.place == "0" { // resolves to a user who is not there
					continue
				}
				ours := lastAnswer(t, exec.Command(bin, "-C", cf, "-bs"), c.lines(word))
				theirs := lastAnswer(t, oracletest.Sendmail(t, "-C", cf, "-bs"), c.lines(word))
				refused := strings.HasPrefix(theirs, "5") || strings.HasPrefix(theirs, "4")
				fails := word != "fine" && word != "quote" && word != "angle" && word != "paren"
				switch {
				case c.texts && ours != theirs, refused && ours != theirs && c.place != "check_data":
					t.Errorf("%s: ours %q, the original %q", word, ours, theirs)
				case !c.texts && fails && !strings.HasPrefix(ours, "5"):
					t.Errorf("%s: accepted with %q; the original says %q", word, ours, theirs)
				}
			}
		})
	}
}
