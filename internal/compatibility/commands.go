package compatibility

import "gosendmail/cf"

// Flag is a flag of a command line.
type Flag struct {
	Name    string // with its value: "-f address"
	Meaning string
	Effect  cf.Effect
	Why     string // where it does not simply work
}

// Letter is the flag's own letter.
func (f Flag) Letter() byte { return f.Name[1] }

// Sendmail lists the flags of sendmail, mailq, newaliases, hoststat and purgestat. Several lines may be about one
// letter.
var Sendmail = []Flag{
	{"-Ac, -Am", "use submit.cf, or sendmail.cf, whatever the mode", cf.Works, ""},
	{"-B type", "body type: 7BIT or 8BITMIME", cf.Works, ""},
	{"-ba", "ARPANET mode: as -bm; Sender: or From: names the sender, errors are replies", cf.Works, ""},
	{"-bC", "check the configuration", cf.Works, ""},
	{"-bd", "daemon in the background", cf.Works, ""},
	{"-bD", "daemon in the foreground", cf.Works, ""},
	{"-bh", "print the status of hosts", cf.Works, "all hosts are listed, whatever names are given"},
	{"-bH", "purge the status of hosts", cf.Works, ""},
	{"-bi", "rebuild the aliases", cf.Works, ""},
	{"-bm", "hand a message in (the default)", cf.Works, ""},
	{"-bp", "print the queue", cf.Works, ""},
	{"-bP", "print the number of messages in the queue", cf.Works, ""},
	{"-bs", "SMTP on standard input and output", cf.Works, ""},
	{"-bt", "test mode", cf.Works, ""},
	{"-bv", "tell where mail for addresses would go", cf.Works, ""},
	{"-C file", "configuration: a .cf, or a .mc, which is compiled", cf.Works, ""},
	{"-c", "option HoldExpensive", cf.Works, ""},
	{"-D file", "file for what only -d asks for; before -d", cf.Works, "set-group-ID rights are given up"},
	{"-d levels", "debugging: 0 prints version, abilities, names of this host and mailers; in -bt 12, 20, 21, 24, 33, 35, 37, 38, 48, 60 and 61 trace addresses, rules, macros, options and maps", cf.Works, "standard error names the others and the levels that print nothing"},
	{"-E", "leftover of other vendors", cf.Idle, "the original knows it on some systems"},
	{"-e mode", "option ErrorMode", cf.Works, ""},
	{"-F name", "full name of the sender", cf.Works, ""},
	{"-f address", "sender", cf.Works, ""},
	{"-G", "the message is relayed, not new: ${daemon_flags} says so", cf.Works, ""},
	{"-h hops", "number of hops so far", cf.Works, ""},
	{"-I", "leftover of other versions", cf.Idle, "the original does not know it"},
	{"-i", "a line with a dot does not end the message", cf.Works, ""},
	{"-J", "leftover of other vendors", cf.Idle, "the original knows it on some systems"},
	{"-L tag", "tag of log lines", cf.Works, ""},
	{"-M macro", "defines a macro", cf.Works, "for messages from the command line"},
	{"-m", "option MeToo", cf.Works, ""},
	{"-N conditions", "delivery status notifications: never, or success, failure, delay", cf.Works, ""},
	{"-n", "no aliases", cf.Works, ""},
	{"-O option=value", "sets an option", cf.Works, "as far as the option does"},
	{"-o option", "sets an option by its letter", cf.Works, "as far as the option does"},
	{"-p protocol:host", "where the message came from", cf.Works, ""},
	{"-Q reason", "with -qI, -qR, -qS or -qQ: quarantine messages, or release them without a reason", cf.Works, ""},
	{"-q", "run the queue once", cf.Works, ""},
	{"-q interval", "run the queue again and again", cf.Works, ""},
	{"-qf", "run the queue in the foreground", cf.Works, ""},
	{"-qG group", "one queue group", cf.Works, ""},
	{"-qI id, -qR recipient, -qS sender, -qQ reason", "messages that match; with ! those that do not", cf.Works, ""},
	{"-qL", "lost messages (Qf)", cf.Works, "a run makes ordinary ones of those that can be read"},
	{"-qp interval", "persistent queue runner", cf.Works, ""},
	{"-R return", "bounces bring back: full or hdrs", cf.Works, ""},
	{"-r address", "as -f", cf.Works, ""},
	{"-s", "option SaveFromLine", cf.Works, ""},
	{"-T time", "option QueueTimeout", cf.Works, ""},
	{"-t", "recipients from the header", cf.Works, ""},
	{"-U", "leftover of other versions", cf.Idle, "the original does not know it"},
	{"-V id", "envelope identifier", cf.Works, ""},
	{"-v", "tell what goes on", cf.Works, ""},
	{"-X file", "log of all dialogues", cf.Works, "set-group-ID rights are given up; what TLS protects stands there as it went over the wire"},
	{"-x", "leftover of other vendors", cf.Idle, "the original knows it on some systems"},
}

// Makemap lists the flags of makemap.
var Makemap = []Flag{
	{"-C file", "configuration in which TrustedUser and DontBlameSendmail are looked up", cf.Works, ""},
	{"-c size", "size of the cache", cf.Idle, "there is no cache to size"},
	{"-D character", "begins comments, instead of #", cf.Works, ""},
	{"-d", "duplicate keys are allowed", cf.Works, "for all types"},
	{"-e", "empty values are allowed", cf.Works, ""},
	{"-f", "keys keep their case", cf.Works, ""},
	{"-i type", "type to take if the one given cannot be written", cf.Works, ""},
	{"-l", "list the types", cf.Works, ""},
	{"-N", "keys end in a NUL byte", cf.Works, ""},
	{"-o", "add to a table", cf.Works, ""},
	{"-r", "later values replace earlier ones of the same key", cf.Works, ""},
	{"-s", "ignore safety checks", cf.Works, ""},
	{"-t delimiter", "separates key and value, instead of white space", cf.Works, ""},
	{"-u", "print a table", cf.Works, ""},
	{"-v", "tell each record", cf.Works, ""},
	{"-x", "list the types with their file name extensions", cf.Works, ""},
}

// Mailstats lists the flags of mailstats.
var Mailstats = []Flag{
	{"-C file", "configuration that names the file of statistics", cf.Works, ""},
	{"-c", "use submit.cf", cf.Works, ""},
	{"-f file", "file of statistics", cf.Works, ""},
	{"-o", "no names of mailers", cf.Works, ""},
	{"-P", "for programs", cf.Works, ""},
	{"-p", "for programs, and begin anew", cf.Works, ""},
}
