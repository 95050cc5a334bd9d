package testmode_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gosendmail/cf/mc"
	"gosendmail/internal/oracletest"
)

// answers takes the final answer to each command out of the original's output: what the last "returns:" line of the
// command says. Of the check rulesets a server sees $# only; other workspaces mean acceptance.
func answers(t *testing.T, path, commands string) []string {
	t.Helper()
	asked := strings.Split(strings.TrimSpace(commands), "\n")
	var marked strings.Builder // each command after a line of output that tells which it is
	for i, command := range asked {
		fmt.Fprintf(&marked, ".D{mark}mark-%d\n${mark}\n%s\n", i, command)
	}
	cmd := oracletest.Sendmail(t, "-bt", "-C"+path)
	cmd.Stdin = strings.NewReader(marked.String())
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() < 0 {
		t.Fatal(err)
	}
	said := make([]string, len(asked))
	at := -1
	for line := range strings.Lines(string(out)) {
		if n, ok := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "> "), "mark-"); ok {
			if at, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		} else if at >= 0 {
			said[at] += line
		}
	}
	var list []string
	for i, command := range asked {
		if !strings.HasPrefix(command, ".D") {
			list = append(list, command+" => "+final(said[i], strings.HasPrefix(command, "3,0")))
		}
	}
	return list
}

func final(part string, whole bool) string {
	answer := "no answer"
	for line := range strings.Lines(part) {
		if _, returned, ok := strings.Cut(line, " returns: "); ok {
			answer = strings.TrimSpace(returned)
		}
	}
	if !whole && answer != "no answer" && !strings.HasPrefix(answer, "$#") {
		return "accepted"
	}
	return answer
}

// TestSeedAnswers lets the original answer on our configuration and on the one of its own tree.
func TestSeedAnswers(t *testing.T) {
	path := seedSite(t)
	dir := filepath.Dir(path)
	out, err := mc.CompileText(mc.Options{}, "sendmail.mc", strings.ReplaceAll(seedFile(t, "sendmail.mc"), "/etc/mail", dir))
	if err != nil {
		t.Fatal(err)
	}
	probes := seedProbes()
	want := answers(t, path, probes)
	got := answers(t, write(t, dir, "ours.cf", trusting(string(out.Text()), dir)), probes)
	if len(want) != 1500 || len(got) != len(want) {
		t.Fatalf("%d answers on ours, %d on the original's, want 1500", len(got), len(want))
	}
	kinds := map[string]int{}
	for i := range want {
		_, answer, _ := strings.Cut(want[i], " => ")
		kinds[answer]++
		if got[i] != want[i] {
			t.Errorf("on ours:           %s\non the original's: %s", got[i], want[i])
		}
	}
	if len(kinds) < 50 {
		t.Errorf("only %d different answers: the probes ask too little", len(kinds))
	}
	t.Logf("%d answers, %d different ones, %d without", len(want), len(kinds), kinds["no answer"])
}
