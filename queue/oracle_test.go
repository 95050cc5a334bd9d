package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/envelope"
	"gosendmail/internal/oracletest"
	"gosendmail/queue"
)

// TestOriginalsQueue reads and writes again, byte for byte, what the original queued in many ways.
func TestOriginalsQueue(t *testing.T) {
	dir, _ := oracletest.Arena(t, `
printf 'Subject: hi\nTo: a b <bob@example.test>,\n\tcarol@remote.test\nBcc: zz@remote.test\nX-Q: \200\201\237\240\376\377 $j ${x}\n\nbody\n' | $SM -odq -t
printf 'Subject: ctl\n\nbody\n' | $SM -odd -f alice pipe list remote@remote.test
printf 'Subject: dsn\n\n\351\n' | $SM -odq -N success,delay -R hdrs -B8BITMIME -V id+2B1 -f alice bob
coproc SMTP { $SM -bs -odq; }
hear() { while read -r -u ${SMTP[0]} line && [[ ${line:3:1} == - ]]; do :; done; }
say() { printf "$1" >&${SMTP[1]}; hear; } # a server refuses who speaks before he is answered
hear
say 'EHLO x.y\r\n'
say 'MAIL FROM:<a@remote.test> BODY=8BITMIME RET=HDRS ENVID=a+2Bb BY=1000;RT\r\n'
say 'RCPT TO:<list@mail.example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c\r\n'
say 'RCPT TO:<pipe@mail.example.test> NOTIFY=NEVER\r\n'
say 'DATA\r\n'
say 'Subject: smtp\r\nX-Cont: a\r\n\tb\r\n  c\r\nX-Empty:\r\n\r\nbody\r\n.\r\n'
smtp=$SMTP_PID
say 'QUIT\r\n'
wait $smtp
printf 'Subject: quarantined\n\nbody\n' | $SM -odq -f alice quar@remote.test
$SM -qRquar@ -Q'bad "stuff" here' >&2
$SM -qRremote@remote.test -O Timeout.iconnect=1s >&2
ls >&2
`, nil)
	mq := filepath.Join(dir, "spool/mqueue")
	count := 0
	for _, name := range files(t, mq) {
		if name[0] != 'q' && name[0] != 'h' {
			continue
		}
		count++
		want := read(t, filepath.Join(mq, name))
		c, err := queue.ParseControl([]byte(want))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, want)
			continue
		}
		got := string(queue.AppendControl(nil, c))
		if name[0] == 'h' { // its q line was put in by hand, as it were; a rewrite moves it up
			line := "q" + c.Envelope.QuarantineReason + "\n"
			got, want = strings.Replace(got, line, "", 1), strings.Replace(want, line, "", 1)
		}
		if got != want {
			t.Errorf("%s: got\n%q\nwant\n%q", name, got, want)
		}
	}
	if count < 5 {
		t.Errorf("the original made only %d control files", count)
	}
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = mq })
	d := &deliverer{do: remove}
	sum, err := queue.NewRunner(s, d, queue.RunnerConfig{}).RunOnce(context.Background(), queue.Selection{})
	if err != nil || sum.Tried != count-1 {
		t.Errorf("drained %+v of %d, %v", sum, count, err)
	}
}

