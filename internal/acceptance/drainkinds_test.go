package acceptance

import (
	"fmt"
	"strings"
	"testing"
)

// drainKinds are messages that once ended otherwise than with the original when they were drained from a queue, each
// for its kind. args are options of the whole case, rcpts those of whoever hands it in, parted by blanks.
var drainKinds = []struct{ name, mailer, args, rcpts, stdin string }{
	{"a part of a list with an owner keeps Return-Receipt-To:", "", "", "-falice owned",
		receiptWanted},
	{"the same by SMTP", "", "", "-bs",
		strings.Replace(dialogueOf("alice@example.test", "text\n", "progs@example.test"), "Subject: x",
			"Return-Receipt-To: bob", 1)},
	{"the same, which implies a receipt", "", "-ORrtImpliesDSN=True", "-falice progs",
		receiptWanted},
	{"an 8-bit header of a MIME message, F=7", sevenMailer, "", "User@rnd.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain\n\ntext\n"},
	{"an 8-bit header and body of a MIME message, F=7", sevenMailer, "", "User@rnd.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain\n\n8bit \xe4\n"},
	{"an 8-bit header of a MIME message to a peer, F=7", "", "", "far@seven.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain; charset=x\n\ntext\n"},
	{"an 8-bit header of a multipart message, F=7", sevenMailer, "", "User@rnd.test far@seven.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bb\n\n" + drainParts},
	{"an 8-bit header, F=7, mimify", sevenMailer, "-OEightBitMode=mimify", "User@rnd.test far@seven.test",
		"Subject: gr\xfc\xdfe\n\n8bit \xe4\n"},
	{"an 8-bit header alone, F=7, mimify", sevenMailer, "-OEightBitMode=mimify", "User@rnd.test far@seven.test",
		"Subject: gr\xfc\xdfe\n\ntext\n"},
	{"an 8-bit header of a message in base64, F=7", sevenMailer, "", "User@rnd.test far@seven.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n" +
			"\ndGV4dAo=\n"},
	{"an 8-bit header of a MIME message, F=6", "Mrandom, P=/home/rec, F=lsDFMu6, A=rec random $u\n",
		"", "User@rnd.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain\n\ntext\n"},
	{"an 8-bit header of a MIME message to a peer, F=76", peerMailer + "76\n", "", "User@rnd.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain; charset=x\n\n8bit \xe4\n"},
	{"an 8-bit header of a MIME message to a peer, F=6", peerMailer + "6\n", "", "User@rnd.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: text/plain; charset=x\n\n8bit \xe4\n"},
	{"an 8-bit header declared by BODY=8BITMIME to a peer, F=7", "", "", "-B8BITMIME far@seven.test",
		"Subject: gr\xfc\xdfe\n\n8bit \xe4\n"},
	{"Return-Receipt-To: implies a receipt", "", "-ORrtImpliesDSN=True", "-falice bob far@remote.test",
		receiptWanted},
	{"Return-Receipt-To: implies a receipt, of failures, too", "", "-ORrtImpliesDSN=True",
		"-falice rej@remote.test bob nosuch", receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=FAILURE", "", "-ORrtImpliesDSN=True",
		"-falice -Nfailure bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=DELAY", "", "-ORrtImpliesDSN=True",
		"-falice -Ndelay bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=NEVER", "", "-ORrtImpliesDSN=True",
		"-falice -Nnever bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Delivery-Receipt-To:", "", "-ORrtImpliesDSN=True", "-falice bob far@remote.test",
		"Delivery-Receipt-To: alice@example.test\nSubject: x\n\ntext\n"},
	{"a receipt for a list", "", "", "-bs",
		dialogueOf("alice@example.test", "text\n", "owned@example.test NOTIFY=SUCCESS")},
	{"a receipt for a list beside a user", "", "", "-bs",
		dialogueOf("alice@example.test", "text\n", "progs@example.test NOTIFY=SUCCESS,FAILURE",
			"bob@example.test NOTIFY=SUCCESS")},
	{"a receipt asked for with -N", "", "", "-Nsuccess -falice owned", "Subject: x\n\ntext\n"},
	{"an owner hears what programs of others printed", "", "", "-falice prog67 owned", "Subject: x\n\ntext\n"},
	{"an owner hears what programs of others printed, who wait", "", "", "-falice owned prog75",
		"Subject: x\n\ntext\n"},
	{"one recipient twice", "", "", "-falice bob bob", "Subject: x\n\ntext\n"},
	{"one recipient twice in two forms", "", "", "-falice bob bob@example.test", "Subject: x\n\ntext\n"},
	{"one recipient twice, by SMTP", "", "", "-bs",
		dialogueOf("alice@example.test", "text\n", "bob@example.test", "bob@example.test")},
	{"one far recipient twice, by SMTP", "", "", "-bs",
		dialogueOf("alice@example.test", "text\n", "far@remote.test", "far@remote.test")},
	{"a receipt for a quoted name", "", "", "-falice -Nsuccess \"two\u00a0words\"@f.test", "Subject: x\n\ntext\n"},
	{"a receipt for quoted names", "", "", "-bs", dialogueOf("alice@example.test", "text\n",
		"\"two words\"@f.test NOTIFY=SUCCESS", "\"a|b\"@p.test NOTIFY=SUCCESS")},
	{"a double bounce of who waits", "", "", "-f<> tmp@remote.test nosuch", "Subject: x\n\ntext\n"},
	{"a double bounce", "", "", "-fnosuch@example.test tmp@remote.test nosuch", "Subject: x\n\ntext\n"},
	{"a From: that ends with a group", "", "", "-falice bob far@remote.test", "From: group: alice, carol;\n\ntext\n"},
}

