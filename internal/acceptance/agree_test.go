package acceptance

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"gosendmail/internal/oracletest"
)

// verdict is what one program says of a configuration.
type verdict struct {
	refused bool
	said    []string // the reasons
	code    int
}

// ask runs a program and looks at what it printed. A configuration that the compiler finds wrong is refused with status
// 78.
func ask(t *testing.T, argv ...string) verdict {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	v := verdict{}
	if err := cmd.Run(); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Error(err)
			return v
		}
		v.code = exit.ExitCode()
	}
	v.refused = v.code != 0
	for line := range strings.Lines(errs.String()) {
		line = strings.TrimRight(line, "\r\n")
		mc := strings.Contains(line, ": error: ")
		if line == "" || line[0] == '\t' || strings.Contains(line, ": warning: ") || strings.Contains(line, "WARNING") || mc && v.code != 78 {
			continue
		}
		v.said = append(v.said, line)
	}
	return v
}

// TestLintCheckAndStartAgree: mkcf lint, -bC and -bd refuse the same configurations for the same reasons: those of the
// tree, the original's, Debian's, real ones, what package mc is tested with and 100 broken ones (by day Debian's, the
// broken ones and one in six of the others; all with GOSENDMAIL_SLOW=1). What a start refuses is in syslog, and the
// broken ones are refused at the line that is wrong.
func TestLintCheckAndStartAgree(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		for _, f := range []string{"local-host-names", "trusted-users", "relay-domains", "virtuser-domains"} {
			write(t, w.path("etc/mail", f), "")
		}
		for _, dir := range []string{"spool/mqueue-client", "spool/clientmqueue"} { // of submission programs, whose users are smmsp or mail
			must(t, os.MkdirAll(w.path(dir), 0o700))
			must(t, os.Chown(w.path(dir), 117, 8))
			must(t, os.Chmod(w.path(dir), 0o770))
		}
		for _, dir := range []string{"queue", "laptop-queue"} { // of the examples
			must(t, os.Mkdir(w.path(dir), 0o700))
		}
		must(t, os.Mkdir(w.path("pids"), 0o777))
		must(t, os.Chmod(w.path("pids"), 0o777)) // RunAsUser of some
		collect(t, w)
	}, func(t *testing.T, w world) {
		must(t, exec.Command(w.path("bin/sendmail"), "-OAliasFile=/etc/mail/aliases", "-C", w.path("first.mc"), "-bi").Run())
		files, err := filepath.Glob(w.path("mc/*/*.mc"))
		must(t, err)
		if os.Getenv("GOSENDMAIL_SLOW") == "" {
			files = sample(t, files)
		}
		found := judgeAll(t, w, files)
		log := wholeLog(t, w)
		starts := 0
		for _, v := range found {
			if v.compare(t, log) {
				starts++
			}
		}
		t.Logf("%d configurations: %d start, %d are refused", len(files), starts, len(files)-starts)
		if starts < 15 || len(files)-starts < 42 {
			t.Error("these are not the configurations that were meant")
		}
	})
}

// sample leaves one in six of the configurations that are not there every time.
func sample(t *testing.T, files []string) []string {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	return slices.DeleteFunc(files, func(file string) bool {
		kind := filepath.Base(filepath.Dir(file))
		return kind != "debian" && kind != "broken" && rnd.IntN(6) > 0
	})
}

// verdicts are what the three say of a configuration.
type verdicts struct {
	file, name         string
	lint, check, start verdict
}

// judgeAll asks all three about the configurations, several at a time; of daemons only one runs, as many want the same
// port.
func judgeAll(t *testing.T, w world, files []string) []*verdicts {
	t.Helper()
	found := make([]*verdicts, len(files))
	var next atomic.Int64
	var port sync.Mutex
	var workers sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				v := &verdicts{file: files[i]}
				v.name, _ = filepath.Rel(w.path("mc"), v.file)
				v.lint = ask(t, w.path("bin/mkcf"), "lint", v.file)
				v.lint.refused = v.lint.code == 65 // 1: warnings alone
				v.check = ask(t, w.path("bin/sendmail"), "-C", v.file, "-bC")
				port.Lock()
				v.start = startAndStop(t, w, v)
				port.Unlock()
				found[i] = v
			}
		})
	}
	workers.Wait()
	return found
}

