package compatibility

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosendmail/cf"
)

// The proofs of rows are: a probe in cmd/sendmail/testdata/rows ("== SECTION/NAME"), the tests of this package for
// whole sections, or a test that testdata/proofs.txt names: "SECTION/NAME<tab>folder TestName".

// wholeSections are proven row by row by tests of this package.
var wholeSections = map[string]string{
	"Defines of a .mc":           "TestDefinesBecomeOptions",
	"Features, mailers, systems": "TestLibraryFilesAreObeyed",
}

// TestWorkingRowsAreProven: each row that says "works" has a proof, and only such rows have.
func TestWorkingRowsAreProven(t *testing.T) {
	proof := map[string]string{}
	files, err := filepath.Glob("../../cmd/sendmail/testdata/rows/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no rows", err)
	}
	for _, f := range files {
		for _, line := range readLines(t, f) {
			if row, ok := strings.CutPrefix(line, "== "); ok {
				proof[row] = "probe"
			}
		}
	}
	for _, line := range readLines(t, "testdata/proofs.txt") {
		row, test, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		folder, name, _ := strings.Cut(test, " ")
		if !testExists(t, folder, name) {
			t.Errorf("%s: there is no test %s in %s", row, name, folder)
		}
		proof[row] = test
	}
	rows := map[string]bool{}
	for _, r := range Rows() {
		if r.Effect != cf.Works {
			continue
		}
		key := r.Section + "/" + r.Name
		if r.Section == "Flags of K lines" {
			key += " " + r.Kind
		}
		rows[key] = true
		if proof[key] == "" && wholeSections[r.Section] == "" {
			t.Errorf("%s says works, and nothing proves it", key)
		}
	}
	for key := range proof {
		if !rows[key] {
			t.Errorf("%s has a proof, and is no row that says works", key)
		}
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// testExists looks for a test function in the sources of a folder.
func testExists(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == name {
				return true
			}
		}
	}
	return false
}
