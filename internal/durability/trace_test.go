package durability

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// traced are the system calls that change files, sync them, and speak to others.
const traced = "openat,creat,write,pwrite64,writev,lseek,ftruncate,truncate,fallocate,copy_file_range,sendfile,splice," +
	"rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir," +
	"fsync,fdatasync,syncfs,sync,read,recvfrom,sendto,exit_group"

// call is one system call that succeeded.
type call struct {
	name   string
	args   []string // strings without their quotes, descriptors as "N</path>"
	result int64
	path   string // behind the result: of a descriptor that was opened
	begin  int    // calls that had ended when this one began
}

// strace runs a command and returns its calls in the order in which they ended.
func strace(t *testing.T, cmd *exec.Cmd) []call {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	prepareTrace(cmd, out)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	return readTrace(t, out)
}

// prepareTrace puts strace before a command.
func prepareTrace(cmd *exec.Cmd, out string) {
	args := []string{"strace", "-f", "-y", "-xx", "-s", "1000000", "-e", "signal=none", "-e", "trace=" + traced,
		"-o", out, "--"}
	cmd.Args = append(args, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path, cmd.Err = "/usr/bin/strace", nil
}

var (
	hex      = regexp.MustCompile(`\\x[0-9a-f]{2}`)
	complete = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (-?\d+|\?)(?:<(.*)>)?(.*)$`)
)

func unhex(s string) string {
	return hex.ReplaceAllStringFunc(s, func(x string) string {
		n, _ := strconv.ParseUint(x[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

func readTrace(t *testing.T, path string) []call {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var calls []call
	open := map[string]string{} // by thread: the first half of its call
	begun := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		thread, text, _ := strings.Cut(lines.Text(), " ")
		text = strings.TrimLeft(text, " ")
		if head, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
			open[thread], begun[thread] = head, len(calls)
			continue
		}
		begin := len(calls)
		if strings.HasPrefix(text, "<... ") {
			_, tail, _ := strings.Cut(text, " resumed>")
			text, begin = open[thread]+tail, begun[thread]
		}
		m := complete.FindStringSubmatch(text)
		if m == nil {
			continue // ends of processes
		}
		n, err := strconv.ParseInt(m[3], 10, 64)
		if m[3] != "?" && (err != nil || n < 0) {
			continue
		}
		calls = append(calls, call{name: m[1], args: splitArgs(m[2]), result: n, path: unhex(m[4]), begin: begin})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

// splitArgs parts arguments at commas; in strings everything is written in hexadecimal.
func splitArgs(s string) []string {
	var args []string
	for _, a := range strings.Split(s, ", ") {
		args = append(args, unhex(strings.Trim(a, `"`)))
	}
	return args
}

// fd takes "N</path>" apart.
func fd(arg string) (n, path string) {
	n, path, _ = strings.Cut(arg, "<")
	return n, strings.TrimSuffix(path, ">")
}

// full joins a path with the directory that its descriptor is.
func full(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	_, at := fd(dir)
	return filepath.Join(at, path)
}

// requireStrace skips where nothing can be recorded.
func requireStrace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("whole sites are not run with -short")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root: mail is delivered to several users")
	}
	if out, err := exec.Command("strace", "-f", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("nothing can be recorded: strace: %v %s", err, out)
	}
}

func (c call) String() string { return fmt.Sprintf("%s(%.200q) = %d", c.name, c.args, c.result) }
