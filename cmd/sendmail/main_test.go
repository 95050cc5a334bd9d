package main

import (
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gosendmail/internal/envelope"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sendmail": main, "mailq": main, "newaliases": main, "smtpd": main, "hoststat": main,
		"talk": talk, "await": await, "hold": hold,
	})
}

// TestScript runs the scripts in testdata/script: command lines of the real program, and dialogues with a daemon on a
// port of its own ("serve" waits until it greets, "dialogue FILE" sends the lines of a file and prints the answers).
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			env.Setenv("PORT", port)
			env.Setenv("USER", fmt.Sprint(os.Getuid()))
			env.Setenv("GID", fmt.Sprint(os.Getgid()))
			os.Chmod(env.WorkDir, 0o755)
			for _, dir := range []string{"queue", "mail"} {
				if err := os.Mkdir(filepath.Join(env.WorkDir, dir), 0o700); err != nil {
					return err
				}
			}
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"expand": expandFile, "greets": greets, "dialogue": dialogue, "eventually": eventually,
		},
	})
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// expandFile puts the values of $WORK, $PORT and other variables into a file.
func expandFile(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(v string) string {
			if strings.ToUpper(v) != v || len(v) < 3 {
				return "$" + v
			}
			return ts.Getenv(v)
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// patience is how long a test waits for what other processes do.
const patience = 30 * time.Second

// try repeats until ok or the patience is over.
func try(ts *testscript.TestScript, what string, ok func() bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			ts.Fatalf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
}

// greets waits until the daemon on $PORT greets.
func greets(ts *testscript.TestScript, neg bool, args []string) {
	try(ts, "the daemon greets", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
		if err != nil {
			return false
		}
		defer c.Close()
		line, err := textproto.NewConn(c).ReadLine()
		return err == nil && strings.HasPrefix(line, "220")
	})
}

// eventually waits until a file holds a text; with ! until it is gone.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	try(ts, strings.Join(args, " "), func() bool {
		files, _ := filepath.Glob(ts.MkAbs(args[0]))
		if neg {
			return len(files) == 0
		}
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), args[1]) {
				return true
			}
		}
		return false
	})
}

// dialogue sends the lines of a file to the daemon on $PORT, each after the answer to the one before, and compares what
// was said with a second file: "> " marks what is sent. ID and DATE stand for queue identifiers and dates. A line "."
// ends a message.
func dialogue(ts *testscript.TestScript, neg bool, args []string) {
	c, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
	ts.Check(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	tp := textproto.NewConn(c)
	var out bytes.Buffer
	answer := func() {
		for {
			line, err := tp.ReadLine()
			ts.Check(err)
			fmt.Fprintln(&out, volatile.Replace(line))
			if len(line) < 4 || line[3] != '-' {
				return
			}
		}
	}
	answer()
	inData := false
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		line, sent := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "> ")
		if !sent {
			continue
		}
		fmt.Fprintln(&out, "> "+line)
		ts.Check(tp.PrintfLine("%s", line))
		if inData && line != "." {
			continue
		}
		inData = line == "DATA"
		answer()
	}
	got := stable.ReplaceAllString(out.String(), "ID")
	if want := ts.ReadFile(args[0]); got != want {
		ts.Fatalf("the dialogue went otherwise:\n%s\nwanted:\n%s", got, want)
	}
}

// wrong are complaints that stand before all options.
func wrong(texts ...complaint) (list []misuse) {
	for _, text := range texts {
		list = append(list, misuse{complaint: text})
	}
	return list
}

func TestFlags(t *testing.T) {
	tests := []struct {
		line string
		want func(*flags)
	}{
		{"-t -i", func(f *flags) { f.fromHdr, f.dots = true, true }},
		{"-ti -fa@b -fc@d", func(f *flags) {
			f.fromHdr, f.dots, f.sender, f.senderFlag = true, true, "a@b", 'f'
			f.wrong = wrong("More than one \"from\" person")
		}},
		{"-FCronDaemon -i -odi -oem -oi -t -f joe", func(f *flags) {
			f.fullName, f.named, f.dots, f.fromHdr, f.sender, f.senderFlag = "CronDaemon", true, true, true, "joe", 'f'
			f.settings = []setting{{"d", "i", true}, {"e", "m", true}}
		}},
		{"-oem -oi -f a@b -N failure -R hdrs -B8BITMIME -- x y", func(f *flags) {
			f.settings = []setting{{"e", "m", true}}
			f.dots, f.sender, f.senderFlag, f.notify, f.ret, f.body = true, "a@b", 'f', envelope.NotifyFailure, envelope.ReturnHeaders, "8BITMIME"
			f.args = []string{"x", "y"}
		}},
		{"-i a b", func(f *flags) { f.dots, f.args = true, []string{"a", "b"} }},
		{"-bs -odb", func(f *flags) { f.setMode('s'); f.settings = []setting{{"d", "b", true}} }},
		{"-OQueueDirectory=/q -qIab -q!Rjoe", func(f *flags) {
			f.settings = []setting{{"QueueDirectory", "/q", false}}
			f.runQueue, f.limits = true, []limit{{'I', false, "ab"}, {'R', true, "joe"}}
		}},
		{"-Nnever -Nsuccess,delay -N failure -q 15m", func(f *flags) {
			f.notify = envelope.NotifySuccess | envelope.NotifyDelay | envelope.NotifyFailure
			f.runQueue, f.interval = true, "15m"
		}},
		{"-Nsometimes -hx -Rfull -Rhdrs -Va=b -Nsuccess,never x", func(f *flags) {
			f.wrong = wrong("Invalid -N argument", "Bad hop count (x)", "Duplicate -R flag",
				"Invalid syntax in -V flag", "Invalid -N argument")
			f.ret, f.args = envelope.ReturnFull, []string{"x"}
		}},
		{"-bd -q1h30m", func(f *flags) { f.setMode('d'); f.runQueue, f.interval = true, "1h30m" }},
		{"-L sm-mta -bD -qp", func(f *flags) {
			f.setMode('D')
			f.tag, f.runQueue, f.persistent, f.interval = "sm-mta", true, true, "1s"
		}},
		{"-q -Zunknown x", func(f *flags) {
			f.runQueue, f.unknown, f.args = true, []string{"-Zunknown"}, []string{"x"}
			f.wrong = []misuse{{flag: 'Z'}}
		}},
		{"-Mxval -oMyval -M{long}v", func(f *flags) { f.macros = map[string]string{"x": "val", "y": "val", "{long}": "v"} }},
		{"-Ac -C x.cf -pESMTP:host -h 3 -n -G -U -v -V id", func(f *flags) {
			f.useWhich, f.config, f.protocol, f.hops, f.noAlias, f.gateway, f.verbose, f.envID =
				'c', "x.cf", "ESMTP:host", 3, true, true, true, "id"
			f.unknown, f.wrong = []string{"-U"}, []misuse{{flag: 'U'}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			want := &flags{mode: modeDeliver, macros: map[string]string{}}
			tt.want(want)
			got, err := parseFlags(strings.Fields(tt.line))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for line, want := range map[string]string{
		"-f": "option requires an argument -- f", "-bz": "Invalid operation mode z",
		"-q!": "-q!: nothing to select by", "-Aq": "-Aq: only -Ac and -Am are known",
	} {
		if _, err := parseFlags(strings.Fields(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("-t -i -fa x")
	f.Add("-q!Rjoe -Mx{ -o -- -t")
	f.Fuzz(func(t *testing.T, line string) {
		if got, err := parseFlags(strings.Fields(line)); got == nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
