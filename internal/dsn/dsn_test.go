package dsn_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"

	"gosendmail/internal/dsn"
	"gosendmail/internal/envelope"
	"gosendmail/internal/status"
)

var (
	received = time.Date(2026, 11, 22, 5, 5, 4, 0, time.UTC)
	tried    = received.Add(2 * time.Second)
)

func original() *envelope.Envelope {
	return &envelope.Envelope{
		ID: "6AM554T9000218", Sender: "bob@sender.test", Created: received, EnvID: "ab+c",
		Header: []envelope.Field{
			{Flags: "P", Name: "Return-Path", Value: " <$g>", Template: true},
			{Name: "Received", Value: " from x\n\tby mail.example.test"},
			{Flags: "x", Name: "Full-Name", Value: " Bob"},
			{Name: "Bcc", Value: " hidden@example.test"},
			{Name: "Subject", Value: " x"},
		},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("line\nbody\n")), nil },
	}
}

func report() *dsn.Report {
	list := &envelope.Recipient{Addr: "<pipe@example.test>", Final: "RFC822; pipe@example.test"}
	return &dsn.Report{
		Kind: dsn.Failure, Envelope: original(), ID: "6AM556R4000224", Hostname: "mail.example.test", To: "<bob@sender.test>",
		Now: tried, Received: "client.test [192.0.2.1]", ReceivedFrom: "client.test",
		Transcript: strings.NewReader("... while talking to mx1.remote.test.:\n>>> RCPT To:<perm@remote.test>\n" +
			"<<< 550-5.1.1 no such\n<<< 550 5.1.1 user here\n550 5.1.1 <perm@remote.test>... User unknown\n"),
		Recipients: []dsn.Recipient{
			{
				Recipient: &envelope.Recipient{
					Addr: "<perm@remote.test>", Orcpt: "rfc822;foo+x@bar", Final: "RFC822; perm@remote.test", Tried: tried,
					Status: status.Status{Code: 550, Enhanced: status.Enhanced{5, 1, 1}, Remote: "mx1.remote.test.",
						Diagnostic: "550-5.1.1 no such\n550 5.1.1 user here"},
				},
				Action: dsn.Failed, ActualType: "rfc822", Actual: "perm@remote.test",
			},
			{
				Recipient: &envelope.Recipient{
					Addr: `"|/bin/echo a message; exit 67"`, Final: "RFC822; pipe@example.test", Alias: list, Tried: tried,
					Status: status.Status{Exit: 67, Enhanced: status.Enhanced{5, 1, 1}, Diagnostic: "67"},
				},
				Action: dsn.Failed, ActualType: "X-Unix", Actual: "|/bin/echo a message; exit 67", DiagnosticType: "X-Unix",
			},
			{
				Recipient: &envelope.Recipient{
					Addr: "alice", Final: "RFC822; alice@example.test", Tried: tried,
					Status: status.Status{Enhanced: status.Enhanced{2, 1, 5}},
				},
				Action: dsn.Delivered, ActualType: "rfc822", Actual: "alice@example.test",
			},
		},
	}
}

const wantFailure = `This is a MIME-encapsulated message

--6AM556R4000224.1795323906/mail.example.test

The original message was received at Sun, 22 Nov 2026 05:05:04 GMT
from client.test [192.0.2.1]

   ----- The following addresses had permanent fatal errors -----
<perm@remote.test>
    (reason: 550-5.1.1 no such)
"|/bin/echo a message; exit 67"
    (reason: User unknown)
    (expanded from: <pipe@example.test>)

   ----- The following addresses had successful delivery notifications -----
alice  (successfully delivered to mailbox)

   ----- Transcript of session follows -----
... while talking to mx1.remote.test.:
>>> RCPT To:<perm@remote.test>
<<< 550-5.1.1 no such
<<< 550 5.1.1 user here
550 5.1.1 <perm@remote.test>... User unknown

--6AM556R4000224.1795323906/mail.example.test
Content-Type: message/delivery-status

Original-Envelope-Id: ab+c
Reporting-MTA: dns; mail.example.test
Received-From-MTA: DNS; client.test
Arrival-Date: Sun, 22 Nov 2026 05:05:04 GMT

Original-Recipient: rfc822;foo+x@bar
Final-Recipient: RFC822; perm@remote.test
X-Actual-Recipient: rfc822; perm@remote.test
Action: failed
Status: 5.1.1
Remote-MTA: DNS; mx1.remote.test
Diagnostic-Code: SMTP; 550-5.1.1 no such
Last-Attempt-Date: Sun, 22 Nov 2026 05:05:06 GMT

Final-Recipient: RFC822; pipe@example.test
X-Actual-Recipient: X-Unix; |/bin/echo a message; exit 67
Action: failed
Status: 5.1.1
Diagnostic-Code: X-Unix; 67
Last-Attempt-Date: Sun, 22 Nov 2026 05:05:06 GMT

Final-Recipient: RFC822; alice@example.test
X-Actual-Recipient: rfc822; alice@example.test
Action: delivered (to mailbox)
Status: 2.1.5
Last-Attempt-Date: Sun, 22 Nov 2026 05:05:06 GMT

--6AM556R4000224.1795323906/mail.example.test
Content-Type: message/rfc822

Return-Path: <bob@sender.test>
Received: from x
	by mail.example.test
Subject: x

line
body

--6AM556R4000224.1795323906/mail.example.test--

`

