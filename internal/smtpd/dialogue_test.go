package smtpd

import (
	"bufio"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
)

var update = flag.Bool("update", false, "write the answers of both servers into testdata/dialogue")

// The files of testdata/dialogue are dialogues. A line
//
//	C: what the client sends, in Go's escapes, CRLF added unless it ends in \c
//	S: what both servers answer
//	G: what we answer        O: what the original answers, where they differ
//
// # begins a comment. A ! in place of an answer means that the connection ends.

// step is what the client sends and the answers to it.
type step struct {
	comment      []string
	send         string
	ours, theirs []string
}

func readDialogue(t *testing.T, file string) (steps []*step) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps = []*step{{}} // the greeting
	var comment []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		kind, text, _ := strings.Cut(line, ": ")
		last := steps[len(steps)-1]
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			comment = append(comment, line)
		case kind == "C" || line == "C:":
			steps = append(steps, &step{send: text, comment: comment})
			comment = nil
		case kind == "S":
			last.ours, last.theirs = append(last.ours, text), append(last.theirs, text)
		case kind == "G":
			last.ours = append(last.ours, text)
		case kind == "O":
			last.theirs = append(last.theirs, text)
		default:
			t.Fatalf("%s: %q", file, line)
		}
	}
	return steps
}

func (s *step) bytes(t *testing.T) string {
	text := strings.TrimSuffix(s.send, `\c`)
	if i := strings.Index(text, "*"); i > 0 && strings.HasSuffix(text, "}") { // x*{300}
		n, err := strconv.Atoi(strings.TrimSuffix(text[i+2:], "}"))
		if err == nil {
			text = text[:i-1] + strings.Repeat(text[i-1:i], n)
		}
	}
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s.send, err)
	}
	if !strings.HasSuffix(s.send, `\c`) {
		out += "\r\n"
	}
	return out
}

// variable is what differs from run to run.
var variable = regexp.MustCompile(`\b[0-9A-Za-z]{8}\d{6}\b`)

// play says the lines and returns the answers to each. A message line gets none.
func play(t *testing.T, conn io.ReadWriter, steps []*step) [][]string {
	t.Helper()
	in := bufio.NewReader(conn)
	var answers [][]string
	answer := func() (lines []string, more bool) {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return append(lines, "!"), false
			}
			line = variable.ReplaceAllString(strings.TrimRight(line, "\r\n"), "ID")
			lines = append(lines, line)
			if len(line) < 4 || line[3] != '-' {
				return lines, true
			}
		}
	}
	first, more := answer()
	answers = append(answers, first)
	inData := false
	for _, s := range steps[1:] {
		if !more {
			answers = append(answers, nil)
			continue
		}
		_, _ = io.WriteString(conn, s.bytes(t)) // where the other end is gone, the answer tells
		if inData && s.send != "." {
			answers = append(answers, nil)
			continue
		}
		var lines []string
		lines, more = answer()
		if strings.HasPrefix(strings.ToLower(s.send), "ehlo") {
			lines = lines[:1] // the keywords are the session's
		}
		inData = strings.HasPrefix(lines[len(lines)-1], "354")
		answers = append(answers, lines)
	}
	return answers
}

func ours(t *testing.T, steps []*step) [][]string {
	t.Helper()
	p, _ := serve(t, &fake{}, Config{MaxMessageSize: 5000, Delay: func(context.Context, time.Duration) {}})
	return play(t, p.Conn, steps)
}

// original answers with sendmail -bs and a configuration that takes everything but users named nosuch.
func original(t *testing.T, steps []*step) [][]string {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Getuid() != 0 {
		t.Skip("a host name and a network of one's own need root and unshare(1)")
	}
	dir := t.TempDir()
	cf := filepath.Join(dir, "m.cf")
	conf := "V10/Berkeley\nO QueueDirectory=" + dir + "\nO AliasFile=text:/dev/null\nO DontBlameSendmail=GroupWritableDirPathSafe,TrustStickyBit\n" +
		"O OperatorChars=.:%@!^/[]+\nDjmail.example.test\nO SmtpGreetingMessage=$j\nO MaxMessageSize=5000\nO DeliveryMode=q\nO Timeout.ident=0\nO HelpFile=\n" +
		"O CheckAliases=False\nS3\nR$*<$*>$*\t$2\nS0\nR$*nosuch$*\t$#error $@5.1.1 $:\"550 User unknown\"\nR$*\t$#other $@here $:$1\nS1\nS2\nS4\nS5\n" +
		"Mlocal, P=/bin/true, F=lsDFMmn9, A=true\nMprog, P=/bin/sh, F=lsDFMoqeu9, A=sh\nMother, P=/bin/true, F=mDFMuX, A=true\n"
	if err := os.WriteFile(cf, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := oracletest.Sendmail(t, "-bs", "-C"+cf)
	cmd.Args = append([]string{unshare, "--uts", "--net", "sh", "-c", `hostname mail.example.test && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = unshare
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	return play(t, struct {
		io.Reader
		io.Writer
	}{out, in}, steps)
}

func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			steps := readDialogue(t, file)
			got := ours(t, steps)
			if *update {
				writeDialogue(t, file, steps, got, original(t, steps))
				return
			}
			for i, s := range steps {
				if !slices.Equal(got[i], s.ours) {
					t.Errorf("C: %.100s\n got %q\nwant %q", s.send, got[i], s.ours)
				}
			}
			t.Run("original", func(t *testing.T) {
				got := original(t, steps)
				for i, s := range steps {
					if !slices.Equal(got[i], s.theirs) {
						t.Errorf("C: %.100s\n  original %q\nwe assumed %q", s.send, got[i], s.theirs)
					}
				}
			})
		})
	}
}

func writeDialogue(t *testing.T, file string, steps []*step, ours, theirs [][]string) {
	var b strings.Builder
	put := func(mark string, lines []string) {
		for _, l := range lines {
			b.WriteString(mark + ": " + l + "\n")
		}
	}
	for i, s := range steps {
		for _, c := range s.comment {
			b.WriteString(c + "\n")
		}
		if i > 0 {
			b.WriteString("C: " + s.send + "\n")
		}
		if slices.Equal(ours[i], theirs[i]) {
			put("S", ours[i])
		} else {
			put("G", ours[i])
			put("O", theirs[i])
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
