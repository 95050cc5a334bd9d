package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// originalProgram is a script that runs the original with a host name, and without a network in which it would wait for
// name servers.
func originalProgram(t *testing.T) string {
	t.Helper()
	cmd := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
	if err := exec.Command("unshare", "--uts", "--net", "true").Run(); err != nil {
		t.Skipf("a private host name and network: %v", err)
	}
	libraries := ""
	for _, v := range cmd.Env {
		if strings.HasPrefix(v, "LD_LIBRARY_PATH=") {
			libraries = v
		}
	}
	path := t.TempDir() + "/sendmail"
	script := fmt.Sprintf("#!/bin/sh\n%s exec unshare --uts --net sh -c 'hostname %s && exec \"$@\"' sh %s \"$@\"\n", libraries, oracletest.HostName, cmd.Path)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// The comparison that anybody can run on his own file: the original, asked about what the library and its own tree make
// of it.
func TestDiffAsksTheOriginal(t *testing.T) {
	tree, program := oracletest.Tree(t), originalProgram(t)
	text, err := os.ReadFile("../../cf/mc/testdata/pop-before-smtp.mc")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"site.mc":  strings.Replace(string(text), "solaris9", "solaris8", 1), // the original does not know the later one
		"third.mc": good,
	}
	files["other.mc"] = strings.Replace(good, "MAILER", "FEATURE(`nouucp', `reject')dnl\nMAILER", 1)
	status, stdout, stderr := invoke(t, files, "", "diff", "-C", tree, "--ask="+program, "--probes=500", "site.mc")
	if status != 0 || stdout != "" || !strings.Contains(stderr, " 0 answers differ between the library and "+tree) {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	status, stdout, _ = invoke(t, files, "", "diff", "--ask="+program, "--probes=500", "other.mc", "third.mc")
	if status != exDiffer || !strings.Contains(stdout, "? 3,0 foo!bar\n") {
		t.Errorf("status %d\n%.2000s", status, stdout)
	}
}
