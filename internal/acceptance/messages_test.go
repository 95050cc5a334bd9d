package acceptance

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// What random messages are made of: fields as people and programs write them, and bodies.
var (
	writtenFields = []string{
		"From: You <you@host.domain.com>", "From: you", "From: you@host.domain.com (The Person)", "From: \"Last, First\" <first.last@outside.test>", "From: =?utf-8?q?J=C3=B6?= <j@outside.test>",
		"From: J\xc3\xb6rg <j@outside.test>", "From: <>", "From:", "Sender:", "Resent-From:", "To:", "From: a@b, c@d", "From: you (unbalanced", "From: group: a@b, c@d;", "from: lower@outside.test", "From : spaced@outside.test",
		"To: friend@outside.test", "To: friend", "To: a, b, c@d.test", "To: a b c", "To: d e", "Cc: f@g.test h", "To: undisclosed-recipients:;", "To: \"Quoted \\\" name\" <x@y.test>", "To:\t<friend@outside.test>,\r\n\tyou@domain1.com",
		"To: a@[127.0.0.1], b@host, c@localhost", "To: <@relay.test:final@outside.test>", "To: foo%bar@outside.test", "To: uu!cp", "To: (just a comment)", "To: , ,", "To:x@y.test", "Cc:  two@blanks.test", "To: root@host.domain.com, root",
		"Cc: c@outside.test,d@outside.test", "Cc:", "Bcc: hidden@outside.test", "Bcc:", "CC: " + strings.Repeat("person@outside.test, ", 12) + "last@outside.test",
		"Resent-From: you@host.domain.com", "Resent-To: r@outside.test", "Resent-Cc: rc@outside.test", "Resent-Bcc: rb@outside.test", "Resent-Date: Mon, 1 Jan 2001 00:00:00 +0000", "Resent-Message-Id: <r@x>",
		"Date: Mon, 1 Jan 2001 00:00:00 +0000", "Date: yesterday", "Message-Id: <m@outside.test>", "Message-ID: m without brackets", "Subject: hello", "Subject:", "Subject: \xe4\xf6\xfc", "subject:no blank",
		"Subject: a long one " + strings.Repeat("word ", 60), "Subject: folded\r\n here\r\n\tand there", "Subject: trailing blanks   ", "Reply-To: you (me)", "Sender: s@outside.test", "Errors-To: e@outside.test",
		"Return-Path: <old@path.test>", "Return-Receipt-To: you@host.domain.com", "Received: from a by b; Mon, 1 Jan 2001 00:00:00 +0000", "Precedence: bulk", "Priority: urgent", "X-Long: " + strings.Repeat("x", 1200),
		"X-Empty:", "X-Odd_Name.1: v", "Full-Name: The Writer", "Apparently-To: app@outside.test", "Status: RO", "Content-Length: 5", "Lines: 3", "In-Reply-To: <x@y>", "Comments: (c", "Keywords: a, b",
		"Disposition-Notification-To: you", "Delivered-To: you@host.domain.com", "Mail-From: x", "Via: y", "X-400-Received: z",
	}
	writtenTypes = []string{
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8",
		"MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 7bit", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable",
		"Content-Type: text/plain", "MIME-Version: 1.0", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset=x",
		"MIME-Version: 1.0\r\nContent-Transfer-Encoding: x-unknown\r\nContent-Type: text/plain; charset=x\r\nX-Last: 1", "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary", "MIME-Version: 1.0\r\nContent-Type: broken",
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"x y\"; format=flowed\r\nContent-Transfer-Encoding: 8BIT",
		"MIME-Version: 1.0 (" + strings.Repeat("c ", 100) + ")\r\nContent-Disposition: attachment; filename=\"" + strings.Repeat("word ", 20) + "\"; size=1",
		"Content-Description: " + strings.Repeat("words ", 40) + "\r\nContent-Id: (open (again\r\nContent-Disposition: inline; filename=\"no end",
	}
	writtenBodies = []string{
		"", "one line\r\n", "two\r\nlines\r\n", "\r\n\r\n", "From the start\r\n\r\nFrom here\r\n>From there\r\n", ".\r\n..\r\n...x\r\n", "\xe4\xf6\xfc\r\n", "utf-8 \xc3\xa4\r\nplain\r\n", strings.Repeat("long ", 500) + "\r\n",
		strings.Repeat("\xfc", 300) + "\r\n", "trailing   \r\n\ttab\t\r\n", "=3D = equals\r\n", strings.Repeat("x", 989) + "\r\n" + strings.Repeat("y", 990) + "\r\n" + strings.Repeat("z", 991) + "\r\n", "\x01\x7f control\r\n",
	}
	multiparts = []string{
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\npreamble\r\n--b1\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe4\xf6\r\n--b1\r\n\r\nno header\r\n--b1\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain\r\n\r\nlast \xe4\r\n--b1\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b1--\r\nepilogue\r\n",
		"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=out\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--out\r\nContent-Type: multipart/related; boundary=\"in ner\"\r\n\r\n--in ner\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>\xe4\r\n--in ner--\r\n--out\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--out--\r\n",
		"MIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=d\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--d\r\n\r\nSubject: inner \xe4\r\n\r\ntext \xe4\r\n--d--\r\n",
		"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n",
		"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s; micalg=pgp\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--s\r\n\r\n\xe4\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n",
	}
)

// written makes one message.
func written(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(7) {
		b.WriteString(writtenFields[r.IntN(len(writtenFields))] + "\r\n")
	}
	switch r.IntN(5) {
	case 0:
		return b.String() + multiparts[r.IntN(len(multiparts))]
	case 1, 2:
		b.WriteString(writtenTypes[r.IntN(len(writtenTypes))] + "\r\n")
	}
	return b.String() + "\r\n" + writtenBodies[r.IntN(len(writtenBodies))]
}

