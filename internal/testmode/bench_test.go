package testmode_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosendmail/internal/mta"
	"gosendmail/internal/oracletest"
	"gosendmail/internal/testmode"
	"gosendmail/maps"
)

// benchTables are the tables of the site that is measured, filled as a site's are: the seed's entries and some
// thousands more.
func benchTables(tb testing.TB) map[string]string {
	var access, virtual, mailer strings.Builder
	access.WriteString(seedFile(tb, "access"))
	virtual.WriteString(seedFile(tb, "virtusertable"))
	mailer.WriteString(seedFile(tb, "mailertable"))
	for i := range 5000 {
		fmt.Fprintf(&access, "spam%d.example\tREJECT\n10.%d.%d\tRELAY\n", i, i/250, i%250)
		fmt.Fprintf(&virtual, "box%d@domain1.com\tuser%d\n", i, i)
		fmt.Fprintf(&mailer, "host%d.test\tsmtp:[relay%d.test]\n", i, i%7)
	}
	return map[string]string{"access": access.String(), "virtusertable": virtual.String(), "mailertable": mailer.String(), "drac": ""}
}

// benchSite makes the seed's configuration with filled tables; make builds a table from its text.
func benchSite(b *testing.B, make func(dir, name string) *exec.Cmd) string {
	b.Helper()
	path := seedSite(b)
	dir := filepath.Dir(path)
	for name, text := range benchTables(b) {
		if err := os.Remove(filepath.Join(dir, name+".db")); err != nil {
			b.Fatal(err)
		}
		run := make(dir, name)
		run.Stdin = strings.NewReader(text)
		if msg, err := run.CombinedOutput(); err != nil {
			b.Fatalf("makemap %s: %v\n%s", name, err, msg)
		}
	}
	return path
}

// ourMakemap builds our makemap and returns what runs it.
func ourMakemap(b *testing.B) func(dir, name string) *exec.Cmd {
	b.Helper()
	program := filepath.Join(b.TempDir(), "makemap")
	if msg, err := exec.Command("go", "build", "-o", program, "gosendmail/cmd/makemap").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, msg)
	}
	return func(dir, name string) *exec.Cmd { return exec.Command(program, "hash", filepath.Join(dir, name)) }
}

// benchSets are what is measured: a recipient that is resolved, a whole check of one, and a sender that is masqueraded.
var benchSets = []string{"3,0", "check_rcpt", "3,1,EnvFromSMTP"}

// BenchmarkSeed: addresses through rulesets without a trace, tables made by our makemap. Each address is a step of a
// session of its own, as a RCPT command is.
func BenchmarkSeed(b *testing.B) {
	site := load(b, benchSite(b, ourMakemap(b)))
	for _, ruleset := range benchSets {
		b.Run(ruleset, func(b *testing.B) {
			work := benchWork(site, ruleset)
			b.ReportAllocs()
			before := processor()
			for i := range b.N {
				work(i)
			}
			perSecond(b, processor()-before)
		})
	}
}

