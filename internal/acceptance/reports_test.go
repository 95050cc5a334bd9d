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

// moody is an SMTP server that answers each recipient as its name says: "r550" is refused at RCPT, "d554" after DATA,
// anybody else gets his mail. It notes the commands.
func moody(l net.Listener, keywords string, said chan<- string) {
	code := regexp.MustCompile(`<([rd])(\d)(\d\d)`)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			fmt.Fprint(c, "220 moody.test ESMTP\r\n")
			after, taken := "", 0
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				answer := "250 2.0.0 ok"
				m := code.FindStringSubmatch(line)
				switch verb := strings.ToUpper(line[:4]); {
				case verb == "EHLO":
					answer = "250-moody.test\r\n250 " + keywords
				case verb == "MAIL":
					after, taken = "", 0
				case verb == "RCPT" && m != nil && m[1] == "r":
					answer = m[2] + m[3] + " " + m[2] + ".7.1 not " + m[2] + m[3] + "\r\n"
					answer = strings.TrimSpace(answer)
				case verb == "RCPT":
					taken++
					if m != nil {
						after = m[2] + m[3] + "-" + m[2] + ".6.0 the text\r\n" + m[2] + m[3] + " " + m[2] + ".6.0 is not liked"
					}
				case verb == "DATA" && taken == 0:
					answer = "503 5.5.1 nobody"
				case verb == "DATA":
					fmt.Fprint(c, "354 go on\r\n")
					for l, err := in.ReadString('\n'); err == nil && l != ".\r\n"; l, err = in.ReadString('\n') {
					}
					if after != "" {
						answer = after
					}
				case verb == "QUIT":
					fmt.Fprint(c, "221 2.0.0 bye\r\n")
					return
				}
				if strings.Contains(line, ":") {
					said <- strings.TrimSpace(line)
				}
				fmt.Fprint(c, answer+"\r\n")
			}
		}()
	}
}

var (
	reportedRecipients = []string{
		"r550@routed.test", "r551@plain.test", "d554@routed.test", "d552@plain.test", "fine@routed.test", "fine@plain.test", "you@domain1.com", "exit67@host.domain.com", "exit64@host.domain.com",
		"exit70@host.domain.com", "nofile@host.domain.com", "user2@domain1.com", "exit1@host.domain.com", "exit65@host.domain.com", "exit66@host.domain.com", "exit68@host.domain.com", "exit69@host.domain.com", "exit72@host.domain.com", "exit73@host.domain.com", "exit76@host.domain.com", "exit77@host.domain.com", "exit78@host.domain.com", "exit99@host.domain.com", "exit255@host.domain.com",
		"r553@routed.test", "list@host.domain.com",
	}
	reportedOptions = []string{"", "", "", " NOTIFY=SUCCESS", " NOTIFY=NEVER", " NOTIFY=FAILURE", " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;was+2Bme@old.test", " NOTIFY=DELAY", " ORCPT=rfc822;x@y"}
	reportedReturn  = []string{"", "", " RET=FULL", " RET=HDRS", " ENVID=id+2B1", " RET=HDRS ENVID=abc", " BODY=8BITMIME"}
	contentLength   = regexp.MustCompile(`(?m)^Content-Length: \d+\n`)
	reportBoundary  = regexp.MustCompile(`<id>\.\d+/[\w.-]+`)
)

type reported struct {
	mail  string
	rcpts []string
	body  string
}

// reportedMails are random messages of which parts cannot be delivered.
func reportedMails(n int) []reported {
	r := rand.New(rand.NewPCG(7, 1))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	var mails []reported
	for i := range n {
		m := reported{mail: pick([]string{"<you@host.domain.com>", "<you@host.domain.com>", "<user2@domain1.com>", "<>"}) + pick(reportedReturn)}
		for range 1 + r.IntN(3) {
			name := pick(reportedRecipients)
			if strings.HasPrefix(name, "list@") { // beside others the original tells of it or not, for reasons of its own
				m.rcpts = []string{"<" + name + ">" + pick(reportedOptions)}
				break
			}
			if !slices.ContainsFunc(m.rcpts, func(r string) bool { return sameServer(r, name) }) {
				m.rcpts = append(m.rcpts, "<"+name+">"+pick(reportedOptions))
			}
		}
		m.body = fmt.Sprintf("X-Number: %d\r\nMessage-Id: <%d@outside.test>\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\nFrom: you@host.domain.com\r\nSubject: test\r\n%s\r\nbody %d\r\n%s.", i, i,
			pick([]string{"", "Errors-To: e@outside.test\r\n", "Return-Receipt-To: you@host.domain.com\r\n", "Precedence: junk\r\n", "MIME-Version: 1.0\r\n"}), i, pick([]string{"", "\xe4\xf6\r\n", "From x\r\n"}))
		mails = append(mails, m)
	}
	return mails
}

