package acceptance

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// unreachable are recipients at hosts that refuse the connection: by name, and by address in each form.
var unreachable = []string{"x@remote.test", "x@[127.0.1.1]", "x@[127.0.0.9]", "x@[IPv6:::1]",
	"x@[IPv6:0:0:0:0:0:0:0:1]", "x@[IPv6:::ffff:127.0.0.8]"}

// TestHostStatusTreeAsTheOriginal compares where both programs keep what they know of hosts, so that one finds what the
// other has written, and what hoststat tells.
func TestHostStatusTreeAsTheOriginal(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		oracletest.Root(t)
		write(t, "/etc/mail/access", "")
		write(t, "/etc/mail/local-host-names", "")
		write(t, "/etc/mail/aliases", logAliases)
		logConfig(t, w)
		cf, err := os.ReadFile(w.path("log.cf"))
		must(t, err)
		tree := func(name string, sendmail func(args ...string) *exec.Cmd) (files, hosts []string) {
			dir := "/var/spool/" + name
			must(t, os.Mkdir(dir, 0o755))
			const place = "O QueueDirectory="
			option := "O HostStatusDirectory=" + dir + "\n"
			write(t, w.path(name+".cf"), strings.Replace(string(cf), place, option+place, 1))
			for _, to := range unreachable {
				cmd := sendmail("-C"+w.path(name+".cf"), "-odi", to)
				cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s", to, err, out)
				}
			}
			must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					files = append(files, strings.TrimPrefix(path, dir))
				}
				return err
			}))
			out, err := sendmail("-C"+w.path(name+".cf"), "-bh").CombinedOutput()
			must(t, err)
			for line := range strings.Lines(string(out)) {
				if f := strings.Fields(line); len(f) > 2 && !strings.HasPrefix(f[0], "-") {
					hosts = append(hosts, f[0]+" "+f[2])
				}
			}
			slices.Sort(hosts)
			return files, hosts
		}
		want, wantHosts := tree("original", func(args ...string) *exec.Cmd { return oracletest.Sendmail(t, args...) })
		got, gotHosts := tree("ours", func(args ...string) *exec.Cmd {
			return exec.Command(w.path("bin/sendmail"), args...)
		})
		if len(want) < len(unreachable) || !slices.Equal(got, want) {
			t.Errorf("files %q, the original's %q", got, want)
		}
		if len(wantHosts) < len(unreachable) || !slices.Equal(gotHosts, wantHosts) {
			t.Errorf("hoststat tells of %q, the original of %q", gotHosts, wantHosts)
		}
	})
}
