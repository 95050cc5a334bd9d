package testmode_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

var benchSets = []string{"3,0", "check_rcpt"}

// BenchmarkSeed: addresses through rulesets without a trace, tables made by our makemap. Each address is a step of a
// session of its own, as a RCPT command is.
func BenchmarkSeed(b *testing.B) {
	site := load(b, benchSite(b, ourMakemap(b)))
	list := addresses(500)
	for _, ruleset := range benchSets {
		b.Run(ruleset, func(b *testing.B) {
			env := benchEnv(site)
			sets := strings.Split(ruleset, ",")
			b.ReportAllocs()
			for i := range b.N {
				ctx := maps.WithStep(context.Background())
				ws, _ := site.Sets.Prescan(list[i%len(list)], 0)
				for _, set := range sets {
					ret, _ := site.Sets.Rewrite(ctx, env, set, ws)
					ws = ret.Workspace
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "addresses/s")
		})
	}
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
			b.ResetTimer()
			testmode.Run(context.Background(), site, strings.NewReader(text), io.Discard, testmode.Options{})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "addresses/s")
		})
	}
}

// BenchmarkOriginal: the same in the original's test mode with tables of its own makemap. Time is what its process used of
// the processor, its start left out.
func BenchmarkOriginal(b *testing.B) {
	oracletest.Root(b)
	path := benchSite(b, func(dir, name string) *exec.Cmd {
		return oracletest.Command(b, "usr/libexec/sendmail/makemap", "-C", filepath.Join(dir, "sendmail.cf"), "hash", filepath.Join(dir, name))
	})
	used := func(b *testing.B, text string) time.Duration {
		run := oracletest.Sendmail(b, "-bt", "-C"+path)
		run.Stdin = strings.NewReader(text)
		if err := run.Run(); err != nil && run.ProcessState.ExitCode() < 0 {
			b.Fatal(err)
		}
		return run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	}
	for _, ruleset := range benchSets {
		b.Run(ruleset, func(b *testing.B) {
			start := used(b, "")
			spent := used(b, benchCommands(ruleset, b.N)) - start
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/op")
			b.ReportMetric(float64(b.N)/spent.Seconds(), "addresses/s")
		})
	}
}