// startAndStop asks for a daemon, and ends it where there is one.
func startAndStop(t *testing.T, w world, v *verdicts) verdict {
	t.Helper()
	pidFile := w.path("pids/pid")
	start := ask(t, w.path("bin/sendmail"), "-C", v.file, "-bd", "-OPidFile="+pidFile)
	text, err := os.ReadFile(pidFile)
	if err != nil {
		if !start.refused {
			t.Errorf("%s: -bd exits 0, and there is no daemon", v.name)
		}
		return start
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil || os.Remove(pidFile) != nil {
		t.Errorf("%s: the daemon's number %q: %v", v.name, text, err)
		return start
	}
	for errors.Is(syscall.Kill(pid, 0), nil) {
		runtime.Gosched()
	}
	return start
}

// compare holds the verdicts against each other; it reports whether the configuration can be used.
func (v *verdicts) compare(t *testing.T, log string) (starts bool) {
	t.Helper()
	logged := 2
	if slices.Equal(v.start.said, []string{"Mail submission program cannot be used as daemon"}) {
		v.start, logged = v.check, 1 // a configuration of another program
	}
	if v.lint.refused != v.check.refused || v.check.refused != v.start.refused {
		t.Errorf("%s: lint refuses %t %q, -bC %t %q, -bd %t %q", v.name, v.lint.refused, v.lint.said, v.check.refused, v.check.said,
			v.start.refused, v.start.said)
	}
	if !v.start.refused {
		return true
	}
	if !slices.Equal(v.check.said, v.start.said) {
		t.Errorf("%s: -bC says\n%s\n-bd says\n%s", v.name, strings.Join(v.check.said, "\n"), strings.Join(v.start.said, "\n"))
	}
	refusals := v.start.said
	if v.start.code == 78 { // no queue; what the compiler says before is not why
		refusals = refusals[len(refusals)-1:]
	}
	for _, said := range refusals {
		if !slices.Contains(v.lint.said, said) && v.start.code != 78 {
			t.Errorf("%s: lint does not say %q, but\n%s", v.name, said, strings.Join(v.lint.said, "\n"))
		}
		line := "SYSERR(root): " + strings.ReplaceAll(said, "\t", `\t`)
		if n := strings.Count(log, line); n < logged {
			t.Errorf("%s: %d times in the log, not %d: %s", v.name, n, logged, line)
		}
	}
	atLine(t, v.file, v.start.said)
	return false
}

// atLine checks that a broken configuration is refused at the line that its first line names: "dnl 12".
func atLine(t *testing.T, file string, said []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	n, ok := strings.CutPrefix(first, "dnl wrong at line ")
	if !ok {
		return
	}
	for _, form := range []string{file + ": line " + n + ":", file + ":" + n + ":"} {
		if slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, form) }) {
			return
		}
	}
	t.Errorf("%s: line %s is not named:\n%s", filepath.Base(file), n, strings.Join(said, "\n"))
}

// logFile is a line that keeps the log out of syslog.
var logFile = regexp.MustCompile("(?m)^define\\(`confLOG_FILE'.*$")

