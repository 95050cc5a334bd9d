package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// judged are the functions whose calls are listed, by the path of their package.
var judged = map[string]string{
	"os": "Chmod Chown Chtimes CopyFS Create CreateTemp DirFS Lchown Link Mkdir MkdirAll MkdirTemp Open OpenFile OpenInRoot OpenRoot ReadDir ReadFile Remove " +
		"RemoveAll Rename StartProcess Symlink Truncate WriteFile",
	"os/exec":       "Command CommandContext",
	"syscall":       "Chdir Chmod Chown Chroot Exec Fchmod Fchown ForkExec Lchown Link Mkdir Mkfifo Mknod Open Rename Setgid Setgroups Setregid Setresgid Setresuid Setreuid Setuid StartProcess Symlink Umask Unlink",
	"path/filepath": "Glob Walk WalkDir",
	"io/ioutil":     "ReadAll ReadDir ReadFile TempDir TempFile WriteFile",
	"net":           "Listen ListenPacket ListenTCP ListenUDP ListenUnix ListenUnixgram FileListener",
	"golang.org/x/sys/unix": "Chdir Chmod Chown Chroot Exec Fchmod Fchmodat Fchown Fchownat Lchown Link Linkat Mkdir Mkfifo Mknod Open Openat Openat2 Rename Renameat Renameat2 Setgid Setgroups " +
		"Setregid Setresgid Setresuid Setreuid Setuid Symlink Umask Unlink Unlinkat",
}

// leaves are the packages whose task these calls are, and what only tests use.
var leaves = []string{"internal/safefile/", "internal/priv/", "internal/oracletest/", "internal/audit/", "internal/dns/dnstest/", "/testdata/", "/_"}

// found are the judged calls of the module: "file: function" to the calls in it.
func found(t *testing.T, root string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return err
		}
		if slices.ContainsFunc(leaves, func(l string) bool {
			return strings.Contains("/"+rel, "/"+l) || strings.Contains("/"+rel, l) && l[0] == '/'
		}) {
			return nil
		}
		return inFile(path, rel, all)
	})
	if err != nil {
		t.Fatal(err)
	}
	for place, calls := range all {
		slices.Sort(calls)
		all[place] = slices.Compact(calls)
	}
	return all
}

// inFile adds the calls of one file, whatever name it imports a package by. A function that is passed on counts as
// called.
func inFile(path, rel string, all map[string][]string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, i := range file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return err
		}
		name := p[strings.LastIndexByte(p, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		if judged[p] != "" {
			names[name] = p
		}
	}
	for _, d := range file.Decls {
		place := rel + ": " + declared(d)
		ast.Inspect(d, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if ok && slices.Contains(strings.Fields(judged[names[x.Name]]), sel.Sel.Name) {
				all[place] = append(all[place], x.Name+"."+sel.Sel.Name)
			}
			// Methods of files and of roots, whatever they are called on.
			if slices.Contains([]string{"Chown", "Fchown"}, sel.Sel.Name) && (!ok || names[x.Name] == "") {
				all[place] = append(all[place], "(*File)."+sel.Sel.Name)
			}
			return true
		})
	}
	return nil
}

// declared is the name of a function or method; of other declarations it is "-".
func declared(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return "-"
	}
	return f.Name.Name
}

// row is a line of the table: | file: function | calls | rights | why |
var row = regexp.MustCompile(`(?m)^\| ([\w/.-]+\.go: [\w-]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)

// TestEveryOpenIsJudged: the table of docs/security.md names every place that opens, makes, starts, renames or gives
// away something, with exactly the calls that are there, and no other.
func TestEveryOpenIsJudged(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if listed[m[1]] != "" {
			t.Errorf("%s is listed twice", m[1])
		}
		listed[m[1]] = strings.TrimSpace(m[2])
		if len(strings.TrimSpace(m[3])) < 2 || len(strings.TrimSpace(m[4])) < 10 {
			t.Errorf("%s: whose rights, and why that is safe?", m[1])
		}
	}
	all := found(t, root)
	for _, place := range slices.Sorted(maps.Keys(all)) {
		calls := strings.Join(all[place], ", ")
		switch want, ok := listed[place]; {
		case !ok:
			t.Errorf("not judged in docs/security.md: | %s | %s | whose rights | why |", place, calls)
		case want != calls:
			t.Errorf("docs/security.md lists %s with %s; there are %s", place, want, calls)
		}
	}
	for place := range listed {
		if all[place] == nil {
			t.Errorf("docs/security.md lists %s, which opens nothing", place)
		}
	}
}