// TestOriginalDrainsOurs lets the original deliver what we queued.
func TestOriginalDrainsOurs(t *testing.T) {
	var name string
	dir, _ := oracletest.Arena(t, "$SM -q -v >&2\nls $ARENA/spool/mqueue >&2\ncat $ARENA/log >&2\n", func(dir string) {
		mq := filepath.Join(dir, "spool/mqueue")
		if err := os.MkdirAll(mq, 0o700); err != nil {
			t.Fatal(err)
		}
		s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = mq })
		env := testEnvelope("<alice@mail.example.test>", "<bob@mail.example.test>")
		env.Recipients[0].Notify, env.Recipients[0].Orcpt = envelope.NotifyFailure, "rfc822;a+b@c"
		env.Recipients[1].Ctladdr = &envelope.Ctladdr{User: "carol", UID: 2003, GID: 2003, Addr: "list"}
		env.Created = time.Now()
		env.EnvID, env.Body, env.Flags.EightBit = "id+1", envelope.Body8BitMIME, true
		env.Header = append(env.Header, envelope.Field{Name: "X-8bit", Value: " \xe9 \x81j \xff $j ${x}\n\tcontinued"})
		e := create(t, s.Group(""), "body \xe9\n.dot\nend\n")
		if err := e.Commit(env); err != nil {
			t.Fatal(err)
		}
		env.Tries++
		env.Message = "an update"
		env.PartOf, env.Parts = "uAUAj0123456", []string{"uAUAj0123457", "uAUAj0123458"} // lines that it passes over
		env.Recipients = append(env.Recipients, &envelope.Recipient{Addr: "<done@mail.example.test>", State: envelope.Delivered, Owed: true})
		if err := e.Update(env); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		name = e.ID()
	})
	for _, user := range []string{"alice", "bob"} {
		got := read(t, filepath.Join(dir, "mail/got."+user))
		for _, want := range []string{
			"X-8bit: \xe9 \x81j \xff $j ${x}\n\tcontinued\n", "\n\nbody \xe9\n.dot\nend\n", "Subject: hello\n",
			"Return-Path: <a@example.test>\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s got\n%s\nwithout %q", user, got, want)
			}
		}
	}
	if left := files(t, filepath.Join(dir, "spool/mqueue")); len(left) > 0 {
		t.Errorf("%s was not removed: %v", name, left)
	}
}

