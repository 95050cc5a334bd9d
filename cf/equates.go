package cf

// Equate describes an equate of M lines.
type Equate struct {
	Letter  byte
	Meaning string
	Limit   Limit
}

// MailerEquates are the equates of M lines (op.txt section 5.4).
var MailerEquates = []Equate{
	{'P', "program, [IPC], [FILE], or ours: [mbox], [maildir]", Limit{Effect: Works}},
	{'F', "flags", Limit{Effect: Works}},
	{'S', "rule sets of senders: envelope/header", Limit{Effect: Works}},
	{'R', "rule sets of recipients: envelope/header", Limit{Effect: Works}},
	{'A', "arguments", Limit{Effect: Works}},
	{'E', "end of line", Limit{Effect: Works}},
	{'M', "largest message in bytes", Limit{Effect: Works}},
	{'m', "messages over one connection", Limit{Effect: Works}},
	{'r', "recipients of one delivery", Limit{Effect: Works}},
	{'L', "longest line in bytes", Limit{Effect: Works}},
	{'D', "working folders, the first that is there", Limit{Effect: Works}},
	{'U', "user and group to run as", Limit{Effect: Works}},
	{'C', "character set of 8-bit text", Limit{Effect: Works}},
	{'T', "types of MTA, address and diagnostic in reports", Limit{Effect: Works, Why: "addresses are always of type rfc822"}},
	{'N', "niceness", Limit{Effect: Works}},
	{'W', "how long to wait for the program to end", Limit{Effect: Works}},
	{'Q', "queue group", Limit{Effect: Works}},
	{'/', "folder to change the root to", Limit{Effect: Works}},
}