// sameServer reports whether two recipients would be refused in one dialogue, whose order is the server's own.
func sameServer(a, b string) bool {
	return strings.Contains(a, b) || strings.Contains(a, "routed") && strings.Contains(b, "routed") || strings.Contains(a, "plain") && strings.Contains(b, "plain")
}

// reports sends the mails one after the other and returns what came of each: mailboxes and commands to the other
// servers.
func reports(t *testing.T, mails []reported, said <-chan string) []string {
	t.Helper()
	var all []string
	for i, m := range mails {
		for _, u := range users {
			if err := os.Truncate("/var/mail/"+u, 0); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		lines := []string{"EHLO host.domain.com", "MAIL FROM:" + m.mail}
		for _, rc := range m.rcpts {
			lines = append(lines, "RCPT TO:"+rc)
		}
		replies := stable(dialogue(t, "127.0.0.1", append(lines, "DATA", m.body, "QUIT")...))
		out := fmt.Sprintf("%d: %q\n", i, replies[2:])
		eventually(t, fmt.Sprintf("the queue is empty after %d %q", i, m), func() bool { return len(queued(t)) == 0 })
		var commands []string
		for len(said) > 0 {
			commands = append(commands, queueID.ReplaceAllString(<-said, "<id>"))
		}
		slices.Sort(commands)
		out += strings.Join(commands, "\n") + "\n"
		for _, u := range users {
			box, err := os.ReadFile("/var/mail/" + u)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			boxes := postmark.Split("\n\n"+strings.TrimSuffix(string(box), "\n\n"), -1)[1:]
			for j := range boxes {
				boxes[j] = u + ": " + reportBoundary.ReplaceAllString(comparable(contentLength.ReplaceAllString(boxes[j], "")), "<boundary>")
			}
			slices.Sort(boxes)
			out += strings.Join(boxes, "\n") + "\n"
		}
		all = append(all, out)
	}
	return all
}

// queued names the files of the queue.
func queued(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/var/spool/mqueue")
	must(t, err)
	var names []string
	for _, e := range entries {
		if n := e.Name(); len(n) > 2 && strings.Contains("qf df xf tf", n[:2]) && !strings.HasPrefix(n, "tfSpare") {
			names = append(names, n)
		}
	}
	return names
}

// TestReportsAsTheOriginal compares bounces and receipts for failures of all kinds.
func TestReportsAsTheOriginal(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		prepareSeed(t, w)
		mc, err := os.ReadFile(w.path("etc/mail/sendmail.mc"))
		must(t, err)
		write(t, w.path("etc/mail/sendmail.mc"), strings.Replace(string(mc), "MAILER(smtp)dnl", "Mplain, P=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,\n\tT=DNS/RFC822/SMTP, A=TCP $h 26\nMAILER(smtp)dnl", 1))
		write(t, w.path("etc/mail/mailertable"), "routed.test\tesmtp:["+peerAddr+"]\nplain.test\tplain:["+peerAddr+"]\n")
		aliases, err := os.ReadFile(w.path("etc/mail/aliases"))
		must(t, err)
		programs := ""
		for _, code := range []int{1, 65, 66, 68, 69, 72, 73, 76, 77, 78, 99, 255} {
			programs += fmt.Sprintf("exit%d: \"|cat >/dev/null; exit %d\"\n", code, code)
		}
		write(t, w.path("etc/mail/aliases"), string(aliases)+"exit67: \"|/bin/sh -c 'cat >/dev/null; exit 67'\"\nexit64: \"|/bin/sh -c 'cat >/dev/null; echo usage; exit 64'\"\nexit70: \"|cat >/dev/null; exit 70\"\nnofile: /nonexistent/dir/file\n"+
			programs+
			"twice: you, user2\nlist: you, r559@routed.test\nowner-list: user2\n")
	}, func(t *testing.T, w world) {
		oracletest.Root(t)
		installSeed(t, w)
		run(t, "", w.path("bin/sendmail"), "-bi")
		said := make(chan string, 1000)
		go moody(peerListenerAt(t, "25"), "DSN", said)
		go moody(peerListenerAt(t, "26"), "8BITMIME", said)
		n := 40
		if os.Getenv("GOSENDMAIL_SLOW") != "" {
			n = 300
		}
		mails := reportedMails(n)
		ours := startOurs(t, w)
		got := reports(t, mails, said)
		ours.stop()
		originalTables(t)
		start(t, "127.0.0.1:25", originalDaemon(t))
		want := reports(t, mails, said)
		for i := range mails {
			if got[i] != want[i] {
				t.Errorf("MAIL %s RCPT %q:\n%s", mails[i].mail, mails[i].rcpts, firstDifference(got[i], want[i]))
			}
		}
	})
}
