package mailers

import "strings"

// Flags is the set of F= characters.
type Flags [4]uint64

// Has reports whether flag c is set.
func (f Flags) Has(c byte) bool { return f[c>>6]&(1<<(c&63)) != 0 }

// Set adds flag c.
func (f *Flags) Set(c byte) { f[c>>6] |= 1 << (c & 63) }

// Clear takes flag c away.
func (f *Flags) Clear(c byte) { f[c>>6] &^= 1 << (c & 63) }

// String lists the flags in the order of their characters, as -bt's =M does.
func (f Flags) String() string {
	var b strings.Builder
	for c := 0; c < 256; c++ {
		if f.Has(byte(c)) {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

// FlagInfo says what one F= character means and who obeys it.
type FlagInfo struct {
	Flag    byte
	Meaning string
	By      string // the package that honours it; "header" for those that only select H lines
	Why     string // why it has no effect; "" where it has
}

// KnownFlags is the table of op.txt section 5.4. All other characters only select H lines.
var KnownFlags = []FlagInfo{
	{'a', "speak ESMTP even if the greeting does not say so", "mailers", ""},
	{'A', "look the user part up in the aliases", "mta", ""},
	{'b', "end the message with a blank line", "mailers", ""},
	{'B', "strip leading backslashes off the user part", "mailers", ""},
	{'c', "send addresses without comments", "mta", ""},
	{'C', "complete addresses without a domain by the sender's domain", "mta", ""},
	{'d', "no angle brackets around route addresses", "mta", "addresses in the dialogue always stand in angle brackets"},
	{'D', "wants Date:", "header", ""},
	{'e', "expensive: delivered by queue runs only (HoldExpensive)", "mta", ""},
	{'E', "escape body lines that begin with From", "mailers", ""},
	{'f', "give -f and the sender if this is a forward", "mailers", ""},
	{'F', "wants From:", "header", ""},
	{'g', "bounces have the sender MAILER-DAEMON instead of none", "mta", ""},
	{'h', "keep the case of host names", "mta", ""},
	{'i', "rewrite envelope senders by the user database", "mta", ""},
	{'I', "peer is sendmail: send VERB", "mailers", ""},
	{'j', "rewrite recipients by the user database", "mta", ""},
	{'k', "no check whether the peer is ourselves", "mailers", ""},
	{'l', "final delivery", "mta", ""},
	{'L', "limit body lines to 990 bytes unless L= says otherwise", "mailers", ""},
	{'m', "several recipients in one transaction", "mailers", ""},
	{'M', "wants Message-Id:", "header", ""},
	{'n', "no Unix From line", "mailers", ""},
	{'o', "run as the recipient", "mailers", ""},
	{'p', "route-addr reverse path", "mta", "reverse paths name no hosts on the way any more (RFC 5321 section 4.1.1.2)"},
	{'P', "wants Return-Path:", "header", ""},
	{'q', "VRFY answers 250", "mta", ""},
	{'r', "give -r and the sender if this is a forward", "mailers", ""},
	{'R', "connect from a reserved port", "mailers", ""},
	{'s', "strip quotes and backslashes off the user part", "mailers", ""},
	{'S', "do not change the user", "mailers", ""},
	{'u', "keep the case of user names", "mta", ""},
	{'U', "UUCP From line with remote from", "mailers", ""},
	{'w', "the user must have an account", "mta", ""},
	{'W', "ignore the persistent host status", "mailers", ""},
	{'x', "wants Full-Name:", "header", ""},
	{'X', "hidden dots", "mailers", ""},
	{'z', "speak LMTP", "mailers", ""},
	{'Z', "try again after DialDelay", "mailers", ""},
	{'0', "no MX look-up, no FallbackMXhost", "mailers", ""},
	{'1', "strip NUL characters", "mailers", ""},
	{'2', "never ESMTP", "mailers", ""},
	{'3', "quoted-printable also for what EBCDIC spoils", "mailers", ""},
	{'5', "ruleset 5 for users without alias", "mta", ""},
	{'6', "header in seven bits", "mailers", ""},
	{'7', "all in seven bits", "mailers", ""},
	{'8', "takes eight bits: no conversion", "mailers", ""},
	{'9', "limited conversion from seven to eight bits", "mailers", ""},
	{':', ":include: allowed", "mta", ""},
	{'|', "programs allowed", "mta", ""},
	{'/', "files allowed", "mta", ""},
	{'@', "look the user up in the user database", "mta", ""},
	{'%', "only delivered by selected queue runs or ETRN", "mta", ""},
	{'!', "keep a From: that says no more than the envelope", "mta", "a From: field is never dropped, as with the original"},
}