// writeListing fills a queue directory with messages of all sorts, also broken ones.
func writeListing(t *testing.T, mq string) {
	if err := os.MkdirAll(mq, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	long := strings.Repeat("y", 300)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(mq, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	message := func(letter string, extra, sender, rcpts string) {
		n++
		id := fmt.Sprintf("6AM4Zw4D%06d", n)
		write(letter+"f"+id, fmt.Sprintf("V8\nT%d\nK0\nN0\nP%d\n%s$_x\nS%s\n%sH??Subject: x\n.\n", now-100000-int64(n)*60, n, extra, sender, rcpts))
		write("df"+id, strings.Repeat("z", n*1000))
	}
	const rcpt = "RPFD:<r@x.test>\n"
	message("q", "", "<a@b.test>", rcpt)
	message("q", "", "<"+long+">", rcpt)
	message("q", "", "<a@b.test>", "RPFD:<"+long+"@c>\nRPFD:second\n")
	message("q", "M"+long+"\n", "alice", rcpt)
	message("q", "B8BITMIME\n", "alice", rcpt)
	message("q", "B7BIT\nMDeferred: x\nFw8\n", "alice", rcpt)
	message("q", "qheld back\n", "alice", rcpt)
	message("q", "", "alice", "Croot:0:0:"+long+"\nRPFD:|/bin/cat\nC\nRP:<q@w>\n")
	message("q", "", "alice", "R:<no@flags>\nRnothing\nRPFD:b\\033s\x01\x7f\xe9\n")
	message("q", "", "a\x01\xe9b <x@y>", rcpt)
	message("q", "", "alice", "")
	message("q", "M\n", "alice", rcpt)
	message("q", "Mfirst\nMsecond\nB7BIT\nB8BITMIME\n", "alice", "Qrfc822;x@y\nrRFC822; z@y\n"+rcpt)
	message("q", "", "alice", "RPFD:a,\n\tcont <zz@y>\n")
	message("h", "qbad thing "+long+"\n", "alice", rcpt)
	message("Q", "", "alice", rcpt)
	write("qf6AM4Zw4D100001", fmt.Sprintf("V8\nT%d\nK%d\nN1\nP100\nMHost down\nSb\n"+rcpt+".\n", now-1000, now-10))
	write("df6AM4Zw4D100001", "x\n")
	write("qf6AM4Zw4D100002", fmt.Sprintf("V8\nT%d\nP101\nSb\n"+rcpt+".\n", now))
	write("qf6AM4Zw4D100003", "V8\nT0\nP102\nSb\n"+rcpt+".\n")
	write("df6AM4Zw4D100003", "x\n")
	write("qf6AM4Zw4D100004", "V8\nT1\nP103\nSxx\nRPFD:yy\n")
	write("df6AM4Zw4D100004", "x\n")
	write("qf6AM4Zw4D100005", "")
	write("qf6AM4Zw16", fmt.Sprintf("V8\nT%d\nP104\nSb\n"+rcpt+".\n", now-60))
	write("df6AM4Zw16", "x\n")
}

// TestOriginalsMailq compares listings of one directory.
func TestOriginalsMailq(t *testing.T) {
	lists := []struct {
		args string
		list queue.Listing
	}{
		{"", queue.Listing{}},
		{"-v", queue.Listing{Verbose: true}},
		{"-qQ", queue.Listing{Select: queue.Selection{Quarantined: true}}},
		{"-qQ -v", queue.Listing{Verbose: true, Select: queue.Selection{Quarantined: true}}},
		{"-qL", queue.Listing{Select: queue.Selection{LostOnly: true}}},
		{"-qRSECOND", queue.Listing{Select: queue.Selection{Recipients: []queue.Match{{Text: "second"}}}}},
		{"-q!Salice", queue.Listing{Select: queue.Selection{Senders: []queue.Match{{Text: "alice", Not: true}}}}},
		{"-qI4d000003", queue.Listing{Select: queue.Selection{IDs: []queue.Match{{Text: "4d000003"}}}}},
		{"-q!I4D0000 -q!I4D1", queue.Listing{Select: queue.Selection{IDs: []queue.Match{{Text: "4D0000", Not: true}, {Text: "4D1", Not: true}}}}},
		{"-qI4D00001 -qRr@x -qRq@w", queue.Listing{Select: queue.Selection{IDs: []queue.Match{{Text: "4D00001"}},
			Recipients: []queue.Match{{Text: "r@x"}, {Text: "q@w"}}}}},
		{"-qInosuch", queue.Listing{Select: queue.Selection{IDs: []queue.Match{{Text: "nosuch"}}}}},
		{"-OQueueSortOrder=filename", queue.Listing{Order: queue.ByFilename}},
		{"-OQueueSortOrder=filename -qSa@b", queue.Listing{Order: queue.ByFilename, Select: queue.Selection{Senders: []queue.Match{{Text: "a@b"}}}}},
		{"-OQueueSortOrder=time -qI4D0000", queue.Listing{Order: queue.ByTime, Select: queue.Selection{IDs: []queue.Match{{Text: "4D0000"}}}}},
		{"-OMaxQueueRunSize=1 -qIZw4D00001", queue.Listing{Max: 1, Select: queue.Selection{IDs: []queue.Match{{Text: "Zw4D00001"}}}}},
	}
	script := "flock -n $ARENA/spool/mqueue/qf6AM4Zw4D000001 sleep 60 & sleep 0.2\n"
	for i, l := range lists {
		script += fmt.Sprintf("$SM -bp -OMinQueueAge=30m %s > $ARENA/list.%d 2>/dev/null\n", l.args, i)
	}
	dir, _ := oracletest.Arena(t, script, func(dir string) { writeListing(t, filepath.Join(dir, "spool/mqueue")) })
	mq := filepath.Join(dir, "spool/mqueue")
	s := testSpool(t, func(c *queue.Config) { c.Groups[0].Directory = mq })
	it, err := s.Find("6AM4Zw4D000001")
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := s.Open(it)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i, l := range lists {
		var b bytes.Buffer
		l.list.MinAge = 30 * time.Minute
		if err := s.Print(&b, l.list); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(b.String(), mq, "/var/spool/mqueue")
		want := read(t, filepath.Join(dir, fmt.Sprintf("list.%d", i)))
		lines := strings.SplitAfter(want, "\n")
		for k, line := range lines { // the original's complaint about a df breaks into the listing
			if at := strings.Index(line, "readqf: "); at >= 0 {
				lines[k] = line[:at]
			}
		}
		if want = strings.Join(lines, ""); got != want {
			t.Errorf("mailq %s:\n%s\nthe original:\n%s", l.args, got, want)
		}
	}
}

// TestOriginalsLock shows that either program sees the other's locks.
func TestOriginalsLock(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("no flock program")
	}
	s := testSpool(t, nil)
	id := put(t, s, "m", nil)
	it, err := s.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := s.Open(it)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("flock", "-n", it.Path(), "true").Run(); err == nil {
		t.Error("flock(1) got the lock of an open entry")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	hold := exec.Command("flock", "-n", it.Path(), "cat")
	in, err := hold.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := hold.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(it); err == nil {
		t.Error("opened what flock(1) holds")
	}
	in.Close()
	if err := hold.Wait(); err != nil {
		t.Fatal(err)
	}
}
