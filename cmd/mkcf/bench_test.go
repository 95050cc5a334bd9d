package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// BenchmarkProcess compares whole processes: mkcf with its own library and with the original's tree, and GNU m4 with
// that tree, on the configuration of a POP-before-SMTP site. The processor's time counts, for the machine may be busy
// with other things.
func BenchmarkProcess(b *testing.B) {
	tree := oracletest.Tree(b)
	mkcf := filepath.Join(b.TempDir(), "mkcf")
	if out, err := exec.Command("go", "build", "-o", mkcf, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	text, err := os.ReadFile("../../cf/mc/testdata/pop-before-smtp.mc")
	if err != nil {
		b.Fatal(err)
	}
	mc := filepath.Join(b.TempDir(), "site.mc")
	old := strings.Replace(string(text), "solaris9", "solaris8", 1) // the original does not know the later one
	if err := os.WriteFile(mc, []byte(old), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, side := range []struct {
		name string
		make func() *exec.Cmd
	}{
		{"mkcf", func() *exec.Cmd { return exec.Command(mkcf, mc) }},
		{"mkcf-original-tree", func() *exec.Cmd { return exec.Command(mkcf, "-C", tree, mc) }},
		{"gnu-original-tree", func() *exec.Cmd {
			return oracletest.M4(b, "-D_CF_DIR_="+tree+"/", "-D_NO_MAKEINFO_", tree+"/m4/cf.m4", mc)
		}},
	} {
		b.Run(side.name, func(b *testing.B) {
			var spent float64
			for b.Loop() {
				cmd := side.make()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				spent += float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Microseconds())
			}
			b.ReportMetric(spent/1000/float64(b.N), "cpu-ms/op")
		})
	}
}
