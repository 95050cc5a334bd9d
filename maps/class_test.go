package maps_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	mdns "github.com/miekg/dns"

	"gosendmail/internal/dns/dnstest"
	"gosendmail/maps"
	"gosendmail/maps/dbfile"
	"gosendmail/maps/maptest"
)

// build writes a CDB file with one record.
func build(t testing.TB, path, key, value string) {
	t.Helper()
	b, err := dbfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Add([]byte(key), []byte(value)), b.Commit(0o640, nil)); err != nil {
		t.Fatal(err)
	}
}

func database(class, ext string) func(t *testing.T) maptest.Subject {
	return func(t *testing.T) maptest.Subject {
		file := filepath.Join(t.TempDir(), "x")
		build(t, file+ext, "key", "value")
		return maptest.Subject{
			Class: class, Args: file, Key: "KEY", Value: "value", Absent: "none",
			Break:   func(t *testing.T) { write(t, file+ext, "this is no database at all, is it?") },
			Mend:    func(t *testing.T) { build(t, file+ext, "key", "value") },
			Replace: func(t *testing.T) { build(t, file+ext, "key", "value2") },
		}
	}
}

// berkeley is a hash file that another program writes in place.
func berkeley(class string) func(t *testing.T) maptest.Subject {
	return func(t *testing.T) maptest.Subject {
		tool, err := exec.LookPath("db5.3_load")
		if err != nil {
			t.Skip("db5.3_load is not installed (Debian: db5.3-util)")
		}
		file := filepath.Join(t.TempDir(), "x.db")
		load := func(t *testing.T, value string) {
			cmd := exec.Command(tool, "-T", "-t", class, file)
			cmd.Stdin = strings.NewReader("key\n" + value + "\n")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		load(t, "value")
		return maptest.Subject{
			Class: class, Args: file, Key: "key", Value: "value", Absent: "none",
			Break:   func(t *testing.T) { os.Truncate(file, 100) },
			Replace: func(t *testing.T) { load(t, "value2") },
		}
	}
}

func textFile(t *testing.T) maptest.Subject {
	file := filepath.Join(t.TempDir(), "x")
	write(t, file, "# c\nkey value\n")
	return maptest.Subject{
		Class: "text", Args: "-v1 " + file, Key: "key", Value: "value", Absent: "none",
		Break:   func(t *testing.T) { os.Remove(file) },
		Mend:    func(t *testing.T) { write(t, file, "key value\n") },
		Replace: func(t *testing.T) { write(t, file, "key value2\n") },
	}
}

const mapZone = `
host.test. A 192.0.2.1
host.test. MX 5 mx.test.
1.2.0.192.in-addr.arpa. PTR host.test.
two.test. MX 5 b.test.
two.test. MX 10 a.test.
txt.test. TXT "some text"
`

// refuse answers that the server will not tell.
func refuse(w mdns.ResponseWriter, q *mdns.Msg) bool {
	w.WriteMsg(new(mdns.Msg).SetRcode(q, mdns.RcodeRefused))
	return true
}

// resolving is a class that asks name servers; Break makes them fail.
func resolving(class, args, key, value string) func(t *testing.T) maptest.Subject {
	return func(t *testing.T) maptest.Subject {
		s := dnstest.Start(t, mapZone)
		env := maps.Env{DNS: s.Resolver()}
		return maptest.Subject{
			Class: class, Args: args, Env: env, Key: key, Value: value, Absent: "none.test",
			Break: func(*testing.T) { s.Handle(refuse) },
			Mend:  func(*testing.T) { s.Handle(nil) },
		}
	}
}

// socketServer answers netstrings; what it answers to a key is up to the caller.
type socketServer struct {
	mu      sync.Mutex
	answers map[string]string
	asked   []string
}

func startSocket(t *testing.T) (*socketServer, string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &socketServer{answers: map[string]string{"m key": "OK value", "m temp": "TEMP later", "m perm": "PERM no", "m odd": "HUH", "m empty": "OK"}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return s, fmt.Sprintf("inet:%d@127.0.0.1", l.Addr().(*net.TCPAddr).Port)
}

func (s *socketServer) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "%d:", &n); err != nil {
			return
		}
		buf := make([]byte, n+1)
		if _, err := io.ReadFull(r, buf); err != nil {
			return
		}
		s.mu.Lock()
		q := string(buf[:n])
		s.asked = append(s.asked, q)
		a, ok := s.answers[q]
		s.mu.Unlock()
		if !ok {
			a = "NOTFOUND "
		}
		if a == "hang up" {
			return
		}
		fmt.Fprintf(c, "%d:%s,", len(a), a)
	}
}

