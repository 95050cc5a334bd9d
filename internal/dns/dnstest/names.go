package dnstest

import "strings"

// BadName is a domain name that a server may give for a host although it is none, or hardly one.
type BadName struct {
	Title string
	Name  Name
	// Host says that it is a host's name all the same by the rules of the C library (res_hnok).
	Host bool
}

// BadNames are such names, each of which would mean something to somebody if it were taken as text.
func BadNames() []BadName {
	first := func(title, label string) BadName { return BadName{Title: title, Name: Labels(label, "bad", "test")} }
	return []BadName{
		{Title: "literal-of-loopback", Name: Labels("[127", "0", "0", "1]", "evil", "test")},
		{Title: "literal-alone", Name: Labels("[127", "0", "0", "1]")},
		{Title: "literal-in-one-label", Name: Labels("[127.0.0.1]", "evil", "test")},
		{Title: "literal-ipv6", Name: Labels("[IPv6:::1]", "evil", "test")},
		first("bracket-open", "[a"),
		first("bracket-close", "a]"),
		first("blank", "a b"),
		first("blank-first", " a"),
		first("tab", "a\tb"),
		first("newline", "a\nb"),
		first("crlf", "a\r\nX-Evil: b"),
		first("nul", "a\x00b"),
		first("escape", "a\x1b[31mb"),
		first("delete", "a\x7fb"),
		first("c1", "a\x9bb"),
		first("latin1", "caf\xe9"),
		first("utf8", "caf\xc3\xa9"),
		first("quote", "a\"b"),
		first("apostrophe", "a'b"),
		first("backslash", "a\\b"),
		first("dot", "a.b"),
		first("comment", "(a)"),
		first("comment-open", "a("),
		first("angles", "<a>"),
		first("at", "user@host"),
		first("percent", "user%host"),
		first("bang", "host!user"),
		first("comma", "a,b"),
		first("semicolon", "a;b"),
		first("colon", "a:b"),
		first("pipe", "|/bin/sh"),
		first("slash", "/etc/passwd"),
		first("dollar", "$j"),
		first("dollar-amp", "$&{auth_type}"),
		first("rule", "$#local"),
		first("back-quote", "`id`"),
		first("star", "*"),
		first("equals", "a=b"),
		first("plus", "a+b"),
		first("hash", "#a"),
		first("tilde", "a~b"),
		first("question", "a?b"),
		first("braces", "{a}"),
		first("dash-first", "-a"),
		{Title: "dash-first-behind", Name: Labels("a", "-b", "test"), Host: true},
		{Title: "dash-last", Name: Labels("a-", "bad", "test"), Host: true},
		{Title: "underscore", Name: Labels("_a_b", "bad", "test"), Host: true},
		{Title: "digits", Name: Labels("1", "2", "3", "4"), Host: true},
		{Title: "loopback-digits", Name: Labels("127", "0", "0", "1"), Host: true},
		{Title: "hexadecimal", Name: Labels("0x7f000001"), Host: true},
		{Title: "localhost", Name: Labels("localhost"), Host: true},
		{Title: "own-name", Name: Labels("mail", "example", "test"), Host: true},
		{Title: "one-label", Name: Labels("word"), Host: true},
		{Title: "label-63", Name: Labels(strings.Repeat("x", 63), "bad", "test"), Host: true},
		{Title: "name-253", Name: Labels(strings.Repeat("a", 63), strings.Repeat("b", 63), strings.Repeat("c", 63),
			strings.Repeat("d", 56), "test"), Host: true},
		{Title: "name-of-escapes", Name: Labels(strings.Repeat("\x01", 63), strings.Repeat("\x02", 63),
			strings.Repeat("\x03", 63), strings.Repeat("\x04", 50), "test")},
		{Title: "upper-case", Name: Labels("UPPER", "BAD", "TEST"), Host: true},
		{Title: "root", Name: "\x00", Host: true},
	}
}
