package peertest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"time"
)

// Ident is one way in which an ident server (RFC 1413) can misbehave.
type Ident struct {
	Name string
	// Answer is what is sent, as it is, after the question has come; %s stands for the question.
	Answer string
	// Then is done after that; nil closes the connection.
	Then func(c net.Conn)
}

// Serve answers one question.
func (i Ident) Serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	question, err := bufio.NewReader(io.LimitReader(c, 100)).ReadString('\n')
	if err != nil {
		return
	}
	io.WriteString(c, strings.ReplaceAll(i.Answer, "%s", strings.TrimSpace(question)))
	if i.Then != nil {
		i.Then(c)
	}
}

// Idents are the ident servers that misbehave.
func Idents() []Ident {
	user := func(name, user string) Ident {
		return Ident{Name: "user: " + name, Answer: "%s : USERID : UNIX : " + user + "\r\n"}
	}
	whole := func(name, text string) Ident { return Ident{Name: "answer: " + name, Answer: text} }
	then := func(name, text string, f func(net.Conn)) Ident { return Ident{Name: name, Answer: text, Then: f} }
	return []Ident{
		then("closed", "", nil),
		then("reset", "", reset),
		then("silent", "", silent),
		then("half a line", "%s : USERID : UNIX : jo", silent),
		then("half a line, closed", "%s : USERID : UNIX : joe", nil),
		then("endless line", "%s : USERID : UNIX : ", endless("x")),
		then("endless lines", "", endless("junk\r\n")),
		then("endless blanks", "%s : USERID : UNIX :", endless(" ")),
		then("endless NULs", "", endless("\x00")),
		then("slow", "", drip("%s : USERID : UNIX : joe")),
		then("held open", "%s : USERID : UNIX : joe\r\n", silent),
		then("two lines", "%s : ERROR : NO-USER\r\n%s : USERID : UNIX : joe\r\n", nil),
		whole("line feed", "%s : USERID : UNIX : joe\n"),
		whole("carriage return", "%s : USERID : UNIX : joe\r"),
		whole("junk", "junk\r\n"),
		whole("empty line", "\r\n"),
		whole("colons", ":::::::::\r\n"),
		whole("other ports", "1,2 : USERID : UNIX : joe\r\n"),
		whole("no ports", " : USERID : UNIX : joe\r\n"),
		whole("error", "%s : ERROR : HIDDEN-USER\r\n"),
		whole("error with colons", "%s : ERROR : X : joe\r\n"),
		whole("no user", "%s : USERID : UNIX\r\n"),
		whole("no system", "%s : USERID : joe\r\n"),
		whole("tabs", "%s\t:\tUSERID\t:\tUNIX\t:\tjoe\r\n"),
		whole("lower case", "%s : userid : unix : joe\r\n"),
		whole("charset", "%s : USERID : UNIX , US-ASCII : joe\r\n"),
		whole("other", "%s : USERID : OTHER : joe\r\n"),
		whole("long system", "%s : USERID : "+strings.Repeat("x", 600)+" : joe\r\n"),
		whole("NUL before", "\x00%s : USERID : UNIX : joe\r\n"),
		whole("NUL inside", "%s : USERID\x00 : UNIX : joe\r\n"),
		user("empty", ""),
		user("blanks", "   "),
		user("blank inside", "joe blow"),
		user("long", strings.Repeat("long", 200)),
		user("NUL", "j\x00oe"),
		user("carriage return", "joe\rX-Evil: yes"),
		user("escape", "joe\x1b[31m"),
		user("c1", "joe\x9b31m"),
		user("latin1", "jo\xeb"),
		user("utf8", "jo\xc3\xab"),
		user("brackets", "[127.0.0.1]"),
		user("address", "joe@[127.0.0.1]"),
		user("own name", "mail.example.test [127.0.0.1]"),
		user("at", "joe@host"),
		user("angles", "<joe>"),
		user("comment", "joe)"),
		user("comment open", "(joe"),
		user("quote", "\"joe"),
		user("backslash", "joe\\"),
		user("comma", "joe,blow"),
		user("semicolon", "joe;blow"),
		user("colon", "joe:blow"),
		user("macro", "$j"),
		user("named macro", "${client_addr}"),
		user("rule", "$#local $@ x"),
		user("pipe", "|/bin/sh"),
		user("slash", "/etc/passwd"),
		user("percent", "%n%d"),
		user("trailing blanks", "joe   "),
		user("may be forged", "joe (may be forged)"),
	}
}