func socket(t *testing.T) maptest.Subject {
	s, endpoint := startSocket(t)
	set := func(a string) func(*testing.T) {
		return func(*testing.T) { s.mu.Lock(); s.answers["m key"] = a; s.mu.Unlock() }
	}
	return maptest.Subject{Class: "socket", Args: endpoint, Key: "key", Value: "value", Absent: "none", Break: set("hang up"), Mend: set("OK value")}
}

func TestClasses(t *testing.T) {
	fixed := func(s maptest.Subject) func(*testing.T) maptest.Subject {
		return func(*testing.T) maptest.Subject { return s }
	}
	member := []maps.Spec{{Name: "empty", Class: "null"}, {Name: "full", Class: "regex", Args: "-s key"}}
	for name, fresh := range map[string]func(*testing.T) maptest.Subject{
		"hash": database("hash", ".db"), "btree": database("btree", ".db"), "cdb": database("cdb", ".cdb"), "implicit": database("implicit", ".db"), "implicit-cdb": database("implicit", ".cdb"),
		"berkeley-hash": berkeley("hash"), "berkeley-btree": berkeley("btree"), "text": textFile, "socket": socket,
		"dns": resolving("dns", "-R A", "host.test", "192.0.2.1"), "dns-mx": resolving("dns", "-R MX -z,", "two.test", "b.test,a.test"), "host": resolving("host", "", "host.test", "host.test"),
		"bestmx": resolving("bestmx", "", "host.test", "mx.test."), "bestmx-z": resolving("bestmx", "-z:", "two.test", "b.test.:a.test."),
		"sequence": fixed(maptest.Subject{Class: "sequence", Args: "empty full", More: member, Key: "key", Value: "key", Absent: "none", NoAppend: true}),
		"dequote":  fixed(maptest.Subject{Class: "dequote", Key: `"x"`, Value: "x", Absent: "x", NoAppend: true}),
		"arith":    fixed(maptest.Subject{Class: "arith", Key: "+", With: []string{"1", "2"}, Value: "3", Absent: "?", NoAppend: true}),
		"arpa":     fixed(maptest.Subject{Class: "arpa", Key: "1.2.3.4", Value: "4.3.2.1", Absent: "x", NoAppend: true}),
		"macro":    fixed(maptest.Subject{Class: "macro", Key: "{x}", With: []string{"1"}, Value: "", NoAppend: true}),
		"syslog":   fixed(maptest.Subject{Class: "syslog", Key: "text", Value: "", NoAppend: true}),
		"program":  fixed(maptest.Subject{Class: "program", Args: "/bin/echo a", Key: "key", Value: "a key"}),
		"regex":    fixed(maptest.Subject{Class: "regex", Args: "^k(e)y$", Key: "key", Value: "", Absent: "none"}),
		"user":     user,
	} {
		t.Run(name, func(t *testing.T) { maptest.Run(t, fresh) })
	}
}

func user(t *testing.T) maptest.Subject {
	file := filepath.Join(t.TempDir(), "passwd")
	write(t, file, "alice:x:1:2:Alice:/home/alice:/bin/sh\n")
	return maptest.Subject{
		Class: "user", Args: "-v dir", Env: maps.Env{User: maps.PasswdFile(file)}, Key: "alice", Value: "/home/alice", Absent: "bob",
		Break:   func(*testing.T) { os.Remove(file) },
		Replace: func(t *testing.T) { write(t, file, "alice:x:1:2:Alice:/home/alice2:/bin/sh\n") },
	}
}

// session keeps macros.
type session map[string]string

func (s session) Macro(n string) (string, bool) { v, ok := s[n]; return v, ok }
func (s session) SetMacro(n, v string)          { s[n] = v }
func (s session) ClearMacro(n string)           { delete(s, n) }

