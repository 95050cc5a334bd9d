package mta

import "strings"

// fieldKind says what a header field means to the program (op.txt section 6.3.1).
type fieldKind uint16

const (
	fieldRcpt    fieldKind = 1 << iota // names recipients
	fieldFrom                          // names a sender
	fieldResent                        // belongs to a resent message
	fieldBcc                           // must not reach recipients
	fieldTrace                         // counts as a hop
	fieldForce                         // may stand beside the one that the configuration adds
	fieldCheck                         // only sent where the mailer's flags ask for it, even when the sender wrote it
	fieldBind                          // expanded only when it is sent: $g differs by mailer
	fieldReceipt                       // asks for a receipt
	fieldErrors                        // names where errors go
	fieldEnd                           // ends the header
)

// fieldKinds is the meaning of the fields that have one; names in lower case.
var fieldKinds = map[string]fieldKind{
	"from": fieldFrom, "sender": fieldFrom, "reply-to": fieldFrom,
	"resent-from": fieldFrom | fieldResent, "resent-sender": fieldFrom | fieldResent, "resent-reply-to": fieldFrom | fieldResent,
	"errors-to": fieldFrom | fieldErrors, "disposition-notification-to": fieldFrom,
	"to": fieldRcpt, "cc": fieldRcpt, "apparently-to": fieldRcpt, "bcc": fieldRcpt | fieldBcc,
	"resent-to": fieldRcpt | fieldResent, "resent-cc": fieldRcpt | fieldResent, "resent-bcc": fieldRcpt | fieldBcc | fieldResent,
	"return-receipt-to": fieldReceipt, "delivery-receipt-to": fieldReceipt,
	"resent-message-id": fieldResent, "resent-date": fieldResent,
	"full-name": fieldCheck, "content-length": fieldCheck,
	"return-path": fieldForce | fieldCheck | fieldBind,
	"received":    fieldTrace | fieldForce, "x400-received": fieldTrace | fieldForce, "via": fieldTrace | fieldForce,
	"mail-from": fieldTrace | fieldForce,
	"comments":  fieldForce, "x-authentication-warning": fieldForce,
	"message": fieldEnd, "text": fieldEnd,
}

// kindOf returns the meaning of a field.
func kindOf(name string) fieldKind { return fieldKinds[strings.ToLower(name)] }

func (k fieldKind) is(bit fieldKind) bool { return k&bit != 0 }
