package compatibility

import "gosendmail/cf"

// Tool is a program with the flags of its command line.
type Tool struct {
	Name  string // its folder below cmd
	Flags []Flag
}

// Tools are the programs beside sendmail, makemap and mailstats.
var Tools = []Tool{
	{"editmap", []Flag{
		{"-C file", "configuration in which TrustedUser and DontBlameSendmail are looked up", cf.Works, ""},
		{"-f", "the key keeps its case", cf.Works, ""},
		{"-N", "keys end in a NUL byte", cf.Works, ""},
		{"-q", "print a value", cf.Works, ""},
		{"-u", "set a value", cf.Works, ""},
		{"-x", "remove a key", cf.Works, ""},
	}},
	{"etrn", []Flag{
		{"-b", "make sure first that this host accepts connections", cf.Works, ""},
		{"-v", "print the dialogue", cf.Works, ""},
	}},
	{"expn", []Flag{
		{"-1", "expand one level, and one more for each", cf.Works, ""},
		{"-a", "print only addresses that can be written to, the stricter the more often", cf.Works, ""},
		{"-d", "print how servers are chosen", cf.Works, "in words of its own"},
		{"-v", "print addresses before and after", cf.Works, ""},
		{"-w", "print the dialogues", cf.Works, ""},
	}},
	{"mail.local", []Flag{
		{"-7", "do not offer 8BITMIME", cf.Works, ""},
		{"-b", "a mailbox over quota is a permanent failure", cf.Works, ""},
		{"-D database", "where users are looked up", cf.Works, "pw, which asks what nsswitch.conf names; others are refused, and the message waits"},
		{"-d", "deliver: leftover of older versions", cf.Idle, "it delivers always"},
		{"-f from", "sender, for the From line", cf.Works, ""},
		{"-h file", "mailbox in the user's home", cf.Works, ""},
		{"-l", "LMTP", cf.Works, ""},
		{"-r from", "as -f", cf.Works, ""},
	}},
	{"praliases", []Flag{
		{"-C file", "configuration that names the alias files", cf.Works, ""},
		{"-f file", "alias file", cf.Works, ""},
	}},
	{"qtool", []Flag{
		{"-b", "bounce messages", cf.Works, ""},
		{"-C file", "configuration that names the queue", cf.Works, ""},
		{"-d", "delete messages", cf.Works, "locked ones are left"},
		{"-e expression", "only messages for which it is true", cf.Works, "comparisons of $msg{field}, joined by && || ! and parentheses; the rest of Perl is refused"},
		{"-Q", "quarantined messages", cf.Works, ""},
		{"-s seconds", "only messages that are older", cf.Works, ""},
	}},
	{"rmail", []Flag{
		{"-D domain", "word for -p instead of UUCP", cf.Works, ""},
		{"-T", "print what the From lines say", cf.Works, ""},
	}},
	{"smcontrol", []Flag{
		{"-C file", "configuration that names the socket", cf.Works, "not known to the original's"},
		{"-f socket", "control socket", cf.Works, ""},
	}},
	{"smrsh", []Flag{
		{"-c command", "run a command", cf.Works, ""},
	}},
	{"vacation", []Flag{
		{"-a alias", "another name of the user", cf.Works, ""},
		{"-C file", "configuration that names MailboxDatabase", cf.Idle, "users are found as nsswitch.conf says"},
		{"-d", "errors go to standard error", cf.Works, ""},
		{"-f database", "who was answered", cf.Works, ""},
		{"-I", "as -i", cf.Works, ""},
		{"-i", "empty the database", cf.Works, ""},
		{"-j", "answer whoever the message is for", cf.Works, ""},
		{"-l", "list the database", cf.Works, ""},
		{"-m file", "text of the answer", cf.Works, ""},
		{"-R address", "envelope sender of the answer", cf.Works, ""},
		{"-r interval", "days until a sender is answered again", cf.Works, ""},
		{"-s sender", "sender, instead of the From line's", cf.Works, ""},
		{"-t time", "leftover of other systems", cf.Idle, "-r is obeyed"},
		{"-U", "the user need not exist", cf.Works, ""},
		{"-x", "read addresses that get no answer", cf.Works, ""},
		{"-z", "envelope sender <>", cf.Works, ""},
	}},
}
