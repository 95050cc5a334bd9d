package testmode_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gosendmail/internal/oracletest"
)

// mapCase is one file of testdata/maps: K lines and keys, with the files and the DNS records that they need.
type mapCase struct {
	name, cf string
	maps     []string
	keys     []string
	zone     string
	files    map[string]string
}

func readMapCase(t *testing.T, path string) *mapCase {
	t.Helper()
	archive, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &mapCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), files: map[string]string{}}
	for _, part := range strings.Split("\n"+string(archive), "\n-- ")[1:] {
		file, text, _ := strings.Cut(part, " --\n")
		text += "\n"
		switch file {
		case "cf":
			c.cf = text
		case "keys":
			c.keys = strings.Split(strings.TrimSpace(text), "\n")
		case "zone":
			c.zone += text
		case "manyzone":
			c.zone += manyRecords(t, text)
		case "note":
		default:
			c.files[file] = text
		}
	}
	for line := range strings.Lines(c.cf) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "K"), " "); ok && line[0] == 'K' && name != "" {
			c.maps = append(c.maps, name)
		}
	}
	return c
}

// manyRecords makes sets of records too large for one value: "MX 12" is twelve of them for many.MX12.test.
func manyRecords(t *testing.T, list string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(list) {
		kind, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= n; i++ {
			data := map[string]string{"A": fmt.Sprint("192.0.2.", i), "MX": fmt.Sprintf("%d host%d-with-a-rather-long-name.example.many.test.", i, i),
				"TXT": `"` + strings.Repeat(strconv.Itoa(i%10), 61) + `"`, "AAAA": fmt.Sprintf("2001:db8:1234:5678:9abc:def0:1234:%x", i)}[kind]
			fmt.Fprintf(&b, "many.%s%d.test. %s %s\n", kind, n, kind, data)
		}
	}
	return b.String()
}

// parts are configurations with their commands: every map with every key by /map, then in rules, with and without
// arguments. The original takes at most 100 rulesets.
func (c *mapCase) parts(dir string) (cfs, ins []string) {
	head := "V10/Berkeley\nO QueueDirectory=/tmp\nO DontBlameSendmail=MapInUnsafeDirPath,RunProgramInUnsafeDirPath,GroupWritableDirPathSafe,LinkedMapInWritableDir\n" +
		"Mlocal, P=/bin/true, F=lsAw5, A=true\n" + strings.ReplaceAll(c.cf, "DIR", dir) + "S0\nR$*\t$#local $: $1\n"
	var in strings.Builder
	for _, m := range c.maps {
		for _, k := range c.keys {
			fmt.Fprintf(&in, "/map %s %s\n", m, k)
		}
	}
	cfs, ins = []string{head}, []string{in.String()}
	for from := 0; from < len(c.maps); from += 45 {
		var cf, in strings.Builder
		for i, m := range c.maps[from:min(from+45, len(c.maps))] {
			fmt.Fprintf(&cf, "SA%d\nR$*\t$: $(%s $1 $: NO $)\nSB%d\nR$*\t$: $(%s $1 $@ one $@ two $: NO $)\n", i, m, i, m)
			for _, k := range c.keys {
				fmt.Fprintf(&in, "A%d %s\nB%d %s\n", i, k, i, k)
			}
		}
		cfs, ins = append(cfs, head+cf.String()), append(ins, in.String())
	}
	return cfs, ins
}

// TestMaps: look-ups in maps of every class that needs no server of its own, by /map and in rules: not a byte differs
// from the original's.
func TestMaps(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("testdata/maps/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, len(paths))
	}
	bin := oracletest.Root(t) + "/usr/libexec/sendmail/"
	script := serving + "=/run " + self + " &\nwhile [ ! -S /run/s ]; do sleep 0.05; done\nSM2=${SM%% *}\ncd $ARENA/wide\nfor f in *.hash; do " + bin + "makemap -C /dev/null hash ${f%.hash} <$f 2>/dev/null; done\n" +
		"for f in *.hash-N; do " + bin + "makemap -N -C /dev/null hash ${f%.hash-N} <$f 2>/dev/null; done\n" +
		"for f in *.btree; do " + bin + "makemap -C /dev/null btree ${f%.btree} <$f 2>/dev/null; done\n" +
		"for f in *.cf; do $SM2 -C $ARENA/wide/$f -bt <${f%.cf}.in >${f%.cf}.theirs 2>&1; done\n" + inside + "=$ARENA/wide " + self + "\n"
	var bases []string
	_, out := oracletest.Arena(t, script, func(dir string) {
		wide, zone := filepath.Join(dir, "wide"), ""
		if err := os.Mkdir(wide, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			c := readMapCase(t, path)
			zone += c.zone
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(wide, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cfs, ins := c.parts(wide)
			for i := range cfs {
				base := fmt.Sprint(c.name, i)
				bases = append(bases, filepath.Join(wide, base))
				write(t, wide, base+".cf", cfs[i])
				write(t, wide, base+".in", ins[i])
			}
		}
		write(t, dir, "zone", zone)
	})
	if out != "" {
		t.Log(out)
	}
	commands := 0
	for _, base := range bases {
		commands += compareFiles(t, base)
	}
	t.Logf("%d commands", commands)
}

// serving names, in the environment of this test program started once more within the private world, the folder for the
// local socket of a server of class socket.
const serving = "GOSENDMAIL_TESTMODE_SERVING"

// answersOf are what the server sends for a key, as it is; answerText what it sends as a netstring.
var (
	answersOf = map[string]string{"garbage": "garbage\n", "nocomma": "4:OK x;", "zeros": "0004:OK x,", "close": "",
		"long": "1000001:OK", "nocolon": "12 OK x,"}
	answerText = map[string]string{"ok": "OK value %0 x", "OK": "OK other", "okempty": "OK ", "temp": "TEMP later", "timeout": "TIMEOUT x", "perm": "PERM x",
		"huh": "HUH x", "lower": "ok v", "empty": "", "big": "OK " + strings.Repeat("x", 3000), "huge": "OK " + strings.Repeat("x", 200_000),
		"quote": `OK a"b\c <d>`, "nul": "OK a\x00b", "split": "OK split"}
)

// serveMaps answers on a local socket and on TCP until it is killed.
func serveMaps(dir string) int {
	failed := make(chan error)
	for network, address := range map[string]string{"unix": dir + "/s", "tcp4": "127.0.0.1:4444", "tcp6": "[::1]:4444"} {
		go func() {
			l, err := net.Listen(network, address)
			if err != nil {
				failed <- err
				return
			}
			for {
				c, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				go serveMap(c)
			}
		}()
	}
	fmt.Fprintln(os.Stderr, <-failed)
	return 1
}

func serveMap(c net.Conn) {
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
		_, key, _ := strings.Cut(string(buf[:n]), " ")
		if raw, ok := answersOf[key]; ok {
			if raw == "" {
				return
			}
			io.WriteString(c, raw)
			continue
		}
		text, ok := answerText[key]
		if !ok {
			text = "NOTFOUND "
		}
		answer := fmt.Sprintf("%d:%s,", len(text), text)
		if key != "split" {
			io.WriteString(c, answer)
			continue
		}
		for i := range len(answer) {
			c.Write([]byte{answer[i]})
		}
	}
}