// collect puts all configurations below mc/.
func collect(t *testing.T, w world) {
	t.Helper()
	put := func(kind, name, text string) { write(t, w.path("mc", kind, filepath.Base(name)), text) }
	tree := oracletest.Tree(t)
	first, err := os.ReadFile("../../cf/mc/testdata/pop-before-smtp.mc")
	must(t, err)
	write(t, w.path("first.mc"), logFile.ReplaceAllString(strings.NewReplacer("SITE", w.path(""), "PORT", "2525").Replace(string(first)), "dnl"))
	kinds := map[string]string{"debian": tree + "/debian/*.mc", "tree": "../../cf/mc/testdata/*.mc", "sites": "../../cf/mc/testdata/sites/*.mc",
		"stock": tree + "/cf/*.mc"}
	for kind, pattern := range kinds {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			must(t, err)
			put(kind, f, logFile.ReplaceAllString(strings.NewReplacer("SITE", w.path(""), "PORT", "2525").Replace(string(text)), "dnl")) // as the example's script does
		}
	}
	for _, archive := range []string{"recipes", "configurations"} {
		text, err := os.ReadFile("../../cf/mc/testdata/" + archive + ".txtar")
		must(t, err)
		for _, f := range txtar.Parse(text).Files {
			put(archive, f.Name, completed(string(f.Data)))
		}
	}
	for i, line := range broken {
		mc, cf := line, ""
		at := "4"
		if rest, ok := strings.CutPrefix(line, "cf "); ok {
			mc, cf, at = "dnl", "LOCAL_CONFIG\n"+rest+"\n", "8"
		}
		if rest, ok := strings.CutPrefix(line, "rules "); ok {
			mc, cf, at = "dnl", "LOCAL_RULESETS\nSx\n"+rest+"\n", "9"
		}
		put("broken", strconv.Itoa(i)+".mc", "dnl wrong at line "+at+"\nOSTYPE(`linux')dnl\ndefine(`confTO_IDENT', `0')dnl\n"+mc+"\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"+cf)
	}
}

// completed adds what all configurations need.
func completed(text string) string {
	if !strings.Contains(text, "OSTYPE(") {
		text = "OSTYPE(`linux')dnl\n" + text
	}
	for _, m := range []string{"local", "smtp"} {
		if !strings.Contains(text, "MAILER(`"+m+"')") && !strings.Contains(text, "nullclient") {
			text += "MAILER(`" + m + "')dnl\n"
		}
	}
	return text
}

