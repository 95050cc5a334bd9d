package mc_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/cf/mc"
	"gosendmail/cf/mc/probe"
	"gosendmail/internal/oracletest"
)

// site is a folder in place of /etc/mail, with the tables that the probes ask for, as the original's makemap writes
// them.
type site struct {
	dir      string
	sendmail string
	env      []string
	apart    chan func() // work to be done on the thread that has a host name and a network of its own
}

// separate starts that thread: sendmail must find a full host name, and no name server.
func (s *site) separate(t *testing.T) {
	t.Helper()
	s.apart = make(chan func())
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Sethostname([]byte("host.domain.com"))
		}
		ready <- err
		for f := range s.apart {
			f()
		}
	}()
	t.Cleanup(func() { close(s.apart) })
	if err := <-ready; err != nil {
		t.Skipf("a private host name and network: %v", err)
	}
}

// run runs a command on the separate thread.
func (s *site) run(cmd *exec.Cmd) (out []byte, err error) {
	done := make(chan struct{})
	s.apart <- func() {
		out, err = cmd.CombinedOutput()
		close(done)
	}
	<-done
	return out, err
}

// newSite makes the tables. It skips the test without the original, or without the right to a private host name and
// network.
func newSite(t *testing.T) *site {
	t.Helper()
	cmd := oracletest.Command(t, "usr/libexec/sendmail/sendmail")
	s := &site{dir: t.TempDir(), sendmail: cmd.Path, env: cmd.Env}
	s.separate(t)
	for name, text := range tables {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(name, ".") && strings.Contains(text, "\t") {
			makemap := oracletest.Command(t, "usr/libexec/sendmail/makemap", "-C", "/dev/null", "hash", path+".db")
			makemap.Stdin = strings.NewReader(text)
			if out, err := makemap.CombinedOutput(); err != nil {
				t.Fatalf("makemap %s: %v\n%s", name, err, out)
			}
		}
	}
	return s
}

// adapt makes a .cf read the tables of the site, and adds a rule set that turns its argument "a $| b" into two.
func (s *site) adapt(cf string) string {
	cf = strings.ReplaceAll(cf, "/etc/mail/", s.dir+"/")
	cf = regexp.MustCompile(`(?m)^O (ServiceSwitchFile|HostsFile|DontProbeInterfaces|QueueDirectory|DontBlameSendmail|ResolverOptions|RunAsUser|TrustedUser)=.*\n`).ReplaceAllString(cf, "")
	return "O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe\n" + cf + `
SStart
R$* $$| $*	$: $1 $| $2
O ServiceSwitchFile=` + s.dir + `/service.switch
O HostsFile=` + s.dir + `/hosts.txt
O DontProbeInterfaces=True
O QueueDirectory=` + s.dir + "\n"
}

// ask gives commands to the original's address test mode under a .cf and returns what it said before the first prompt,
// and the final answer to each.
func (s *site) ask(t *testing.T, name, cf string, commands []string) (string, []string) {
	t.Helper()
	path := filepath.Join(s.dir, name+".cf")
	if err := os.WriteFile(path, []byte(s.adapt(cf)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.sendmail, "-bt", "-C", path)
	cmd.Env = s.env
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := s.run(cmd)
	if err != nil && !bytes.Contains(out, []byte("ADDRESS TEST MODE")) {
		t.Fatalf("sendmail -bt: %v\n%s", err, out)
	}
	return probe.Answers(string(out))
}

// original compiles a .mc with the original's tree and GNU m4.
func original(t *testing.T, text string) string {
	t.Helper()
	tree := oracletest.Tree(t)
	path := filepath.Join(t.TempDir(), "original.mc")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// Debian's files include their settings by a path that is not there without an installation.
	args := []string{"-D_CF_DIR_=" + tree + "/", "-D_NO_MAKEINFO_", "-Dsm_version=8.17.1.9", "-Dsm_version_math=528641", "-Dsm_enable_ipv6=yes",
		"-Dsm_enable_milter=yes", "-Dsm_ffr=-D_FFR_REJECT_NUL_BYTE"}
	if !strings.Contains(text, "/m4/cf.m4'") {
		args = append(args, filepath.Join(tree, "m4/cf.m4"))
	}
	text = strings.NewReplacer("/usr/share/sendmail/cf/", tree+"/", "../m4/cf.m4", tree+"/m4/cf.m4").Replace(text)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := oracletest.M4(t, append(args, path)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Dir = tree
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatalf("GNU m4: %v\n%s", err, stderr.String())
	}
	return string(out)
}

var versionLine = regexp.MustCompile(`(?m)^DZ[0-9.]+(/Debian)?.*$`)

// sameLines compares everything but rules, and versions.
func sameLines(t *testing.T, ours, theirs string) {
	t.Helper()
	a, b := mc.Read(versionLine.ReplaceAllString(ours, "DZ$1")), mc.Read(versionLine.ReplaceAllString(theirs, "DZ$1"))
	for _, d := range a.Differences(b) {
		if d.RuleSet == "" {
			t.Errorf("ours %q, the original's %q", d.First, d.Second)
		}
	}
}

// sameAnswers compares the final answers of the original's address test mode under both .cf.
func (s *site) sameAnswers(t *testing.T, ours, theirs string, commands []string) {
	t.Helper()
	said, mine := s.ask(t, "ours", ours, commands)
	heard, other := s.ask(t, "original", theirs, commands)
	if strip := regexp.MustCompile(`(?m)^.*(ours|original)\.cf: line \d+: `); strip.ReplaceAllString(said, "") != strip.ReplaceAllString(heard, "") {
		t.Errorf("the original says of ours:\n%sof its own:\n%s", said, heard)
	}
	if len(mine) != len(other) || len(mine) < len(commands) {
		t.Fatalf("%d commands, %d answers with ours, %d with the original's", len(commands), len(mine), len(other))
	}
	differ, empty := 0, 0
	for i, c := range commands {
		a, b := probe.Verdict(c, mine[i]), probe.Verdict(c, other[i])
		if a == "" {
			empty++
		}
		if a != b {
			if differ++; differ <= 20 {
				t.Errorf("%s\n   ours      %s\n   original  %s", c, a, b)
			}
		}
	}
	t.Logf("%d probes, %d differ, %d without an answer", len(commands), differ, empty)
}
