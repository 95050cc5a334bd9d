package acceptance

import (
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// separatorMaps are K lines of tables whose columns are parted by tabs, blanks and others; the file is the same.
const separatorMaps = "Kt1 text -z\t -k0 -v1 /etc/mail/columns\nKt2 text -z\\t -k0 -v1 /etc/mail/columns\n" +
	"Kt3 text -z  -k0 -v1 /etc/mail/columns\nKt4 text -k0 -v1 -z /etc/mail/columns\n" +
	"Kt5 text -z; -k0 -v1 /etc/mail/columns\n" +
	"Kt6 text -k0 -v1 /etc/mail/columns\n"

// TestSeparatorsAsTheOriginal: separators of class text (-z) and of makemap (-t), a tab among them.
func TestSeparatorsAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		const columns = "a\tb c\td\nx y\tz\nk;v;w\n  lead\tl\n\tempty\n"
		write(t, "/etc/mail/columns", columns)
		processSite(t, w, func(cf string) string { return cf + separatorMaps })
		var asked strings.Builder
		for _, m := range []string{"t1", "t2", "t3", "t4", "t5", "t6"} {
			for _, key := range []string{"a", "x y", "x", "k", "lead", "k;v;w"} {
				asked.WriteString("/map " + m + " " + key + "\n")
			}
		}
		got := outputOf(exec.Command(w.path("bin/sendmail"), "-C"+w.path("log.cf"), "-bt"), asked.String())
		if n := strings.Count(got, " returns "); n < 8 {
			t.Errorf("only %d are found:\n%s", n, got)
		}
		if want := outputOf(oracletest.Sendmail(t, "-C"+w.path("log.cf"), "-bt"), asked.String()); got != want {
			t.Errorf("class text: ours\n%soriginal\n%s", got, want)
		}
		for _, separator := range []string{"\t", ";", " ", ""} {
			args := []string{"-C", w.path("log.cf"), "-t" + separator, "hash", "/etc/mail/made"}
			got := outputOf(exec.Command(w.path("bin/makemap"), args...), columns)
			got += outputOf(exec.Command(w.path("bin/makemap"), "-u", "hash", "/etc/mail/made"), "")
			run(t, "", "rm", "-f", "/etc/mail/made.db")
			want := outputOf(oracletest.Command(t, "usr/sbin/makemap", args...), columns)
			dump := append([]string{"-u"}, args[:2]...)
			want += outputOf(oracletest.Command(t, "usr/sbin/makemap", append(dump, "hash", "/etc/mail/made")...), "")
			run(t, "", "rm", "-f", "/etc/mail/made.db")
			if sortedLines(got) != sortedLines(want) {
				t.Errorf("makemap -t%q: ours\n%soriginal\n%s", separator, got, want)
			}
		}
	})
}