func TestMacroClass(t *testing.T) {
	set, err := maps.NewSet([]maps.Spec{{Name: "storage", Class: "macro"}}, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	s := session{}
	ctx := maps.WithSession(context.Background(), s)
	for _, c := range []struct {
		key  string
		args []string
		want session
	}{{"{Long}", []string{"v"}, session{"Long": "v"}}, {"x", []string{""}, session{"Long": "v", "x": ""}}, {"{Long}", nil, session{"x": ""}}} {
		if v, err := set.Lookup(ctx, "storage", c.key, c.args...); v != "" || err != nil || fmt.Sprint(s) != fmt.Sprint(c.want) {
			t.Errorf("%q %q: %q, %v, %v", c.key, c.args, v, err, s)
		}
	}
}

func TestDeferredMode(t *testing.T) {
	set, err := maps.NewSet([]maps.Spec{{Name: "d", Class: "regex", Args: "-D -s a"}, {Name: "e", Class: "regex", Args: "-s a"}}, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := maps.WithDeferred(context.Background())
	if _, err := set.Lookup(ctx, "d", "a"); !errors.Is(err, maps.ErrTempFail) {
		t.Error(err)
	}
	if v, err := set.Lookup(ctx, "e", "a"); v != "a" || err != nil {
		t.Error(v, err)
	}
	if _, err := set.Lookup(ctx, "host", "x"); !errors.Is(err, maps.ErrTempFail) {
		t.Error("the implied host map is looked up in deferred mode:", err)
	}
}

func TestConfigurationErrors(t *testing.T) {
	for line, want := range map[string]string{
		"Ka hash": "x.cf:1: No file name for hash map a", "Ka nis x": "class nis not available", "Ka dbm x": "makemap", "Ka nothing x": "x.cf:1: readcf: map a: class nothing not available",
		"Ka hash -y f": "Illegal option y map a", "Ka sequence b c": "unknown member map b", "Ka sequence a": "unknown member map a", "Ka regex (": "pattern-compile-error: Unmatched (",
		"Ka dns": "missing -R type", "Ka dns -R XX": "wrong type XX", "Ka socket": "No file name for socket map a", "Ka NisPlus x": "NIS+ is not supported", "Ka syslog -L loud": "Unknown priority loud", "Ka regex -s3 (a)": "out of range",
	} {
		set, err := maps.NewSet(specs([]string{line}), maps.Env{})
		if err == nil || !strings.HasPrefix(err.Error(), "x.cf:1: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
		if set == nil || !slices.Contains(set.Names(), "host") {
			t.Errorf("%s: the set has no other maps", line)
		}
	}
}

// TestUseErrors: what the original finds wrong only when a map is used makes look-ups fail, and is told once.
func TestUseErrors(t *testing.T) {
	for line, want := range map[string]string{
		"Ka user -v shoe": "User map a: unknown column name shoe (x.cf:1)", "Ka text f": `text map "a": file name must be fully qualified (x.cf:1)`,
		"Ka text -kx /dev/null": `text map "a", file /dev/null: -k should specify a number, not x (x.cf:1)`, "Ka text /no/file": `text map "a": unsafe map file /no/file: No such file or directory (x.cf:1)`,
		"Ka socket tcp:1": `socket map "a": unknown socket type tcp: Protocol not supported (x.cf:1)`, "Ka socket inet:25": `socket map "a": inet:25: endpoint needs port@host (x.cf:1)`,
	} {
		var told []string
		set, err := maps.NewSet(specs([]string{line}), maps.Env{Report: func(err error) { told = append(told, err.Error()) }})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		for range 2 {
			if _, err := set.Lookup(context.Background(), "a", "k"); !errors.Is(err, maps.ErrTempFail) {
				t.Errorf("%s: %v", line, err)
			}
		}
		if len(told) != 1 || told[0] != want {
			t.Errorf("%s: told %q, want %q", line, told, want)
		}
	}
}

// TestNames: names of maps and classes mean the same in any case; a K line that repeats a name keeps the flags that it
// does not set.
func TestNames(t *testing.T) {
	set, err := maps.NewSet(specs([]string{"Kone regex -a.first -m x", "Ktwo SEQUENCE oNe", "KONE Regex x"}), maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "One", "two", "TWO"} {
		if v, err := set.Lookup(context.Background(), name, "x"); v != "x.first" || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
	}
	if got := fmt.Sprint(set.Names()); got != "[ONE host two]" {
		t.Errorf("names %s", got)
	}
}

func TestOptional(t *testing.T) {
	dir := t.TempDir()
	var reports []string
	env := maps.Env{Report: func(err error) { reports = append(reports, err.Error()) }}
	set, err := maps.NewSet(specs([]string{"Kopt hash -o " + dir + "/opt", "Kreq hash " + dir + "/req"}), env)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for range 3 {
		if _, err := set.Lookup(ctx, "opt", "k"); !errors.Is(err, maps.ErrNotFound) {
			t.Error(err)
		}
		if _, err := set.Lookup(ctx, "req", "k"); !errors.Is(err, maps.ErrTempFail) {
			t.Error(err)
		}
	}
	if want := `hash map "req": missing map file ` + dir + "/req.db: No such file or directory (x.cf:2)"; len(reports) != 1 || reports[0] != want {
		t.Errorf("reports: %q", reports)
	}
	build(t, dir+"/opt.db", "k", "v") // it appears without a restart
	if v, err := set.Lookup(ctx, "opt", "k"); v != "v" || err != nil {
		t.Error(v, err)
	}
	write(t, dir+"/opt.db", "damaged damaged damaged damaged")
	if _, err := set.Lookup(ctx, "opt", "k"); !errors.Is(err, maps.ErrTempFail) {
		t.Error("damaged optional map:", err)
	}
}

// Rebuilding a table again and again while it is read gives the old or the new value, never another one and never none.
func TestRebuildUnderLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.db")
	build(t, file, "k", "v0")
	set, err := maps.NewSet(specs([]string{"Km hash " + file}), maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := 0
			for {
				select {
				case <-done:
					return
				default:
				}
				v, err := set.Lookup(context.Background(), "m", "k")
				var n int
				if _, scan := fmt.Sscanf(v, "v%d", &n); err != nil || scan != nil || n < last {
					t.Errorf("after v%d: %q, %v", last, v, err)
					return
				}
				last = n
			}
		})
	}
	for i := 1; i <= 50; i++ {
		build(t, file, "k", fmt.Sprintf("v%d", i))
		if v, err := set.Lookup(context.Background(), "m", "k"); v != fmt.Sprintf("v%d", i) || err != nil {
			t.Errorf("right after rebuild %d: %q, %v", i, v, err)
		}
	}
	close(done)
	wg.Wait()
}

