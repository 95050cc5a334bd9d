package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// identAnswers are what hosts answer to the question whose connection it is, each at an address of its own.
var identAnswers = []string{
	"USERID : UNIX : joe", "USERID:UNIX:joe", "userid : unix,US-ASCII : joe", "USERID : OTHER : joe", "USERID : other,X : joe",
	"USERID : OTHERS : joe", "USERID : UNIX : [c2VjcmV0]", "USERID : UNIX : joe blow", "USERID : UNIX : a<b>(c)\"d\"@e,f\x07\x80",
	"USERID : UNIX :", "ERROR : NO-USER", "USERID", "USERID : UNIX : with:colon", "USERID : UNIX : " + strings.Repeat("long", 100),
}

// serveIdent answers on port 113 of the address of each answer.
func serveIdent(t *testing.T) {
	t.Helper()
	for i, answer := range identAnswers {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.9.%d:113", i+1))
		must(t, err)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				line, _ := bufio.NewReader(c).ReadString('\n')
				io.WriteString(c, strings.TrimSpace(line)+" : "+answer+"\r\n")
				c.Close()
			}
		}()
	}
}

// TestIdentAsTheOriginal holds how both servers name clients whose hosts tell whose connections are; both ask without
// being told to.
func TestIdentAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		serveIdent(t)
		config := strings.Replace(fmt.Sprintf(timersConfig, string(w), "1"), "O LogLevel",
			"O DaemonPortOptions=Name=MTA,Addr=127.0.0.1\nO PidFile="+w.path("pid")+"\nO LogLevel", 1)
		write(t, w.path("ident.cf"), config)
		must(t, exec.Command("mkdir", "-m", "700", w.path("queue")).Run())
		hello := func() (names []string) {
			for i := range identAnswers {
				replies := dialogue(t, fmt.Sprintf("127.0.9.%d", i+1), "HELO client.test")
				names = append(names, replies[1])
			}
			return append(names, dialogue(t, "127.0.0.1", "HELO client.test")[1])
		}
		d := start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("ident.cf")))
		ours := hello()
		d.stop()
		start(t, "127.0.0.1:25", oracletest.Sendmail(t, "-bD", "-C"+w.path("ident.cf")))
		for i, want := range hello() {
			if ours[i] != want {
				t.Errorf("answer %d:\nours:     %s\noriginal: %s", i, ours[i], want)
			}
		}
	})
}
