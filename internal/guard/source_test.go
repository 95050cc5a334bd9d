package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// spawns are the functions of the library that call their last argument on a goroutine.
var spawns = map[string]bool{"AfterFunc": true, "Go": true}

// TestEveryGoroutineIsGuarded reads all sources: no go statement outside of this package, and what time.AfterFunc,
// context.AfterFunc and sync.WaitGroup.Go are given comes from Report.Func.
func TestEveryGoroutineIsGuarded(t *testing.T) {
	root, files := "../..", 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "guard" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || testPackage(path) {
			return nil
		}
		files++
		return unguarded(t, path)
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files read: %v", files, err)
	}
}

// testPackage tells packages that only tests import.
func testPackage(path string) bool {
	dir := filepath.Base(filepath.Dir(path))
	return strings.HasSuffix(dir, "test")
}

func unguarded(t *testing.T, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: a go statement; use guard.From(ctx).Go or guard.Start", set.Position(n.Pos()))
		case *ast.CallExpr:
			name, of := called(n)
			if !spawns[name] || len(n.Args) == 0 || name == "Go" && len(n.Args) != 1 || guards(of) {
				return true
			}
			arg, ok := n.Args[len(n.Args)-1].(*ast.CallExpr)
			if ok {
				name, _ = called(arg)
			}
			if !ok || name != "Func" {
				t.Errorf("%s: the function is not guarded; use guard.From(ctx).Func", set.Position(n.Pos()))
			}
		}
		return true
	})
	return nil
}

// called is the name of what is called, and on what.
func called(c *ast.CallExpr) (string, ast.Expr) {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name, s.X
	}
	return "", nil
}

// guards tells calls on a Report.
func guards(of ast.Expr) bool {
	c, ok := of.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, _ := called(c)
	return name == "From"
}
