package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gosendmail/internal/oracletest"
	"gosendmail/internal/peertest"
)

// outgoingSite sends to port 2525, waits for nobody long and delivers locally, to whatever name, by a script.
const outgoingSite = `divert(-1)include(<<@TREE@/m4/cf.m4>>)divert(0)dnl
OSTYPE(<<linux>>)dnl
define(<<confDOMAIN_NAME>>,<<mail.example.test>>)dnl
define(<<ESMTP_MAILER_ARGS>>,<<TCP $h 2525>>)dnl
define(<<SMTP_MAILER_ARGS>>,<<TCP $h 2525>>)dnl
define(<<RELAY_MAILER_ARGS>>,<<TCP $h 2525>>)dnl
define(<<LOCAL_MAILER_PATH>>,<</home/deliver>>)dnl
define(<<LOCAL_MAILER_ARGS>>,<<deliver $u>>)dnl
define(<<confTO_IDENT>>,<<0>>)dnl
define(<<confTO_CONNECT>>,<<3s>>)dnl
define(<<confTO_INITIAL>>,<<3s>>)dnl
define(<<confTO_HELO>>,<<3s>>)dnl
define(<<confTO_MAIL>>,<<3s>>)dnl
define(<<confTO_RCPT>>,<<3s>>)dnl
define(<<confTO_DATAINIT>>,<<3s>>)dnl
define(<<confTO_DATABLOCK>>,<<3s>>)dnl
define(<<confTO_DATAFINAL>>,<<3s>>)dnl
define(<<confTO_RSET>>,<<3s>>)dnl
define(<<confTO_QUIT>>,<<3s>>)dnl
define(<<confTO_MISC>>,<<3s>>)dnl
define(<<confDONT_PROBE_INTERFACES>>,<<True>>)dnl
define(<<confQUEUE_LA>>,<<9999>>)dnl
define(<<confREFUSE_LA>>,<<9999>>)dnl
define(<<confLOG_LEVEL>>,<<9>>)dnl
define(<<confPID_FILE>>,<<@DIR@/pid>>)dnl
define(<<STATUS_FILE>>,<<@DIR@/statistics>>)dnl
FEATURE(<<no_default_msa>>)dnl
@EXTRA@MAILER(<<local>>)dnl
MAILER(<<smtp>>)dnl
@TAIL@`

// outgoing is one message that is handed in, with an address of its own to send it from: fN@mail.example.test.
type outgoing struct {
	title string
	args  []string // of sendmail, after -odi and -f; recipients
	text  string   // "" is a short message
	cf    string   // "" is the site's
}

// stand is where outgoing messages are tried.
type stand struct {
	w     world
	mu    sync.Mutex
	heard map[string][]string // what peers were told, by their address, each connection a string
}

// configure writes a configuration with more lines, and those behind the mailers.
func (s *stand) configure(t *testing.T, name, extra, tail string) {
	t.Helper()
	m4 := oracletest.M4(t)
	site := strings.NewReplacer("@EXTRA@", extra, "@TAIL@", tail).Replace(outgoingSite)
	m4.Stdin = strings.NewReader(strings.NewReplacer("<<", "`", ">>", "'", "@TREE@", oracletest.Tree(t), "@DIR@", string(s.w)).Replace(site))
	var said bytes.Buffer
	m4.Stderr = &said
	cf, err := m4.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	write(t, s.w.path(name), anyUser.ReplaceAllString(string(cf), "$1"))
}

// anyUser is the flag of the local mailer for which a user must be there.
var anyUser = regexp.MustCompile(`(?m)^(Mlocal,.*F=\w*)w`)

// newStand lays the site out, inside of the arena.
func newStand(t *testing.T, w world) *stand {
	t.Helper()
	oracletest.Root(t)
	s := &stand{w: w, heard: map[string][]string{}}
	script := "#!/bin/sh\nfor u; do :; done\ncat >> " + w.path("mail") + "/got.$u\n"
	must(t, os.WriteFile("/home/deliver", []byte(script), 0o755))
	write(t, "/etc/mail/local-host-names", "example.test\n")
	s.configure(t, "out.cf", "", "")
	return s
}

// listen has a peer at an address.
func (s *stand) listen(t *testing.T, addr string, p peertest.Peer) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(addr, "2525"))
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(addr, c, p)
		}
	}()
}