// receiptWanted is a message that asks for a receipt.
const receiptWanted = "Return-Receipt-To: alice@example.test\nSubject: x\n\ntext\n"

// sevenMailer is a mailer for seven bits.
const sevenMailer = "Mrandom, P=/home/rec, F=lsDFMu7, A=rec random $u\n"

// peerMailer is a mailer for a peer, without the last of its flags.
const peerMailer = "Mrandom, P=[IPC], A=TCP mx1.remote.test, E=\\r\\n, T=DNS/RFC822/SMTP, F=mDFMuX"

// dialogueOf hands a message in over SMTP. A recipient may have parameters behind him.
func dialogueOf(from, text string, rcpts ...string) string {
	var b strings.Builder
	b.WriteString("EHLO client.test\r\nMAIL FROM:<" + from + ">\r\n")
	for _, r := range rcpts {
		end := strings.LastIndex(r, " NOTIFY")
		if end < 0 {
			end = len(r)
		}
		b.WriteString("RCPT TO:<" + r[:end] + ">" + r[end:] + "\r\n")
	}
	b.WriteString("DATA\r\nSubject: x\r\n\r\n" + strings.ReplaceAll(text, "\n", "\r\n") + ".\r\nQUIT\r\n")
	return b.String()
}

// kindCase is a case of a list; a blank within a word is U+00A0.
func kindCase(mailer, args, rcpts, stdin string) *drainCase {
	c := &drainCase{user: "root", mailer: mailer, args: strings.Fields(args), stdin: stdin}
	for _, word := range strings.FieldsFunc(rcpts, func(r rune) bool { return r == ' ' }) {
		c.rcpts = append(c.rcpts, strings.ReplaceAll(word, "\u00a0", " "))
	}
	return c
}

// localKinds are messages that once ended otherwise than with the original when they were delivered at once.
var localKinds = []struct{ name, mailer, args, rcpts, stdin string }{
	{"one recipient twice, by SMTP", "", "", "-bs",
		dialogueOf("alice@example.test", "text\n", "dave@example.test", "dave@example.test")},
	{"a receipt for a quoted name", "", "", "-falice -Nsuccess \"two\u00a0words\"@f.test", "Subject: x\n\ntext\n"},
	{"an 8-bit header of a MIME message to a peer, F=7", "", "", "far@seven.test",
		"Subject: gr\xfc\xdfe\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\nSubject: inner\n\n8bit \xe4\n"},
	{"Return-Receipt-To: implies a receipt, of failures, too", "", "-ORrtImpliesDSN=True",
		"-falice rej@remote.test bob nosuch", receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=FAILURE", "", "-ORrtImpliesDSN=True",
		"-falice -Nfailure bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=DELAY", "", "-ORrtImpliesDSN=True",
		"-falice -Ndelay bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Return-Receipt-To: beside NOTIFY=NEVER", "", "-ORrtImpliesDSN=True",
		"-falice -Nnever bob far@remote.test rej@remote.test",
		receiptWanted},
	{"Delivery-Receipt-To:", "", "-ORrtImpliesDSN=True", "-falice bob far@remote.test",
		"Delivery-Receipt-To: alice@example.test\nSubject: x\n\ntext\n"},
	{"a part of a list with an owner lacks Return-Receipt-To:", "", "", "-falice owned progs", receiptWanted},
	{"the same by SMTP", "", "", "-bs",
		strings.Replace(dialogueOf("alice@example.test", "text\n", "progs@example.test"), "Subject: x",
			"Return-Receipt-To: bob", 1)},
	{"no From: and the null sender", "", "", "-f<> bob far@remote.test", "Subject: x\n\ntext\n"},
	{"no From: and the null sender, by SMTP", "", "", "-bs", dialogueOf("", "text\n", "bob@example.test")},
	{"no From: and the null sender, by SMTP, to a peer", "", "", "-bs",
		dialogueOf("", "text\n", "bob@example.test", "far@remote.test")},
	{"a From: that ends with a group", "", "", "-falice bob far@remote.test", "From: group: alice, carol;\n\ntext\n"},
	{"a From: that is a group of hosts", "", "", "-falice bob far@remote.test",
		"From: group: alice@example.test;\nTo: a: bob;, carol\n\ntext\n"},
}

// TestLocalKindsAsTheOriginal has them delivered at once.
func TestLocalKindsAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		v := &holding{sections: map[string]int{}}
		for _, k := range localKinds {
			c := kindCase(k.mailer, k.args, k.rcpts, k.stdin)
			want := l.deliver(t, them, c)
			v.compare(t, k.name, c, l.deliver(t, us, c), want)
		}
		v.most(t, 0)
	})
}

// TestDrainKindsAsTheOriginal has them written and drained in all ways.
func TestDrainKindsAsTheOriginal(t *testing.T) {
	inArena(t, prepareDrain, func(t *testing.T, w world) {
		l := openDrainLab(t, w)
		v := &holding{sections: map[string]int{}}
		for _, k := range drainKinds {
			c := kindCase(k.mailer, k.args, k.rcpts, k.stdin)
			spools := map[string]spool{}
			for _, who := range []string{us, them} {
				spools[who], _ = l.write(t, who, c)
			}
			for _, way := range drainWays {
				want := l.drain(t, spools[them], c, way.beside...)
				got := l.drain(t, spools[way.writes], c, way.drains...)
				v.compare(t, fmt.Sprintf("%s: %s>%v", k.name, way.writes, way.drains), c, got, want)
			}
		}
		v.most(t, 0)
	})
}
