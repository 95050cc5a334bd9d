package cf_test

import (
	"strings"
	"testing"

	"gosendmail/cf"
)

// TestTrace: what -d37.1 shows of options.
func TestTrace(t *testing.T) {
	var got strings.Builder
	_, err := cf.Parse(strings.NewReader("V10/Berkeley\nO LogLevel=9\nOA/etc/aliases\nO Timeout.ident=0\nO SmtpGreetingMessage=$j $v\n"+
		"O DaemonPortOptions=Name=MSA, M=Ea\nO DaemonPortOptions=Port=25\n"), cf.Input{File: "x.cf", Options: []string{" LogLevel=3"},
		Trace: func(_ int, text string) { got.WriteString(text) }})
	if err != nil {
		t.Fatal(err)
	}
	want := "setoption LogLevel (L)=3\nsetoption LogLevel (L)=9 (ignored)\nsetoption AliasFile (A)=/etc/aliases\nsetoption Timeout (r).ident=0\n" +
		"setoption SmtpGreetingMessage (0x90)=$j $v\nsetoption DaemonPortOptions (O)=Name=MSA, M=Ea\nDaemon MSA flags: <AUTHREQ,NOETRN>\n" +
		"setoption DaemonPortOptions (O)=Port=25\nDaemon Daemon1 flags: \n"
	if got.String() != want {
		t.Errorf("got  %q\nwant %q", got.String(), want)
	}
}
