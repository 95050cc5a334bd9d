package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// order finds operands whose value depends on an order that the language leaves open: a variable or field that is read
// beside a call that sets it, as in errors.Join(d.run(), d.err). Calls are followed within the package.
type order struct {
	info   *types.Info
	bodies map[types.Object]*ast.BlockStmt
	sets   map[types.Object]map[types.Object]bool // by function: the variables and fields that it sets
}

func newOrder(info *types.Info, files []*ast.File) *order {
	o := &order{info: info, bodies: map[types.Object]*ast.BlockStmt{}, sets: map[types.Object]map[types.Object]bool{}}
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				o.bodies[info.Defs[d.Name]] = d.Body
			}
		}
	}
	return o
}

// faults are the places of the operands.
func (o *order) faults(files []*ast.File) (list []token.Pos) {
	look := func(operands []ast.Expr) {
		for _, e := range operands {
			for _, other := range operands {
				if v := o.variable(e); v != nil && other != e && o.setBy(other)[v] {
					list = append(list, e.Pos())
				}
			}
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ReturnStmt:
				look(n.Results)
			case *ast.CallExpr:
				look(n.Args)
			case *ast.CompositeLit:
				look(values(n.Elts))
			case *ast.AssignStmt:
				look(n.Rhs)
			case *ast.BinaryExpr:
				if n.Op != token.LAND && n.Op != token.LOR {
					look([]ast.Expr{n.X, n.Y})
				}
			}
			return true
		})
	}
	return list
}

func values(elements []ast.Expr) []ast.Expr {
	list := make([]ast.Expr, len(elements))
	for i, e := range elements {
		list[i] = e
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			list[i] = kv.Value
		}
	}
	return list
}

// variable is what an expression reads or sets: x, or the field f of x.f.
func (o *order) variable(e ast.Expr) types.Object {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		if _, call := ast.Unparen(e.X).(*ast.CallExpr); call {
			return nil // the field of a result: it is read when the call has returned
		}
		id = e.Sel
	default:
		return nil
	}
	if v, ok := o.info.Uses[id].(*types.Var); ok {
		return v
	}
	return nil
}

// setBy is what the calls in an expression set.
func (o *order) setBy(e ast.Expr) map[types.Object]bool {
	all := map[types.Object]bool{}
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			o.collect(call, all)
		}
		return true
	})
	return all
}

// collect adds what a piece of code sets, function literals in it included.
func (o *order) collect(code ast.Node, all map[types.Object]bool) {
	add := func(e ast.Expr) {
		if v := o.variable(e); v != nil {
			all[v] = true
		}
	}
	ast.Inspect(code, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				add(e)
			}
		case *ast.IncDecStmt:
			add(n.X)
		case *ast.UnaryExpr:
			if _, isCall := code.(*ast.CallExpr); n.Op == token.AND && isCall {
				add(n.X)
			}
		case *ast.Ident:
			for v := range o.function(o.info.Uses[n]) {
				if v, ok := v.(*types.Var); ok && (v.IsField() || v.Pkg() != nil && v.Parent() == v.Pkg().Scope()) {
					all[v] = true // a function's own variables are others with each call
				}
			}
		}
		return true
	})
}

// function is what a function of the package sets.
func (o *order) function(f types.Object) map[types.Object]bool {
	if o.bodies[f] == nil {
		return nil
	}
	if o.sets[f] == nil {
		o.sets[f] = map[types.Object]bool{}
		o.collect(o.bodies[f], o.sets[f])
	}
	return o.sets[f]
}

func TestNoResultDependsOnAnOrderLeftOpen(t *testing.T) {
	forEach(t, func(fset *token.FileSet, info *types.Info, files []*ast.File) {
		for _, p := range newOrder(info, files).faults(files) {
			t.Errorf("%s: is read beside a call that sets it; which comes first is left open", fset.Position(p))
		}
	})
}

func TestOrderFindsWhatItSeeks(t *testing.T) {
	const text = `package p

type d struct{ n int; next *d }

func (x *d) set() int   { x.n++; return 0 }
func (x *d) get() int   { return x.n }
func (x *d) deep() int  { return x.next.set() }
func call(f func()) int { f(); return 0 }
func fill(p *int) int   { *p = 1; return 0 }
func two(a, b int)      {}

func f(x *d) (int, int) {
	two(x.get(), x.n)
	two(x.set(), x.n)                 // fault
	two(x.n, x.deep())                // fault
	two(call(func() { x.set() }), x.n) // fault
	v := 0
	two(call(func() { v = 2 }), v)    // fault
	two(fill(&v), v)                  // fault
	_ = v + fill(&v)                  // fault
	if x.n > 0 && x.set() > 0 {
		two(v, x.n)
	}
	_ = []int{x.set(), x.n}           // fault
	n := x.set()
	two(n, x.n)
	return x.set(), x.n               // fault
}
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	files := []*ast.File{f}
	info, err := typesOf("p", fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]bool{}
	for _, p := range newOrder(info, files).faults(files) {
		lines[fset.Position(p).Line] = true
	}
	for i, line := range strings.Split(text, "\n") {
		if want := strings.Contains(line, "// fault"); lines[i+1] != want {
			t.Errorf("%q: a fault: %v", line, lines[i+1])
		}
	}
}