// Within a step a table stays as it was first seen; the next step sees the new one.
func TestStep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.db")
	build(t, file, "k", "old")
	set, err := maps.NewSet(specs([]string{"Km hash " + file}), maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := maps.WithStep(context.Background())
	for i, want := range []string{"old", "old"} {
		if v, err := set.Lookup(ctx, "m", "k"); v != want || err != nil {
			t.Errorf("look-up %d: %q, %v", i, v, err)
		}
		build(t, file, "k", "new")
	}
	if v, err := set.Lookup(maps.WithStep(context.Background()), "m", "k"); v != "new" || err != nil {
		t.Errorf("next step: %q, %v", v, err)
	}
}

func TestSocketAnswers(t *testing.T) {
	_, endpoint := startSocket(t)
	set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "socket", Args: "-d5s " + endpoint}}, maps.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"KEY": 0, "none": 68, "temp": 75, "perm": 69, "odd": 75, "empty": 0} {
		if _, err := set.Lookup(context.Background(), "m", key); maps.Status(err) != want {
			t.Errorf("%s: %d (%v), want %d", key, maps.Status(err), err, want)
		}
	}
}

func TestBestMXPrefersThisHost(t *testing.T) {
	s := dnstest.Start(t, "d.test. MX 5 a.test.\nd.test. MX 10 me.test.\nd.test. MX 10 b.test.\nd.test. MX 20 c.test.\ne.test. MX 5 b.test.\ne.test. MX 5 me.test.\nnull.test. MX 0 .\nhost.test. A 192.0.2.1\n")
	env := maps.Env{DNS: s.Resolver(), IsLocal: func(h string) bool { return h == "me.test" }}
	set, err := maps.NewSet(specs([]string{"Kb bestmx", "Kz bestmx -z:"}), env)
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{"b d.test": "a.test.", "z d.test": "a.test.:me.test.:b.test.:c.test.", "b e.test": "me.test.", "b host.test": "host.test.", "b null.test": ""} {
		m, key, _ := strings.Cut(q, " ")
		if v, _ := set.Lookup(context.Background(), m, key); v != want {
			t.Errorf("%s: %q, want %q", q, v, want)
		}
	}
}

func FuzzRegex(f *testing.F) {
	f.Add(`^([a-z]+)\1[[:digit:]]{2,3}$`, "abab12", false)
	f.Add(`\(a*\)\{1,2\}\|b`, "aab", true)
	f.Fuzz(func(t *testing.T, pattern, key string, basic bool) {
		args := "-s "
		if basic {
			args = "-b -s "
		}
		set, err := maps.NewSet([]maps.Spec{{Name: "m", Class: "regex", Args: args + pattern}}, maps.Env{})
		if err != nil {
			return
		}
		set.Lookup(context.Background(), "m", key)
	})
}

func BenchmarkHashMap(b *testing.B) {
	file := filepath.Join(b.TempDir(), "x.db")
	w, err := dbfile.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("user%d@example.com", i)
		if err := w.Add([]byte(keys[i]), []byte("mailbox")); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Commit(0o600, nil); err != nil {
		b.Fatal(err)
	}
	set, err := maps.NewSet(specs([]string{"Km hash " + file}), maps.Env{})
	if err != nil {
		b.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"stat": context.Background(), "step": maps.WithStep(context.Background())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := set.Lookup(ctx, "m", keys[i*7919%len(keys)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
