package audit

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// absent finds the returns of a package that report neither a value nor an error: the last result is the nil of type
// error, and the first is a nil that somebody dereferences one day (a pointer, an interface, a function, a channel), or
// all are zero and one of them is such a nil. Slices and maps may be nil: they are empty. A result named ok or found
// that is the literal false says it, too: (nil, false, nil).
type absent struct {
	fset  *token.FileSet
	info  *types.Info
	files []*ast.File
	// mayBeNil are the functions of the package with one result that return a literal nil.
	mayBeNil map[types.Object]bool
	faults   []string
}

// check looks at each function.
func (a *absent) check() []string {
	a.mayBeNil = map[types.Object]bool{}
	a.functions(func(f ast.Node, sig *types.Signature, r *ast.ReturnStmt) {
		if d, ok := f.(*ast.FuncDecl); ok && sig.Results().Len() == 1 && len(r.Results) == 1 && a.info.Types[r.Results[0]].IsNil() {
			a.mayBeNil[a.info.Defs[d.Name]] = true
		}
	})
	a.functions(func(_ ast.Node, sig *types.Signature, r *ast.ReturnStmt) {
		if a.isAbsent(sig.Results(), r.Results) {
			a.faults = append(a.faults, a.fset.Position(r.Pos()).String())
		}
	})
	return a.faults
}

// functions visits the return statements of all functions and function literals, each with its own signature.
func (a *absent) functions(visit func(f ast.Node, sig *types.Signature, r *ast.ReturnStmt)) {
	body := func(f ast.Node, t types.Type, b *ast.BlockStmt) {
		sig, ok := t.Underlying().(*types.Signature)
		if !ok || b == nil {
			return
		}
		ast.Inspect(b, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok {
				visit(f, sig, r)
			}
			_, inner := n.(*ast.FuncLit)
			return !inner
		})
	}
	for _, file := range a.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch f := n.(type) {
			case *ast.FuncDecl:
				body(f, a.info.Defs[f.Name].Type(), f.Body)
			case *ast.FuncLit:
				body(f, a.info.Types[f].Type, f.Body)
			}
			return true
		})
	}
}

func (a *absent) isAbsent(results *types.Tuple, values []ast.Expr) bool {
	n := results.Len()
	if n < 2 || !types.Identical(results.At(n-1).Type(), types.Universe.Lookup("error").Type()) {
		return false
	}
	traps, zeros := 0, 0
	for i := range n - 1 {
		if len(values) != n { // without operands, or those of a call: what is returned cannot be seen here
			return len(values) == 0 && dereferenced(results.At(i).Type())
		}
		if name := results.At(i).Name(); (name == "ok" || name == "found") && a.isZero(values[i]) {
			return false
		}
		if a.isZero(values[i]) {
			zeros++
			if dereferenced(results.At(i).Type()) {
				traps++
			}
		}
	}
	first := dereferenced(results.At(0).Type()) && a.isZero(values[0])
	return a.info.Types[values[n-1]].IsNil() && (first || traps > 0 && zeros == n-1)
}

// dereferenced reports whether a nil of the type is a trap.
func dereferenced(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Interface, *types.Signature, *types.Chan:
		return true
	}
	return false
}

// isZero reports whether an expression is a nil, 0, "" or false as it is written, or calls a function of the package
// that returns nil.
func (a *absent) isZero(e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return a.mayBeNil[a.callee(call)]
	}
	v := a.info.Types[e]
	return v.IsNil() || v.Value != nil && slices.Contains([]string{"0", `""`, "false"}, v.Value.ExactString())
}

func (a *absent) callee(call *ast.CallExpr) types.Object {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return a.info.Uses[f]
	case *ast.SelectorExpr:
		return a.info.Uses[f.Sel]
	}
	return nil
}

// exported reads the types of imported packages from the build cache.
func exported(t *testing.T, fset *token.FileSet) types.Importer {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "gosendmail/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := map[string]string{}
	for l := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(l), " ")
		files[path] = file
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(files[path])
	})
}

// forEach visits the packages of the module, type-checked, without their tests.
func forEach(t *testing.T, visit func(fset *token.FileSet, info *types.Info, files []*ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	imp := exported(t, fset)
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles \" \"}}", "gosendmail/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for l := range strings.Lines(string(out)) {
		word := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		var files []*ast.File
		for _, name := range strings.Fields(word[2]) {
			f, err := parser.ParseFile(fset, filepath.Join(word[1], name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info, err := typesOf(word[0], fset, files, imp)
		if err != nil {
			t.Fatal(err)
		}
		visit(fset, info, files)
		packages++
	}
	if packages < 30 {
		t.Fatalf("%d packages: go list names fewer than there are", packages)
	}
}

func typesOf(path string, fset *token.FileSet, files []*ast.File, imp types.Importer) (*types.Info, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	_, err := (&types.Config{Importer: imp}).Check(path, fset, files, info)
	return info, err
}

// TestNoFunctionReturnsNeitherValueNorError: see absent.
func TestNoFunctionReturnsNeitherValueNorError(t *testing.T) {
	forEach(t, func(fset *token.FileSet, info *types.Info, files []*ast.File) {
		a := &absent{fset: fset, info: info, files: files}
		for _, f := range a.check() {
			t.Errorf("%s: returns neither a value nor an error: let a result ok or found, an error or an empty value say what nil means", f)
		}
	})
}

// TestAbsentFindsWhatItSeeks: each line with "fault" is one, and no other.
func TestAbsentFindsWhatItSeeks(t *testing.T) {
	const text = `package p

type T struct{}

func optional(b bool) *T {
	if b {
		return &T{}
	}
	return nil
}

func always() *T { return &T{} }

func pointer() (*T, error)                { return nil, nil }              // fault
func iface() (any, error)                 { return nil, nil }              // fault
func function() (func(), error)           { return nil, nil }              // fault
func channel() (chan int, error)          { return nil, nil }              // fault
func three() (t *T, effective bool, e error) { return nil, false, nil }    // fault
func size() (*T, int, error)              { return nil, 0, nil }           // fault
func through() (*T, error)                { return optional(true), nil }   // fault
func (t *T) method() (*T, error)          { return t.optional(), nil }     // fault
func (t *T) optional() *T                 { return nil }
func slice() ([]T, error)                 { return nil, nil }
func table() (map[int]T, error)           { return nil, nil }
func ok() (t *T, ok bool, err error)      { return nil, false, nil }
func okTrue() (t *T, ok bool, err error)  { return nil, true, nil }        // fault
func value() (*T, error)                  { return always(), nil }
func literal() func() (*T, error) {
	return func() (*T, error) {
		return (nil), nil // fault
	}
}
func both() (a []T, r any, e error)    { return nil, nil, nil }     // fault
func either() (a []T, r *T, e error)      { return []T{{}}, nil, nil }
func naked() (t *T, err error) {
	return // fault
}
func on() (t *T, err error) { return naked() }
func justError() error { return nil }
func two() (*T, *T)    { return nil, nil }
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	info, err := typesOf("p", fset, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &absent{fset: fset, info: info, files: []*ast.File{f}}
	found := strings.Join(a.check(), " ")
	for i, line := range strings.Split(text, "\n") {
		if got, want := strings.Contains(found, fmt.Sprintf("p.go:%d:", i+1)), strings.Contains(line, "// fault"); got != want {
			t.Errorf("%q: a fault: %v", line, got)
		}
	}
}
