package compatibility

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gosendmail/cf"
	"gosendmail/cf/mc"
	"gosendmail/maps"
)

var update = flag.Bool("update", false, "write docs/compatibility.md anew")

func TestCompatibility(t *testing.T) {
	const path = "../../docs/compatibility.md"
	want := Document()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s is not up to date: run go test ./internal/compatibility -update", path)
	}
}

// Each flag that a class takes has a meaning, and each meaning belongs to a flag that the class takes.
func TestMapFlags(t *testing.T) {
	for _, class := range maps.Classes() {
		for c := byte('!'); c < 127; c++ {
			switch taken := accepts(class, c); {
			case taken && meaning(class, c) == "":
				t.Errorf("class %s takes -%c, of which nothing is said", class, c)
			case !taken && special[class+" "+string(c)] != "":
				t.Errorf("class %s does not take -%c", class, c)
			}
		}
	}
}

func TestLibraryLimits(t *testing.T) {
	for key := range libraryLimits {
		kind, name, _ := strings.Cut(key, " ")
		found := false
		for _, n := range mc.Names(kind) {
			found = found || n == name
		}
		if !found {
			t.Errorf("there is no %s", key)
		}
	}
	for _, o := range mc.OptionDefines() {
		name, _, _ := strings.Cut(o.Option, ".")
		if _, ok := cf.Lookup(name); !ok {
			t.Errorf("%s becomes option %s, which is not known", o.Define, o.Option)
		}
	}
}

// An option of which the table says nothing is obeyed: something outside of package cf reads its value.
func TestOptionsAreRead(t *testing.T) {
	read := selectors(t)
	elsewhere := map[string]string{"OperatorChars": "cf.Config.Operators",
		"DaemonPortOptions": "cf.Config.Options", "ClientPortOptions": "cf.Config.Options"}
	check := func(option, sub, field string) {
		if _, ok := cf.Lookup(option); !ok || elsewhere[field] != "" {
			return
		}
		if l := cf.LimitOf(option, sub); l.Effect == cf.Works && !read[field] {
			t.Errorf("option %s is said to work, but nobody reads %s", strings.TrimSuffix(option+"."+sub, "."), field)
		}
	}
	settings := reflect.TypeFor[cf.Settings]()
	for i := range settings.NumField() {
		check(settings.Field(i).Name, "", settings.Field(i).Name)
	}
	timeouts := reflect.TypeFor[cf.Timeouts]()
	for i := range timeouts.NumField() {
		name := timeouts.Field(i).Name
		if slices.Contains(cf.Values("Timeout"), strings.ToLower(name)) {
			check("Timeout", strings.ToLower(name), name)
		}
	}
}

// selectors are the names behind a dot in all code of the module but package cf and the tests.
func selectors(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && slices.Contains([]string{"cf", "compatibility", ".git"}, e.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				found[s.Sel.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestToolFlags holds the tables against the letters that the programs give to dbtool.Getopt.
func TestToolFlags(t *testing.T) {
	own := map[string]string{"smrsh": "c:", "expn": "1advw"} // these read their arguments themselves
	for _, tool := range Tools {
		spec := own[tool.Name]
		if spec == "" {
			spec = getoptSpec(t, filepath.Join("../../cmd", tool.Name))
		}
		for i := range len(spec) {
			if spec[i] != ':' && !slices.ContainsFunc(tool.Flags, func(f Flag) bool {
				return f.Letter() == spec[i] && strings.Contains(f.Name, " ") == (i+1 < len(spec) && spec[i+1] == ':')
			}) {
				t.Errorf("%s takes -%c, which is not in the table, or with another value", tool.Name, spec[i])
			}
		}
		for _, f := range tool.Flags {
			if strings.IndexByte(spec, f.Letter()) < 0 {
				t.Errorf("%s does not take %s", tool.Name, f.Name)
			}
		}
	}
}

// getoptSpec finds the second argument of dbtool.Getopt in a program, a string or a constant of its.
func getoptSpec(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	spec, constants := ast.Expr(nil), map[string]ast.Expr{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Getopt" && len(n.Args) == 3 {
					spec = n.Args[1]
				}
			case *ast.ValueSpec:
				for i, v := range n.Values {
					constants[n.Names[i].Name] = v
				}
			}
			return true
		})
	}
	if name, ok := spec.(*ast.Ident); ok {
		spec = constants[name.Name]
	}
	literal, ok := spec.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%s: no call of Getopt", dir)
	}
	return strings.Trim(literal.Value, `"`)
}