func (s *stand) serve(addr string, c net.Conn, p peertest.Peer) {
	r := &recorder{Conn: c}
	p.Serve(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[addr] = append(s.heard[addr], r.text.String())
}

// recorder keeps what is read from a connection.
type recorder struct {
	net.Conn
	text bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if r.text.Len() < 64<<10 {
		r.text.Write(p[:n])
	}
	return n, err
}

// left is what a message leaves, by kind.
type left map[string]string

// kinds are the kinds in the order in which they are shown.
var kinds = []string{"exit", "output", "log", "queue", "mail", "peers"}

// send hands all in with one program, so many at a time, and returns what each left. addrs are the peers that a message may reach.
func (s *stand) send(t *testing.T, list []outgoing, addrs func(i int) []string, sendmail func(args ...string) *exec.Cmd) []left {
	t.Helper()
	must(t, os.Truncate(s.w.path("log"), 0))
	clearQueue(t)
	old, _ := filepath.Glob(s.w.path("mail/got.*"))
	for _, f := range old {
		must(t, os.Remove(f))
	}
	s.heard = map[string][]string{}
	out := make([]left, len(list))
	var wg sync.WaitGroup
	room := make(chan struct{}, 24)
	for i := range list {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			out[i] = s.hand(i, &list[i], sendmail)
		})
	}
	wg.Wait()
	time.Sleep(200 * time.Millisecond) // the log comes by datagrams, peers see the end of connections a moment later
	s.collect(t, list, out, addrs)
	return out
}

func (s *stand) hand(i int, o *outgoing, sendmail func(args ...string) *exec.Cmd) left {
	cf := o.cf
	if cf == "" {
		cf = "out.cf"
	}
	cmd := sendmail(append([]string{"-C" + s.w.path(cf), "-odi", fmt.Sprintf("-ff%d@mail.example.test", i)}, o.args...)...)
	text := o.text
	if text == "" {
		text = "Subject: x\n\nx\n"
	}
	cmd.Stdin = strings.NewReader(text)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Dir = s.w.path("mail")
	_ = cmd.Run()
	return left{"exit": strconv.Itoa(cmd.ProcessState.ExitCode()), "output": output.String()}
}

var (
	logID         = regexp.MustCompile(`sendmail\[\d+\]: ([A-Za-z0-9]{14}): (.*)`)
	ownerID       = regexp.MustCompile(`^from=<?f(\d+)@`)
	reportID      = regexp.MustCompile(`^([A-Za-z0-9]{14}): (?:DSN|postmaster notify|return to sender|sender notify): `)
	outgoingTimes = regexp.MustCompile(`(?:x?delay=[0-9:]+, )+|pri=\d+, |, pri=\d+|proto=\S+ |size=\d+, `)
)

// collect sorts the log, mailboxes, the queue and the dialogues by message.
func (s *stand) collect(t *testing.T, list []outgoing, out []left, addrs func(i int) []string) {
	t.Helper()
	log := wholeLog(t, s.w)
	owner := map[string]int{}
	for line := range strings.Lines(log) {
		m := logID.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if f := ownerID.FindStringSubmatch(m[2]); f != nil {
			owner[m[1]], _ = strconv.Atoi(f[1])
		}
		i, known := owner[m[1]]
		if r := reportID.FindStringSubmatch(m[2]); r != nil && known {
			owner[r[1]] = i
		}
		if known && i < len(out) {
			out[i]["log"] += s.mask(outgoingTimes.ReplaceAllString(m[2], "")) + "\n"
		}
	}
	for i := range list {
		boxes, _ := filepath.Glob(s.w.path(fmt.Sprintf("mail/got.f%d", i)))
		more, _ := filepath.Glob(s.w.path("mail/got.*"))
		for _, b := range more {
			if strings.HasSuffix(b, fmt.Sprintf("_%d", i)) {
				boxes = append(boxes, b)
			}
		}
		for _, b := range boxes {
			text, err := os.ReadFile(b)
			must(t, err)
			out[i]["mail"] += filepath.Base(b) + ":\n" + s.mask(string(text))
		}
		for k, a := range addrs(i) {
			for _, d := range s.heard[a] {
				out[i]["peers"] += fmt.Sprintf("%d: %s\n", k, s.mask(transacted(strings.ReplaceAll(d, "\r\n", "\n"))))
			}
		}
	}
	s.collectQueue(t, out)
}

