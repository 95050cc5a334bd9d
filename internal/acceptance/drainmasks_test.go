package acceptance

import (
	"regexp"
	"strings"
)

// drainMasks are what differs from run to run.
var drainMasks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`\b[0-9][0-9A-Za-z]{7}[0-9]{6,}\.\d+/`), "<id>.<time>/"},
	{regexp.MustCompile(`\b20\d{10}\.[0-9][0-9A-Za-z]{7}[0-9]{6,}\b`), "<time>.<id>"},
	{regexp.MustCompile(`\b[0-9][0-9A-Za-z]{7}[0-9]{6,}\b`), "<id>"},
	{regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +\d+ [A-Z][a-z]{2} 20[2-9]\d [\d:]+ (?:[+-]\d{4}|GMT)(?: \(\w+\))?`), "<date>"},
	{regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ [\d:]+ (?:\w{3,4} )?20[2-9]\d`), "<date>"},
	{regexp.MustCompile(`(?m)^(<\d+>)[A-Z][a-z]{2} +\d+ [\d:]+ `), "$1"},
	{regexp.MustCompile(`\b(sendmail|sm-mta|other)\[\d+\]`), "$1"},
	{regexp.MustCompile(`delay=[\d:+]+`), "delay=<time>"},
	{regexp.MustCompile(`\b8\.1[78]\.1(?:\.9)?(?:/8\.1[78]\.1(?:\.9)?)?[^ );,\n]*`), "<version>"},
	{regexp.MustCompile(`(?m)^([TKP])[1-9]\d*$`), "$1<n>"},
	{regexp.MustCompile(`(?m)^I\d+/\d+/\d+\n`), ""},
	{regexp.MustCompile(`pri=\d+`), "pri=<n>"},
	{regexp.MustCompile(` SIZE=\d+`), ""},
	{regexp.MustCompile(`(postmaster notify: ).*`), "$1<reason>"},
	{regexp.MustCompile(`(C: MAIL From:<>) BODY=\w+`), "$1"},
	{regexp.MustCompile(`(?m)^((?:D: |H\?\?)?(?:To|Cc): .*,)\n(?:D: )?\s+`), "$1 "},
	{regexp.MustCompile(`(?m)^((?:D: |H\?\?)?(?:To|Cc): .*),,`), "$1, "},
	{regexp.MustCompile(`(?m)^(?:D: )?X-Actual-Recipient: (?:rfc822; "5\d\d .*|X-Unix; /home/out/x)\n`), ""}, // what is no address
	{regexp.MustCompile(`((?:Final-Recipient: RFC822|rRFC822); )User@rnd`), "${1}user@rnd"},
	{regexp.MustCompile(`(?m)^((?:D: )?)([^ ,]+),([^ ,]+)\.\.\. (Deferred.*)\n`), "$1$2... $4\n$1$3... $4\n"},
	{regexp.MustCompile(`(?m)^(D: )?Full-Name:\s*\n`), ""},
	{regexp.MustCompile(`(?m)^no newline\n\n`), "no newline\n"},
	{regexp.MustCompile(`(expanded from: ):?include:`), "$1:include:"},
	{regexp.MustCompile(`size=\d+`), "size=<n>"},
}

// queueMasks are what control files may have in several ways: whose rights one without rights of his own has, which
// fields an alias passes on, what was said last, and fields that are not sent.
var queueMasks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`(?m)^C[^:\n]*(?::\d+:\d+)?:(.*)\n`), "C:$1\n"},
	{regexp.MustCompile(`(?m)^RP([NSDF]*A)`), "R$1"},
	{regexp.MustCompile(`(?m)^RP([NSDF]*:"\|)`), "R$1"},
	{regexp.MustCompile(`(?m)^M.*\n`), ""},
	{regexp.MustCompile(`(?m)^H\?\?(?:Content-Length|Return-Path):.*\n`), ""},
}

func (l *drainLab) mask(text string) string {
	for _, who := range []string{"ours", "original"} {
		text = strings.ReplaceAll(text, l.program(who), "sendmail")
	}
	text = strings.ReplaceAll(text, string(l.w), "@DIR@")
	for _, m := range drainMasks {
		text = m.find.ReplaceAllString(text, m.put)
	}
	return text
}
