package acceptance

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stuckPeer takes mail, but never answers RCPT for whoever is called stuck.
type stuckPeer struct {
	sync.Mutex
	hanging int
	taken   map[string]bool // recipients
}

func (p *stuckPeer) listen(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
}

func (p *stuckPeer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	fmt.Fprint(c, "220 peer ESMTP\r\n")
	var rcpts []string
	data := false
	for in.Scan() {
		line := in.Text()
		switch {
		case data && line != ".":
			continue
		case data:
			data = false
			p.Lock()
			for _, r := range rcpts {
				p.taken[r] = true
			}
			p.Unlock()
			rcpts = nil
		case strings.HasPrefix(line, "RCPT To:<stuck"):
			p.Lock()
			p.hanging++
			p.Unlock()
			continue
		case strings.HasPrefix(line, "RCPT To:"):
			rcpts = append(rcpts, line)
		case line == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
			continue
		}
		fmt.Fprint(c, "250 ok\r\n")
	}
}

func (p *stuckPeer) counts() (taken, hanging int) {
	p.Lock()
	defer p.Unlock()
	return len(p.taken), p.hanging
}

// crowd is how many messages are stuck, and to how many users mail goes beside them.
func crowd() (stuck, users int) {
	if os.Getenv("GOSENDMAIL_SLOW") != "" {
		return 300, 100
	}
	return 30, 10
}

// wayOn is a way by which mail is passed on.
type wayOn struct {
	name string
	in   []string // how mail is handed in; nil: by SMTP
	out  []string // what passes it on
}

// TestStuckMailBesideOthers: mail at which a peer hangs stands before that to other users, on each way by which real
// programs pass mail on. Theirs is passed on while it hangs.
func TestStuckMailBesideOthers(t *testing.T) {
	inArena(t, func(*testing.T, world) {}, func(t *testing.T, w world) {
		submissionSite(t, w)
		ours, _ := setgidPrograms(t, w)
		site := "-C" + w.path("log.cf")
		for _, way := range []wayOn{
			{"submission queue", []string{"-Ac", "-odq"}, []string{"-Ac", "-q"}},
			{"queue run", []string{site, "-odq"}, []string{site, "-q"}},
			{"runner", []string{site, "-odq"}, []string{site, "-bD", "-q1s"}},
			{"daemon", nil, []string{site, "-bD"}},
		} {
			t.Run(way.name, func(t *testing.T) { way.beside(t, ours) })
		}
	})
}

// beside hands in what hangs and then what must not wait for it.
func (way *wayOn) beside(t *testing.T, program string) {
	p := &stuckPeer{taken: map[string]bool{}}
	p.listen(t, "127.0.1.1:25")
	if way.name == "submission queue" {
		p.listen(t, "127.0.0.1:25") // the relay
	} else {
		p.listen(t, "127.0.1.3:25")
	}
	if way.in == nil {
		defer startKilled(t, program, way.out).kill()
		eventually(t, "the daemon answers", func() bool {
			_, err := talk("127.0.0.1", "127.0.0.1:25", "QUIT")
			return err == nil
		})
	}
	stuck, users := crowd()
	for i := range stuck {
		way.handIn(t, program, fmt.Sprintf("stuck%d", i%5), fmt.Sprintf("stuck%d@aonly.test", i))
	}
	for i := range users {
		way.handIn(t, program, fmt.Sprintf("user%d", i), fmt.Sprintf("friend%d@remote.test", i))
	}
	began := time.Now()
	if way.in != nil {
		defer startKilled(t, program, way.out).kill()
	}
	eventually(t, "the others have theirs", func() bool { taken, _ := p.counts(); return taken == users })
	_, hanging := p.counts()
	t.Logf("%s: mail to %d users passed on in %v, %d deliveries hang", way.name, users, time.Since(began), hanging)
	if hanging == 0 {
		t.Error("nothing hangs")
	}
	for _, dir := range []string{"/var/spool/mqueue", "/var/spool/clientmqueue"} {
		run(t, "", "find", dir, "-type", "f", "-delete")
	}
}

// handIn hands a message in.
func (way *wayOn) handIn(t *testing.T, program, from, to string) {
	t.Helper()
	if way.in == nil {
		dialogue(t, "127.0.0.1", "EHLO x", "MAIL FROM:<"+from+"@remote.test>", "RCPT TO:<"+to+">", "DATA",
			"Subject: x\r\n\r\nx\r\n.", "QUIT")
		return
	}
	submitAs(t, program, from, to, way.in)
}

// submitAs hands a message in as a user whose number is made of his name.
func submitAs(t *testing.T, program, from, to string, flags []string) {
	t.Helper()
	uid := uint32(3000)
	for _, c := range from {
		uid = uid*31%50000 + uint32(c)
	}
	cmd := exec.Command(program, append(flags, to)...)
	cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
	if flags[0] == "-Ac" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 3000 + uid, Gid: 3000}}
	} else {
		cmd.Args = append(cmd.Args[:len(cmd.Args)-1], "-f", from+"@mail.example.test", to)
	}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", from, err, out)
	}
}

// startKilled starts a program that is killed in the end, whatever it waits for.
func startKilled(t *testing.T, program string, args []string) *daemon {
	t.Helper()
	d := &daemon{exec.Command(program, args...), make(chan error, 1)}
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Dir = os.Stdout, os.Stderr, "/"
	must(t, d.cmd.Start())
	go func() { d.done <- d.cmd.Wait() }()
	t.Cleanup(d.kill)
	return d
}