// BenchmarkLoad: from a .cf on disk to rules that can run.
func BenchmarkLoad(b *testing.B) {
	o := mta.LoadOptions{Path: benchSite(b, ourMakemap(b)), Version: version, Host: &mta.HostNames{Canonical: "mail.example.test", Node: "mail"}}
	b.ReportAllocs()
	b.ResetTimer()
	before := processor()
	for range b.N {
		site, err := mta.Load(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		site.Close()
	}
	b.ReportMetric(float64((processor()-before).Microseconds())/float64(b.N), "CPU-µs/op")
}

// benchWork returns what does the ith address.
func benchWork(site *mta.Site, ruleset string) func(i int) {
	env, list, sets := benchEnv(site), addresses(500), strings.Split(ruleset, ",")
	return func(i int) {
		ctx := maps.WithStep(context.Background())
		ws, _ := site.Sets.Prescan(list[i%len(list)], 0)
		site.Sets.Chain(ctx, env, ws, sets...)
	}
}

// processor is the processor time that this process has used. The machine may be busy with other things.
func processor() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perSecond reports how many addresses one core makes.
func perSecond(b *testing.B, spent time.Duration) {
	b.ReportMetric(float64(b.N)/spent.Seconds(), "addresses/core-s")
}

func benchEnv(site *mta.Site) *mta.Env {
	env := site.NewEnv()
	env.Macros.Define("{client_addr}", "127.0.0.1")
	env.Macros.Define("{client_resolve}", "OK")
	return env
}

// benchCommands is b.N commands of the test mode.
func benchCommands(ruleset string, n int) string {
	list := addresses(500)
	var text strings.Builder
	text.WriteString(".D{client_addr}127.0.0.1\n.D{client_resolve}OK\n")
	for i := range n {
		fmt.Fprintf(&text, "%s %s\n", ruleset, list[i%len(list)])
	}
	return text.String()
}

// BenchmarkTestMode: the same addresses as commands of the test mode, traces printed.
func BenchmarkTestMode(b *testing.B) {
	site := load(b, benchSite(b, ourMakemap(b)))
	for _, ruleset := range benchSets {
		b.Run(ruleset, func(b *testing.B) {
			text := benchCommands(ruleset, b.N)
			before := processor()
			b.ResetTimer()
			testmode.Run(context.Background(), site, strings.NewReader(text), io.Discard, testmode.Options{})
			perSecond(b, processor()-before)
		})
	}
}

// BenchmarkBeside: the original's test mode, with tables of its own makemap, and our rules in turn, in short pieces of
// which the fastest counts: what else runs on the machine slows both down, but not every piece. The original's start is
// left out.
func BenchmarkBeside(b *testing.B) {
	path := benchSite(b, func(dir, name string) *exec.Cmd {
		return oracletest.Command(b, "usr/libexec/sendmail/makemap", "-C", filepath.Join(dir, "sendmail.cf"), "hash", filepath.Join(dir, name))
	})
	site := load(b, benchSite(b, ourMakemap(b)))
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the daemon does
	for _, ruleset := range benchSets {
		b.Run(ruleset, func(b *testing.B) {
			const rounds, theirs, ours = 20, 2000, 20000 // of one round
			commands, work := benchCommands(ruleset, theirs), benchWork(site, ruleset)
			start, original, own := time.Hour, time.Hour, time.Hour
			for range max(b.N, rounds) {
				start = min(start, originalTime(b, path, ""))
				original = min(original, originalTime(b, path, commands))
				before := processor()
				for i := range ours {
					work(i)
				}
				own = min(own, processor()-before)
			}
			b.ReportMetric(0, "ns/op")
			each := float64((original - start).Nanoseconds()) / theirs
			b.ReportMetric(each, "original-ns")
			b.ReportMetric(float64(own.Nanoseconds())/ours, "ours-ns")
			b.ReportMetric(each*ours/float64(own.Nanoseconds()), "times")
		})
	}
}

// originalTime is the processor time that the original needs for commands.
func originalTime(b *testing.B, path, commands string) time.Duration {
	run := qualified(oracletest.Sendmail(b, "-bt", "-C"+path))
	run.Stdin = strings.NewReader(commands)
	if err := run.Run(); err != nil && run.ProcessState.ExitCode() < 0 {
		b.Fatal(err)
	}
	return run.ProcessState.UserTime() + run.ProcessState.SystemTime()
}

// qualified gives the original a host name with a domain where that is allowed; it looks for one for a minute
// otherwise.
func qualified(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.Args = append([]string{"unshare", "--uts", "sh", "-c", `hostname mail.example.test && exec "$0" "$@"`}, cmd.Args...)
		if unshare, err := exec.LookPath("unshare"); err == nil {
			cmd.Path = unshare
		}
	}
	return cmd
}
