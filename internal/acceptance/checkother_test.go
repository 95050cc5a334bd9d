package acceptance

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// otherCommands are commands of which some are shown to check_other.
var otherCommands = []string{"NOOP", "noop with words", "RSET", "VERB", "HELP", "HELP smtp", "JUNK TYPE=I", "junk", "SEND x", "TURN", "EHLO x", "VRFY x", "DATA", "QUIT"}

// TestCheckOtherAsTheOriginal holds which commands check_other sees and what it makes of them. Where it refuses one
// that would succeed, the original sends the refusal and then the success as well; that is not copied, since clients
// would be lost by it.
func TestCheckOtherAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		config := strings.Replace(fmt.Sprintf(timersConfig, string(w), "1"), "O LogLevel",
			"O PrivacyOptions=noverb\nO Timeout.ident=0\nO DaemonPortOptions=Name=MTA,Addr=127.0.0.1\nO PidFile="+w.path("pid")+"\nO LogLevel", 1) +
			"Scheck_other\nR$* $| 5\t$#error $@ 5.7.0 $: \"550 seen \" $1\n"
		write(t, w.path("other.cf"), config)
		must(t, exec.Command("mkdir", "-m", "700", w.path("queue")).Run())
		d := start(t, "127.0.0.1:25", exec.Command(w.path("bin/sendmail"), "-bD", "-C"+w.path("other.cf")))
		ours := stable(dialogue(t, "127.0.0.1", otherCommands...))
		d.stop()
		start(t, "127.0.0.1:25", oracletest.Sendmail(t, "-bD", "-C"+w.path("other.cf")))
		for i, want := range stable(dialogue(t, "127.0.0.1", otherCommands...))[1:] {
			if ours[i+1] != want {
				t.Errorf("%s:\nours:     %s\noriginal: %s", otherCommands[i], ours[i+1], want)
			}
		}
	})
}