func body(t *testing.T, r *dsn.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteBody(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFailure(t *testing.T) {
	if got := body(t, report()); got != wantFailure {
		t.Errorf("got\n%s\nwant\n%s", got, wantFailure)
	}
}

func TestDelay(t *testing.T) {
	r := report()
	r.Kind, r.Waited, r.Limit, r.HeaderOnly = dsn.Delay, time.Second, 5*24*time.Hour, true
	r.Recipients = []dsn.Recipient{{Recipient: &envelope.Recipient{
		Addr: "x@remote.test", Final: "RFC822; x@remote.test", Status: status.Status{Enhanced: status.Enhanced{4, 4, 1}}},
		Action: dsn.Delayed}}
	r.Transcript = strings.NewReader("x@remote.test... Deferred: Connection refused by mx2.remote.test.\n" +
		"Warning: message still undelivered after 1 second\nWill keep trying until message is 5 days old\n")
	got := body(t, r)
	for _, want := range []string{
		"    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n" +
			"    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n" +
			"The original message was received at Sun, 22 Nov 2026 05:05:04 GMT\nfrom client.test [192.0.2.1]\n\n" +
			"   ----- Transcript of session follows -----\n" +
			"x@remote.test... Deferred: Connection refused by mx2.remote.test.\n" +
			"Warning: message still undelivered after 1 second\nWill keep trying until message is 5 days old\n\n--",
		"Action: delayed\nStatus: 4.4.1\nWill-Retry-Until: Fri, 27 Nov 2026 05:05:04 GMT\n\n--",
		"Content-Type: text/rfc822-headers\n\nReturn-Path: <bob@sender.test>\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks\n%s\nin\n%s", want, got)
		}
	}
	if strings.Contains(got, "line\nbody") {
		t.Error("brings the body back")
	}
}

func TestPlain(t *testing.T) {
	r := report()
	r.Plain = true
	r.Recipients = r.Recipients[:1]
	got := body(t, r)
	if !strings.HasPrefix(got, "The original message was received at ") ||
		!strings.Contains(got, "User unknown\n\n   ----- Original message follows -----\n\nReturn-Path: ") ||
		!strings.HasSuffix(got, "\nSubject: x\n\nline\nbody\n\n") || strings.Contains(got, "Content-Type") {
		t.Errorf("got\n%s", got)
	}
	r = report()
	r.Plain, r.HeaderOnly = true, true
	if got := body(t, r); !strings.HasSuffix(got, "   ----- Message header follows -----\n\nReturn-Path: <bob@sender.test>\n"+
		"Received: from x\n\tby mail.example.test\nSubject: x\n\n   ----- Message body suppressed -----\n\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestFields(t *testing.T) {
	for _, c := range []struct {
		kind           dsn.Kind
		subject, cause string
	}{
		{dsn.Failure, "Returned mail: see transcript for details", "failure"},
		{dsn.Delay, "Warning: could not send message for past 4 hours", "warning-timeout"},
		{dsn.Receipt, "Return receipt", "return-receipt"},
		{dsn.Postmaster, "Postmaster notify: see transcript for details", "postmaster-notification"},
	} {
		r := report()
		r.Kind, r.Waited = c.kind, 4*time.Hour
		r.Envelope.Flags.EightBit = true
		var b strings.Builder
		for _, f := range r.Fields() {
			b.WriteString(f.Name + ":" + f.Value + "\n")
		}
		want := "To: <bob@sender.test>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n" +
			"\tboundary=\"6AM556R4000224.1795323906/mail.example.test\"\nContent-Transfer-Encoding: 8bit\n" +
			"Subject: " + c.subject + "\nAuto-Submitted: auto-generated (" + c.cause + ")\n"
		if b.String() != want {
			t.Errorf("kind %d: got\n%s\nwant\n%s", c.kind, b.String(), want)
		}
	}
}

// TestReaders lets a MIME library take the report apart, and peers try to forge fields.
func TestReaders(t *testing.T) {
	r := report()
	r.Recipients[0].Status.Remote = "mx1\nAction: delivered"
	r.Recipients[0].Actual = "x\r\nStatus: 2.0.0"
	r.Envelope.Flags.EightBit = true
	var head strings.Builder
	for _, f := range r.Fields() {
		head.WriteString(f.Name + ":" + strings.ReplaceAll(f.Value, "\n", "\r\n") + "\r\n")
	}
	m, err := message.Read(strings.NewReader(head.String() + "\r\n" + strings.ReplaceAll(body(t, r), "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	mr := m.MultipartReader()
	var types []string
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := part.Header.ContentType()
		text, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "message/delivery-status" && (strings.Contains(string(text), "\nAction: delivered\r") ||
			strings.Contains(string(text), "\nStatus: 2.0.0")) {
			t.Errorf("a peer forged a field:\n%s", text)
		}
		types = append(types, kind)
	}
	if got := strings.Join(types, " "); got != "text/plain message/delivery-status message/rfc822" {
		t.Errorf("parts %s", got)
	}
}

func TestErrors(t *testing.T) {
	r := report()
	broken := errors.New("broken disk")
	r.Envelope.Open = func() (io.ReadCloser, error) { return nil, broken }
	if err := r.WriteBody(io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	r = report()
	r.Transcript = io.MultiReader(strings.NewReader(strings.Repeat("x", 10000)+"\n\nno end"), nil2{})
	if err := r.WriteBody(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

type nil2 struct{}

func (nil2) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "zero seconds", time.Second: "1 second", 4 * time.Hour: "4 hours", 5 * 24 * time.Hour: "5 days",
		26*time.Hour + 2*time.Minute: "1 day, 2 hours, 2 minutes", 14 * 24 * time.Hour: "2 weeks", 194 * time.Hour: "1 week, 1 day, 2 hours",
	} {
		if got := dsn.Words(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	zone := time.FixedZone("JST", 9*3600)
	if got := dsn.Date(time.Date(2026, 11, 2, 5, 5, 4, 0, zone)); got != "Mon, 2 Nov 2026 05:05:04 +0900 (JST)" {
		t.Errorf("date %q", got)
	}
}