// transacted is a dialogue without what depends on pipelining: commands after one that was refused or not answered, and how it ends.
func transacted(d string) string {
	lines := strings.Split(d, "\n")
	dot := slices.Index(lines, ".")
	if dot > 0 && lines[dot-1] != "DATA" {
		return strings.TrimSuffix(strings.TrimSuffix(d, "QUIT\n"), "RSET\n")
	}
	var kept []string
	for _, l := range lines {
		if strings.HasPrefix(l, "EHLO ") || strings.HasPrefix(l, "HELO ") || strings.HasPrefix(l, "MAIL ") {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n") + "\n"
}

var queueLines = regexp.MustCompile(`(?m)^[MFSRCQ].*`)

func (s *stand) collectQueue(t *testing.T, out []left) {
	t.Helper()
	names, _ := filepath.Glob("/var/spool/mqueue/?f*")
	slices.Sort(names)
	for _, n := range names {
		base := filepath.Base(n)
		if !strings.HasPrefix(base, "qf") && !strings.HasPrefix(base, "Qf") {
			continue
		}
		text, err := os.ReadFile(n)
		must(t, err)
		m := regexp.MustCompile(`(?m)^(?:S|R[^:]*:|rRFC822; )<?f(\d+)@`).FindSubmatch(text)
		if m == nil {
			continue
		}
		if i, _ := strconv.Atoi(string(m[1])); i < len(out) {
			out[i]["queue"] += base[:2] + " " + s.mask(strings.Join(queueLines.FindAllString(string(text), -1), "\n")) + "\n"
		}
	}
}

var wholeBoundary = regexp.MustCompile(`<id>\.\d+/[\w.-]+`)
var messageID = regexp.MustCompile(`\b20\d{10}\.<id>`)

func (s *stand) mask(text string) string {
	text = timestamp.ReplaceAllString(text, "<date>")
	text = queueID.ReplaceAllString(text, "<id>")
	text = messageID.ReplaceAllString(wholeBoundary.ReplaceAllString(text, "<boundary>"), "<msgid>")
	return version.ReplaceAllString(text, "<version>")
}

// bothWays tries a list with both programs and returns what is left, ours first.
func (s *stand) bothWays(t *testing.T, list []outgoing, addrs func(i int) []string) (got, want []left) {
	t.Helper()
	want = s.send(t, list, addrs, func(args ...string) *exec.Cmd {
		return oracletest.Command(t, "usr/libexec/sendmail/sendmail", args...)
	})
	got = s.send(t, list, addrs, func(args ...string) *exec.Cmd { return exec.Command(s.w.path("bin/sendmail"), args...) })
	s.accounted(t, list, got)
	return got, want
}

// hold compares what was left, and lets most of a hundred differ. known returns why a kind differs on purpose, or "".
func hold(t *testing.T, most int, list []outgoing, got, want []left, known func(o *outgoing, kind string, got, want string) string) {
	t.Helper()
	differ := map[string]int{}
	bad := 0
	for i := range list {
		var b strings.Builder
		for _, kind := range kinds {
			g, w := strings.Split(got[i][kind], "\n"), strings.Split(want[i][kind], "\n")
			if len(difference(g, w))+len(difference(w, g)) == 0 || known(&list[i], kind, got[i][kind], want[i][kind]) != "" {
				continue // the order of lines apart: all hosts are looked up before the first is called there
			}
			differ[kind]++
			if dir := os.Getenv("GOSENDMAIL_RESULTS"); dir != "" {
				write(t, filepath.Join(dir, fmt.Sprintf("%d.%s.ours", i, kind)), got[i][kind])
				write(t, filepath.Join(dir, fmt.Sprintf("%d.%s.original", i, kind)), want[i][kind])
			}
			fmt.Fprintf(&b, " %s:\n  ours alone:     %q\n  original alone: %q\n", kind, difference(g, w), difference(w, g))
		}
		if b.Len() > 0 {
			bad++
			t.Logf("%d %s: %q\n%s", i, list[i].title, list[i].args, b.String())
		}
	}
	t.Logf("%d of %d differ: %v", bad, len(list), differ)
	if bad*100 > most*len(list) {
		t.Errorf("%d of %d differ from the original", bad, len(list))
	}
}

// casesOf are the numbers of n cases that run: so many spread over them, or with GOSENDMAIL_SLOW all, or those that GOSENDMAIL_CASES names
// as suite has it.
func casesOf(t *testing.T, seed uint64, n, short int) (list []int) {
	t.Helper()
	if os.Getenv("GOSENDMAIL_CASES") != "" {
		_, numbers := suite(t, n, n)
		for _, k := range numbers {
			list = append(list, int(k))
		}
		return list
	}
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		short = n
	}
	for k := range min(short, n) {
		list = append(list, k*n/min(short, n))
	}
	t.Logf("seed %d, %d of %d cases", seed, len(list), n)
	return list
}
