package layers

import (
	"os/exec"
	"strings"
	"testing"
)

// lines are the layers from the top; a package whose path begins with one of the names of a line belongs to it.
var lines = [][]string{
	{"cmd"},
	{"internal/smtpd", "internal/submit", "internal/testmode", "internal/operate"},
	{"internal/mta"},
	{"queue", "mailers", "internal/alias", "internal/dsn", "internal/hoststat", "internal/mailstat"},
	{"internal/envelope"},
	{"cf", "rules", "maps", "internal/sasl", "internal/milter", "internal/drac", "internal/tlsconf"},
	{"internal/status", "internal/macro", "internal/dns", "internal/safefile", "internal/priv", "internal/maillog", "internal/debug", "internal/dialogue"},
	{"internal/guard"},
}

// neighbours are the imports within a line that the design allows.
var neighbours = map[string]string{"cf/mc": "cf/m4"}

// outside are packages of tests and of this order; they stand outside the layers.
var outside = map[string]bool{"internal/acceptance": true, "internal/audit": true, "internal/compatibility": true, "internal/durability": true, "internal/dns/dnstest": true, "maps/maptest": true, "internal/layers": true, "internal/oracletest": true, "internal/peertest": true}

func place(pkg string) (line int, root string) {
	for i, l := range lines {
		for _, r := range l {
			if pkg == r || strings.HasPrefix(pkg, r+"/") {
				return i, r
			}
		}
	}
	return -1, ""
}

func TestEveryPackageImportsOnlyFromLowerLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "gosendmail/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for l := range strings.Lines(string(out)) {
		words := strings.Fields(l)
		pkg := strings.TrimPrefix(words[0], "gosendmail/")
		if outside[pkg] {
			continue
		}
		from, root := place(pkg)
		if from < 0 {
			t.Errorf("%s belongs to no layer", pkg)
			continue
		}
		seen++
		for _, imp := range words[1:] {
			dep, ours := strings.CutPrefix(imp, "gosendmail/")
			if !ours {
				continue
			}
			to, depRoot := place(dep)
			inside := root == depRoot && (strings.HasPrefix(dep, pkg+"/") || neighbours[pkg] == dep)
			if to <= from && !inside && pkg != dep {
				t.Errorf("%s imports %s: only lower layers may be imported", pkg, dep)
			}
		}
	}
	if seen == 0 {
		t.Fatal("go list named no package of the module")
	}
}
