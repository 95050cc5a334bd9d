package acceptance

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/tools/txtar"

	"gosendmail/internal/oracletest"
)

// verdict is what one program says of a configuration.
type verdict struct {
	refused bool
	said    []string // the reasons
	code    int
}

// ask runs a program and looks at what it printed. A configuration that the compiler finds wrong is refused with status 78.
func ask(t *testing.T, argv ...string) verdict {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	v := verdict{}
	if err := cmd.Run(); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatal(err)
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

// TestLintCheckAndStartAgree: mkcf lint, -bC and -bd refuse the same configurations for the same reasons, those of the tree, the
// original's, Debian's and 40 broken ones (with GOSENDMAIL_SLOW=1 also what package mc is tested with); what a start refuses is in syslog, and the broken ones are refused at the line that is wrong.
func TestLintCheckAndStartAgree(t *testing.T) {
	inArena(t, func(t *testing.T, w world) {
		for _, f := range []string{"local-host-names", "trusted-users", "relay-domains", "virtuser-domains"} {
			write(t, w.path("etc/mail", f), "")
		}
		must(t, os.MkdirAll(w.path("spool/mqueue-client"), 0o700))
		must(t, os.Chown(w.path("spool/mqueue-client"), 117, 126)) // smmsp's
		for _, dir := range []string{"queue", "laptop-queue"} {    // of the examples
			must(t, os.Mkdir(w.path(dir), 0o700))
		}
		must(t, os.Mkdir(w.path("pids"), 0o777))
		must(t, os.Chmod(w.path("pids"), 0o777)) // RunAsUser of some
		collect(t, w)
	}, func(t *testing.T, w world) {
		must(t, exec.Command(w.path("bin/sendmail"), "-OAliasFile=/etc/mail/aliases", "-C", w.path("first.mc"), "-bi").Run())
		files, err := filepath.Glob(w.path("mc/*/*.mc"))
		must(t, err)
		starts, refused := 0, 0
		for _, file := range files {
			if agree(t, w, file) {
				refused++
			} else {
				starts++
			}
		}
		t.Logf("%d configurations: %d start, %d are refused", len(files), starts, refused)
		if starts < 2 || refused < 40 {
			t.Error("these are not the configurations that were meant")
		}
	})
}

// agree asks all three about a configuration; it reports whether they refuse it.
func agree(t *testing.T, w world, file string) (refused bool) {
	name, _ := filepath.Rel(w.path("mc"), file)
	lint := ask(t, w.path("bin/mkcf"), "lint", file)
	lint.refused = lint.code == 65 // 1: warnings alone
	check := ask(t, w.path("bin/sendmail"), "-C", file, "-bC")
	start := ask(t, w.path("bin/sendmail"), "-C", file, "-bd", "-OPidFile="+w.path("pids/pid"))
	if text, err := os.ReadFile(w.path("pids/pid")); err == nil {
		pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
		must(t, err)
		must(t, syscall.Kill(pid, syscall.SIGTERM))
		eventually(t, "the daemon ends", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	} else if !start.refused {
		t.Errorf("%s: -bd exits 0, and there is no daemon", name)
	}
	if slices.Equal(start.said, []string{"Mail submission program cannot be used as daemon"}) && !check.refused && !lint.refused {
		return false // a good configuration, of another program
	}
	if lint.refused != check.refused || check.refused != start.refused {
		t.Errorf("%s: lint refuses %t %q, -bC %t %q, -bd %t %q", name, lint.refused, lint.said, check.refused, check.said, start.refused, start.said)
	}
	if !start.refused {
		return false
	}
	if !slices.Equal(check.said, start.said) {
		t.Errorf("%s: -bC says\n%s\n-bd says\n%s", name, strings.Join(check.said, "\n"), strings.Join(start.said, "\n"))
	}
	for _, said := range start.said {
		if !slices.Contains(lint.said, said) && start.code != 78 {
			t.Errorf("%s: lint does not say %q, but\n%s", name, said, strings.Join(lint.said, "\n"))
		}
		line := "SYSERR(root): " + strings.ReplaceAll(said, "\t", `\t`) + "\n"
		eventually(t, "twice in the log: "+line, func() bool {
			text, err := os.ReadFile(w.path("log"))
			return err == nil && strings.Count(string(text), line) >= 2
		})
	}
	atLine(t, file, start.said)
	return true
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
	kinds := map[string]string{"debian": tree + "/debian/*.mc"}
	var archives []string
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		kinds["tree"], kinds["sites"], kinds["stock"] = "../../cf/mc/testdata/*.mc", "../../cf/mc/testdata/sites/*.mc", tree+"/cf/*.mc"
		archives = []string{"recipes", "configurations"}
	}
	for kind, pattern := range kinds {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			must(t, err)
			put(kind, f, logFile.ReplaceAllString(strings.NewReplacer("SITE", w.path(""), "PORT", "2525").Replace(string(text)), "dnl")) // as the example's script does
		}
	}
	for _, archive := range archives {
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

// broken are lines of a .mc that make it unusable; those after "cf " stand in LOCAL_CONFIG.
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
}
