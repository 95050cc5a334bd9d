package testmode

// headerFlags are the properties of well-known header fields as /header prints them: the bits that the original's
// table of fields has (op.txt section 6.3.1).
var headerFlags = map[string]uint32{
	"message": 0x1, "text": 0x1,
	"apparently-to": 0x2, "cc": 0x2, "to": 0x2, "bcc": 0x4002,
	"resent-date": 0x8, "resent-message-id": 0x8, "resent-cc": 0xa, "resent-to": 0xa, "resent-bcc": 0x400a,
	"content-length": 0x20, "full-name": 0x20, "x-authentication-warning": 0x40,
	"mail-from": 0xc0, "received": 0xc0, "via": 0xc0,
	"disposition-notification-to": 0x100, "from": 0x100, "reply-to": 0x100, "sender": 0x100,
	"resent-from": 0x108, "resent-reply-to": 0x108, "resent-sender": 0x108,
	"return-receipt-to": 0x400, "errors-to": 0x900,
	"content-transfer-encoding": 0x1000, "content-type": 0x2000,
	"subject": 0x8000, "comments": 0x8040, "return-path": 0x20060,
}

// fromUser marks a field that came with the message.
const fromUser = 0x40000

// ofSender and ofRecipient mark fields of addresses.
const (
	ofSender    = 0x100
	ofRecipient = 0x2
)

// always marks a field that is added even where the message has one.
const always = 0x40

// stripsComments marks a field whose check drops comments.
const stripsComments = 0x10000

// endsHeader marks a field at which the header ends.
const endsHeader = 0x1
