package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// TestDebugLog compares what -D takes out of the output with what the original does.
func TestDebugLog(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		processSite(t, w, func(cf string) string { return cf })
		file := w.path("debug")
		outcome := func(cmd *exec.Cmd, in string) string {
			cmd.Stdin = strings.NewReader(in)
			out, _ := cmd.CombinedOutput()
			logged, err := os.ReadFile(file)
			if err != nil {
				logged = []byte("none")
			}
			return fmt.Sprintf("exit %d\n%s== file\n%s", cmd.ProcessState.ExitCode(), strings.ReplaceAll(string(out), cmd.Path, "sendmail"), logged)
		}
		for _, c := range [][]string{
			{"-bt", "-D", file, "-d21.2"}, {"-bt", "-D", file, "-d21.12"}, {"-bt", "-D" + file, "-d21.2", "-d60.1"}, {"-bt", "-D", file}, {"-bt", "-d21.12"}, {"-bt", "-D", file, "-d37.1"},
			{"-bv", "-D", w.path("none/debug"), "root"}, {"-bv", "-D", "", "root"},
		} {
			var results []string
			for _, sendmail := range []*exec.Cmd{
				oracletest.Command(t, "usr/libexec/sendmail/sendmail", append([]string{"-C" + w.path("log.cf")}, c...)...),
				exec.Command(w.path("bin/sendmail"), append([]string{"-C" + w.path("log.cf")}, c...)...),
			} {
				must(t, os.WriteFile(file, []byte("before\n"), 0o644))
				results = append(results, outcome(sendmail, "3,0 alice@remote.test\n/map access x\n"))
				must(t, os.Remove(file))
			}
			if results[0] != results[1] {
				t.Errorf("%q\nours:\n%q\noriginal:\n%q", c, results[1], results[0])
			}
		}
	})
}
