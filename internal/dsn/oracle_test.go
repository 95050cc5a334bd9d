package dsn_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/status"
)

// peer answers SMTP in the original's world: perm users are refused, temp users put off, others taken.
const peer = `
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.1.3", 25)); s.listen(10)
print("ready", flush=True)
while True:
    c, _ = s.accept(); f = c.makefile("rwb"); data = False
    def say(x): f.write(x + b"\r\n"); f.flush()
    say(b"220 peer ESMTP")
    for l in f:
        if data:
            if l == b".\r\n": data = False; say(b"250 2.0.0 taken")
            continue
        u = l.upper()
        if u.startswith(b"DATA"): data = True; say(b"354 go")
        elif b"PERM" in u: say(b"550-5.1.1 no such\r\n550 5.1.1 user here")
        elif b"TEMP" in u: say(b"450-4.2.1 try\r\n450 4.2.1 later")
        elif u.startswith(b"QUIT"): say(b"221 bye"); break
        else: say(b"250 2.1.0 fine")
    c.close()
`

// TestOriginalsReports builds the reports that the original made and compares them whole.
func TestOriginalsReports(t *testing.T) {
	dir, _ := oracletest.Arena(t, `
python3 $ARENA/peer.py > $ARENA/ready & while ! [ -s $ARENA/ready ]; do sleep 0.05; done
send() { printf 'Subject: x\nX-More: a\n\tb\n\nbody\n' | $SM -odi "$@"; mv $ARENA/mail/got.alice $ARENA/"$n" || tail -20 $ARENA/log >&2; }
n=failure send -f alice perm@aonly.test
n=headers send -f alice -R hdrs perm@aonly.test
n=receipt send -f alice -N success bob ok@aonly.test
n=plain send -f alice -OSendMimeErrors=False perm@aonly.test
printf 'Subject: x\nX-More: a\n\tb\n\nbody\n' | $SM -odq -f alice temp@aonly.test
sleep 2; $SM -q -v -OTimeout.queuewarn=1s >/dev/null; mv $ARENA/mail/got.alice $ARENA/delay
`, func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "peer.py"), []byte(peer), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	const refused = "... while talking to aonly.test.:\n>>> RCPT To:<perm@aonly.test>\n<<< 550-5.1.1 no such\n" +
		"<<< 550 5.1.1 user here\n550 5.1.1 perm@aonly.test... User unknown\n"
	perm := dsn.Recipient{Action: dsn.Failed, ActualType: "rfc822", Actual: "perm@aonly.test", Recipient: &envelope.Recipient{
		Addr: "perm@aonly.test", Final: "RFC822; perm@aonly.test",
		Status: status.Status{Enhanced: status.Enhanced{5, 1, 1}, Remote: "aonly.test", Diagnostic: "550-5.1.1 no such"}}}
	bob := dsn.Recipient{Action: dsn.Delivered, ActualType: "rfc822", Actual: "bob@mail.example.test", Recipient: &envelope.Recipient{
		Addr: "bob", Final: "RFC822; bob@mail.example.test", Status: status.Status{Enhanced: status.Enhanced{2, 1, 5}}}}
	relayed := dsn.Recipient{Action: dsn.Relayed, ActualType: "rfc822", Actual: "ok@aonly.test", Recipient: &envelope.Recipient{
		Addr: "ok@aonly.test", Final: "RFC822; ok@aonly.test",
		Status: status.Status{Enhanced: status.Enhanced{2, 0, 0}, Remote: "aonly.test", Diagnostic: "250 2.1.0 fine"}}}
	temp := dsn.Recipient{Action: dsn.Delayed, ActualType: "rfc822", Actual: "temp@aonly.test", Recipient: &envelope.Recipient{
		Addr: "temp@aonly.test", Final: "RFC822; temp@aonly.test",
		Status: status.Status{Enhanced: status.Enhanced{4, 2, 0}, Remote: "aonly.test", Diagnostic: "450-4.2.1 try"}}}
	for _, c := range []struct {
		name       string
		r          dsn.Report
		transcript string
	}{
		{"failure", dsn.Report{Kind: dsn.Failure, Recipients: []dsn.Recipient{perm}}, refused},
		{"headers", dsn.Report{Kind: dsn.Failure, Recipients: []dsn.Recipient{perm}, HeaderOnly: true}, refused},
		{"plain", dsn.Report{Kind: dsn.Failure, Recipients: []dsn.Recipient{perm}, Plain: true}, refused},
		{"receipt", dsn.Report{Kind: dsn.Receipt, Recipients: []dsn.Recipient{bob, relayed}, HeaderOnly: true},
			"bob... Successfully delivered\nok@aonly.test... relayed; expect no further notifications\n"},
		{"delay", dsn.Report{Kind: dsn.Delay, Recipients: []dsn.Recipient{temp}, Waited: time.Second, Limit: 5 * 24 * time.Hour},
			"... while talking to aonly.test.:\n>>> RCPT To:<temp@aonly.test>\n<<< 450-4.2.1 try\n<<< 450 4.2.1 later\n" +
				"temp@aonly.test... Deferred: 450-4.2.1 try\nWarning: message still undelivered after 1 second\n" +
				"Will keep trying until message is 5 days old\n"},
	} {
		want, err := os.ReadFile(filepath.Join(dir, c.name))
		if err != nil {
			t.Error(err)
			continue
		}
		compare(t, c.name, c.r, c.transcript, string(want))
	}
}

var anyDate = regexp.MustCompile(`[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (GMT|[-+]\d{4} \([A-Z]+\))`)

// compare fills in what only the original's run knows (IDs, times, the message's own header) and compares the rest.
func compare(t *testing.T, name string, r dsn.Report, transcript, want string) {
	t.Helper()
	head, body, ok := strings.Cut(want, "\n\n")
	if !ok {
		t.Fatalf("%s: no header in %q", name, want)
	}
	_, shown, _ := strings.Cut(body, "Return-Path: <")
	shown, _, _ = strings.Cut(shown, "\n\n")
	r.Header = []envelope.Field{{Name: "Return-Path", Value: " <" + shown}}
	r.ID, r.Hostname, r.Received, r.To = "ID", "mail.example.test", "root@localhost", "alice"
	r.Now = time.Unix(1795323907, 0).UTC()
	if m := regexp.MustCompile(`boundary="(\w+)\.(\d+)/`).FindStringSubmatch(head); m != nil {
		var sec int64
		fmt.Sscan(m[2], &sec)
		r.ID, r.Now = m[1], time.Unix(sec, 0).UTC()
	}
	r.Transcript = strings.NewReader(transcript)
	r.Envelope = &envelope.Envelope{Created: r.Now, Sender: "alice",
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body\n")), nil }}
	for i := range r.Recipients {
		r.Recipients[i].Tried = r.Now
	}
	var got bytes.Buffer
	if err := r.WriteBody(&got); err != nil {
		t.Fatal(err)
	}
	a, b := anyDate.ReplaceAllString(got.String(), "DATE"), anyDate.ReplaceAllString(body, "DATE")
	if strings.TrimRight(a, "\n") != strings.TrimRight(b, "\n") {
		t.Errorf("%s: ours\n%s\nthe original's\n%s", name, a, b)
	}
	for _, f := range r.Fields() {
		if f.Name == "To" {
			continue // rewritten by the mailer
		}
		if line := f.Name + ":" + f.Value; !strings.Contains(head+"\n", line+"\n") {
			t.Errorf("%s: the original has no field %q in\n%s", name, line, head)
		}
	}
}