// sevenBit is an SMTP server of 1982: no EHLO, and 8-bit text is not for it. It gives each message as it came.
func sevenBit(l net.Listener, got chan<- message) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			fmt.Fprint(c, "220 seven.test\r\n")
			var m message
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				verb, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
				switch strings.ToUpper(verb) {
				case "MAIL FROM":
					m = message{from: rest}
				case "RCPT TO":
					m.to = append(m.to, rest)
				case "DATA":
					fmt.Fprint(c, "354 go on\r\n")
					for line, err = in.ReadString('\n'); err == nil && line != ".\r\n"; line, err = in.ReadString('\n') {
						m.text += strings.TrimPrefix(line, ".")
					}
					got <- m
				case "QUIT":
					fmt.Fprint(c, "221 bye\r\n")
					return
				default:
					if strings.HasPrefix(verb, "EHLO") {
						fmt.Fprint(c, "500 what\r\n")
						continue
					}
				}
				fmt.Fprint(c, "250 ok\r\n")
			}
		}()
	}
}

// numbered finds the recipient's number, which tells the messages apart.
var numbered = regexp.MustCompile(`(?i)X-Number: (\d+)`)

// postmark begins a message in a mailbox.
var postmark = regexp.MustCompile(`\n\nFrom [^\n]* 20\d\d\n`)

// passedOn sends the messages to three recipients each and returns in a comparable form what arrived, by recipient and
// number.
func passedOn(t *testing.T, texts []string, eight, seven <-chan message) map[string]string {
	t.Helper()
	must(t, os.WriteFile("/var/mail/you", nil, 0o600))
	must(t, os.Chown("/var/mail/you", 3001, 3001))
	taken := 0
	for i, text := range texts {
		body := regexp.MustCompile(`(?m)^\.`).ReplaceAllString(fmt.Sprintf("X-Number: %d\r\n%s", i, text), "..")
		if !strings.HasSuffix(body, "\r\n") {
			body += "\r\n"
		}
		sender := []string{"<you@host.domain.com>", "<a@outside.test>", "<>"}[i%3]
		replies := dialogue(t, "127.0.0.1", "EHLO host.domain.com", "MAIL FROM:"+sender+[]string{" BODY=8BITMIME", ""}[i/3%2], "RCPT TO:<you@domain1.com>", fmt.Sprintf("RCPT TO:<x%d@routed.test>", i),
			fmt.Sprintf("RCPT TO:<y%d@seven.test>", i), "DATA", body+".", "QUIT")
		if !strings.HasPrefix(replies[7], "250") {
			t.Fatalf("message %d: %q", i, replies)
		}
		taken++
	}
	got := map[string]string{}
	for range taken {
		for name, from := range map[string]<-chan message{"8bit": eight, "7bit": seven} {
			m := <-from
			got[fmt.Sprintf("%s %s", name, m.to)] = comparable(fmt.Sprintf("from %s\n%s", m.from, m.text))
		}
	}
	var boxes []string
	eventually(t, "all mail is in the mailbox", func() bool {
		box, err := os.ReadFile("/var/mail/you")
		must(t, err)
		boxes = postmark.Split("\n\n"+strings.TrimSuffix(string(box), "\n\n"), -1)[1:]
		return len(boxes) == taken
	})
	for _, m := range boxes {
		number := "none"
		if n := numbered.FindStringSubmatch(m); n != nil {
			number = n[1]
		}
		got["local "+number] = comparable(m)
	}
	return got
}

// TestRandomMessagesAsTheOriginal sends the same random messages through both servers, to a mailbox, to a server that
// takes 8-bit text and to one that does not.
func TestRandomMessagesAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		prepareSeed(t, w)
		path := w.path("etc/mail/sendmail.mc")
		mc, err := os.ReadFile(path)
		must(t, err)
		write(t, path, strings.Replace(string(mc), "MAILER(smtp)dnl", "define(`confMAX_MIME_HEADER_LENGTH', `200/64')dnl\nMAILER(smtp)dnl\nMseven, P=[IPC], F=mDFMuXk, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n\tT=DNS/RFC822/SMTP, A=TCP $h 26", 1))
		write(t, w.path("etc/mail/mailertable"), "routed.test\tesmtp:["+peerAddr+"]\nseven.test\tseven:["+peerAddr+"]\n")
	}, func(t *testing.T, w world) {
		oracletest.Root(t)
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		s, sevens := newSink(t), make(chan message, 1000)
		go sevenBit(peerListenerAt(t, "26"), sevens)
		r := rand.New(rand.NewPCG(4, 2))
		texts := make([]string, messageCount())
		for i := range texts {
			texts[i] = written(r)
		}
		ours := startOurs(t, w)
		got := passedOn(t, texts, s.got, sevens)
		ours.stop()
		originalTables(t)
		start(t, "127.0.0.1:25", originalDaemon(t))
		want := passedOn(t, texts, s.got, sevens)
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%s:\n%s", name, firstDifference(got[name], text))
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d copies, the original's are %d", len(got), len(want))
		}
	})
}

// messageCount is like dialogueCount.
func messageCount() int {
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		return 600
	}
	return 80
}

// firstDifference shows the lines around the first one that differs.
func firstDifference(ours, original string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(original, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	part := func(lines []string) string {
		return fmt.Sprintf("%q", slices.Concat(lines[max(0, min(i-1, len(lines))):min(i+3, len(lines))]))
	}
	return "   ours     " + part(a) + "\n   original " + part(b)
}
