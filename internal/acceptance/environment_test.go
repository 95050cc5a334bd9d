package acceptance

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// callersVariables are what the runtime and the libraries read of an environment, before the program can empty it or
// after it, with values that would do harm where they counted. CWD is a folder of the caller's.
var callersVariables = []string{
	"GOTRACEBACK=crash GODEBUG=netdns=cgo,execerrdot=0,x509sha1=1 GOGC=off GOMAXPROCS=64 TZ=CWD/zone",
	"GODEBUG=gctrace=1,schedtrace=1,inittrace=1 GOGC=1 TZ=:/etc/shadow ZONEINFO=CWD GOMAXPROCS=1",
	"GODEBUG=fips140=only GOMEMLIMIT=1 GOCOVERDIR=CWD GORACE=log_path=CWD/race",
	"GODEBUG=cpu.all=off,asyncpreemptoff=1 TMPDIR=CWD SSL_CERT_FILE=CWD/x SSL_CERT_DIR=CWD RES_OPTIONS=debug " +
		"LOCALDOMAIN=y HOSTALIASES=CWD/h NAME=x LD_PRELOAD=CWD/x.so LD_DEBUG=all MALLOC_TRACE=CWD/m PATH=CWD HOME=CWD",
}

// TestVariablesOfTheCaller has alice call the set-group-ID program with them: the message is queued, the same files are
// looked at as without it, and none is left in her folder.
func TestVariablesOfTheCaller(t *testing.T) {
	inArena(t, func(t *testing.T, _ world) {
		if _, err := exec.LookPath("strace"); err != nil {
			t.Skip("strace is missing: it tells which files are looked at")
		}
	}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, _ := setgidPrograms(t, w)
		own := callersFolder(t, w)
		plain := filesOf(t, ours, own, nil)
		if !plain["/etc/mail/submit.cf"] || !plain["/var/spool/clientmqueue"] {
			t.Fatalf("without any: %q", slices.Sorted(maps.Keys(plain)))
		}
		for _, v := range callersVariables {
			files := filesOf(t, ours, own, strings.Fields(strings.ReplaceAll(v, "CWD", own)))
			if !maps.Equal(files, plain) {
				t.Errorf("%s: %q, without it %q", v, slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(plain)))
			}
			if list, err := os.ReadDir(own); err != nil || len(list) > 0 {
				t.Errorf("%s: in the caller's folder: %v, %v", v, list, err)
			}
		}
	})
}

// callersFolder makes a folder in which alice may write.
func callersFolder(t *testing.T, w world) string {
	t.Helper()
	own := w.path("own")
	must(t, os.Mkdir(own, 0o755))
	must(t, os.Chown(own, 2001, 2001))
	return own
}

var lookedAt = regexp.MustCompile(`\(.*?"(/[^"]*)"`)

// filesOf hands a message in with variables and returns what files were looked at, those of the queue by its folder.
func filesOf(t *testing.T, program, dir string, variables []string) map[string]bool {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-u", "alice", "-e", "trace=%file", "-o", trace, "env", "-i")
	cmd.Args = append(append(cmd.Args, variables...), program, "-odq", "bob")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("Subject: x\n\nx\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", variables, err, out)
	}
	queued, err := filepath.Glob("/var/spool/clientmqueue/?f*")
	must(t, err)
	if len(queued) != 2 {
		t.Errorf("%q: in the queue: %q", variables, queued)
	}
	for _, name := range queued {
		must(t, os.Remove(name))
	}
	text, err := os.ReadFile(trace)
	must(t, err)
	_, text, _ = bytes.Cut(text, []byte(`execve("`+program)) // what env does is left out
	files := map[string]bool{}
	for _, m := range lookedAt.FindAllStringSubmatch(string(text), -1) {
		name := m[1]
		if strings.HasPrefix(name, "/var/spool/clientmqueue/") {
			name = "/var/spool/clientmqueue"
		}
		if !strings.HasPrefix(name, "/proc/") {
			files[name] = true
		}
	}
	return files
}

// TestDumpsOfTheCaller has alice end the set-group-ID program by signals that make the runtime dump: what it was doing
// is not shown to her, and there is no core.
func TestDumpsOfTheCaller(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, _ := setgidPrograms(t, w)
		own := callersFolder(t, w)
		for _, level := range []string{"crash", "system"} {
			for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
				cmd := asAlice(exec.Command(ours, "-bs"))
				cmd.Env, cmd.Dir = []string{"GOTRACEBACK=" + level}, own
				var said bytes.Buffer
				cmd.Stderr = &said
				in, err := cmd.StdinPipe()
				must(t, err)
				out, err := cmd.StdoutPipe()
				must(t, err)
				must(t, cmd.Start())
				if _, err := out.Read(make([]byte, 3)); err != nil { // it greets
					t.Fatal(err, said.String())
				}
				must(t, cmd.Process.Signal(sig))
				if err := cmd.Wait(); err == nil {
					t.Errorf("GOTRACEBACK=%s: goes on after %v", level, sig)
				}
				in.Close()
				if text := said.String(); strings.Contains(text, "goroutine") || strings.Contains(text, "rip ") {
					t.Errorf("GOTRACEBACK=%s, %v: %s", level, sig, text)
				}
				if list, err := os.ReadDir(own); err != nil || len(list) > 0 {
					t.Errorf("GOTRACEBACK=%s, %v: left %v, %v", level, sig, list, err)
				}
			}
		}
	})
}