// broken are lines of a .mc that make it unusable; those after "cf " stand in LOCAL_CONFIG, those
// after "rules " in a ruleset.
var broken = []string{
	"DAEMON_OPTIONS(`Name=MTA, Port=nosuch')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Zork=25')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Family=decnet')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Addr=nosuch.invalid')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Family=inet6, Addr=127.0.0.1')dnl",
	"DAEMON_OPTIONS(`Name=MTA, DeliveryMode=zork')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Port=70000')dnl",
	"DAEMON_OPTIONS(`Name=MTA, InputMailFilters=f')dnl",
	"CLIENT_OPTIONS(`Family=inet, Addr=nosuch.invalid')dnl",
	"CLIENT_OPTIONS(`Port=nosuch')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Port=25 Addr=127.0.0.1')dnl",
	"define(`confAUTH_BACKENDS', `map:nosuch')dnl",
	"define(`confSERVER_SSL_OPTIONS', `SSL_OP_ZORK')dnl",
	"INPUT_MAIL_FILTER(`f', `S=local:/run/f.sock')dnl",
	"MAIL_FILTER(`f', `S=inet:1234@localhost, F=Z')dnl",
	"FEATURE(`sts')dnl",
	"FEATURE(`nosuchfeature')dnl",
	"MAILER(`nosuchmailer')dnl",
	"define(`confDELIVERY_MODE', `zork')dnl",
	"define(`confEIGHT_BIT_HANDLING', `zork')dnl",
	"define(`confPRIVACY_FLAGS', `zork')dnl",
	"define(`confDONT_BLAME_SENDMAIL', `zork')dnl",
	"define(`confRUN_AS_USER', `nosuchuser')dnl",
	"define(`confTIME_ZONE', `Atlantis')dnl",
	"define(`confCONNECT_ONLY_TO', `nosuch')dnl",
	"define(`confBIND_OPTS', `+Zork')dnl",
	"define(`confMAILBOX_DATABASE', `ldap')dnl",
	"define(`confQUEUE_SORT_ORDER', `zork')dnl",
	"FEATURE(`access_db', `zork /etc/mail/access')dnl",
	"FEATURE(`use_cw_file')define(`confCW_FILE', `/nonexistent/names')dnl",
	"QUEUE_GROUP(`q', `P=/var/spool/mqueue, Z=3')dnl",
	"QUEUE_GROUP(`q', `P=/run/elsewhere')dnl",
	"define(`confTO_IDENT'', `0)dnl",
	"cf O NoSuchOption=1",
	"cf Zork",
	"cf F{x}/nonexistent/file",
	"cf F{x}/etc/mail",
	"cf Kx zork /etc/mail/x",
	"cf Kx regex -z",
	"cf R$*\t$1",
	"cf Mx, P=/bin/true",
	"cf Mx, A=x",
	"cf O Timeout.zork=1h",
	"cf C",
	"cf P=1",
	"DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.300')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=::1')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Family=inet6, Addr=IPv6:zz::1')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Port=-1')dnl",
	"DAEMON_OPTIONS(`Name=MTA, Port=25x')dnl",
	"CLIENT_OPTIONS(`Family=inet6, Addr=127.0.0.1')dnl",
	"CLIENT_OPTIONS(`Family=zork')dnl",
	"INPUT_MAIL_FILTER(`f', `F=T')dnl",
	"INPUT_MAIL_FILTER(`f', `S=zork:/x')dnl",
	"INPUT_MAIL_FILTER(`f', `S=inet:1@localhost, T=Z:1m')dnl",
	"define(`confDEF_USER_ID', `nosuchuser:nosuchgroup')dnl",
	"define(`confTRUSTED_USER', `nosuchuser')dnl",
	"define(`confRUN_AS_USER', `root:nosuchgroup')dnl",
	"define(`confQUEUE_DIR', `/nonexistent/q*')dnl",
	"define(`confTO_QUEUERETURN', `5zork')dnl",
	"define(`confSAFE_QUEUE', `perhaps')dnl",
	"define(`confERROR_MODE', `zork')dnl",
	"define(`confALIAS_FILE', `zork:/etc/mail/aliases')dnl",
	"QUEUE_GROUP(`q', `P=relative')dnl",
	"QUEUE_GROUP(`q', `P=/elsewhere')dnl",
	"QUEUE_GROUP(`q', `P=/var/spool/mqueue, I=many')dnl",
	"cf K",
	"cf Kx",
	"cf Kx hash",
	"cf Kx hash -Z /etc/mail/x",
	"cf Kx ldap",
	"cf Kx dns",
	"cf Kx regex [a",
	"cf Kx socket",
	"cf Kx program",
	"cf Kx switch",
	"cf F",
	"cf Fx",
	"cf F{x}|/nonexistent/program",
	"cf M",
	"cf Mx",
	"cf Mx, P=/bin/true, A=x, Z=1",
	"cf Mx, P=/bin/true, A=x, E=",
	"cf Mx, P=/bin/true, A=x, U=nosuchuser",
	"cf Mx, P=/bin/true, A=x, U=root:nosuchgroup",
	"rules R$*",
	"rules R$*\t$9",
	"rules R$*\t$( x $1",
	"rules R$*\t$[ $1",
	"rules R$*\t$>",
	"cf H",
	"cf HX Y: z",
	"cf H?x: y",
	"cf D",
	"cf D{x",
	"cf T",
	"cf V99/Zork",
	"cf Vx",
	"cf Q",
	"cf Qx, Z=1",
	"cf E",
	"cf o",
	"cf O",
	"cf O =1",
	"cf O DontBlameSendmail=Zork",
	"cf O DefaultUser=nosuchuser",
	"cf O TempFileMode=9",
	"cf O MaxHopCount=many",
	"cf O Timeout.queuereturn.zork=1d",
	"cf Lx",
}
