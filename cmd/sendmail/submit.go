package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"gosendmail/internal/envelope"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/internal/submit"
)

// submit is -bm and -ba: the message on standard input goes to the recipients on the command line, or with -t to those of its header.
func (v *invocation) submit(ctx context.Context) int {
	o, err := v.submissionOptions()
	if err != nil {
		return v.fail(status.Usage, "%v", err)
	}
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	settings := m.Site().Settings()
	o.ErrorMode, o.Mode = settings.ErrorMode, settings.DeliveryMode
	o.IgnoreDots = v.dots || settings.IgnoreDots
	if (v.verbose || settings.Verbose) && m.MayExpand(v.caller.uid) {
		o.Verbose = true
		o.Watch = v.print
	}
	o.Background = v.background
	o.ARPANET = v.mode == modeARPANET
	if len(v.settings) > 0 || len(v.unknown) > 0 {
		log.Logf(maillog.LevelConnect, maillog.Debug, "", "flags: %s", strings.Join(v.argv[1:], " "))
	}
	exit := submit.Run(ctx, m, v.dialogues.reader(v.stdin), v.stdout, v.stderr, o)
	if err := m.Close(ctx); err != nil {
		fmt.Fprintln(v.stderr, err)
	}
	if exit == status.OK && v.body == wrongBody {
		exit = status.Usage // the mail goes on all the same
	}
	return exit
}

// wrongBody is -B with a type that nobody knows.
const wrongBody = "?"

// submissionOptions checks the values that RFC 3461 bounds.
func (v *invocation) submissionOptions() (submit.Options, error) {
	o := submit.Options{Sender: v.sender, SenderFlag: v.senderFlag, Recipients: v.args}
	if o.FullName = v.fullName; !v.named {
		o.FullName = os.Getenv("NAME")
	}
	o.FromHeader, o.NoAlias, o.Hops, o.Macros = v.fromHdr, v.noAlias, v.hops, v.macros
	o.Protocol, o.Host, _ = strings.Cut(v.protocol, ":")
	switch body := strings.ToUpper(v.body); body {
	case "", envelope.Body7Bit, envelope.Body8BitMIME:
		o.Body = body
	default:
		fmt.Fprintf(v.stderr, "Illegal body type %s\n", v.body)
		v.body = wrongBody
	}
	switch strings.ToLower(v.ret) {
	case "":
	case "full":
		o.Ret = envelope.ReturnFull
	case "hdrs":
		o.Ret = envelope.ReturnHeaders
	default:
		return o, complain("Invalid -R value")
	}
	o.Gateway = v.gateway
	var err error
	if o.EnvID, err = xtext(v.envID); err != nil {
		return o, complain("Invalid syntax in -V flag")
	}
	o.Notify, err = notify(v.notify)
	return o, err
}

// xtext decodes text in which "+41" stands for a character (RFC 3461 section 4).
func xtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && i+2 < len(s):
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || n < ' ' || n > '~' || strings.ToUpper(s[i+1:i+3]) != s[i+1:i+3] {
				return "", strconv.ErrSyntax
			}
			b.WriteByte(byte(n))
			i += 2
		case c <= ' ' || c > '~' || c == '+' || c == '=':
			return "", strconv.ErrSyntax
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// notify reads -N: "never", or some of success, failure and delay.
func notify(text string) (envelope.Notify, error) {
	var n envelope.Notify
	if text == "" {
		return 0, nil
	}
	for _, word := range strings.Split(text, ",") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "never":
			n |= envelope.NotifyNever
		case "success":
			n |= envelope.NotifySuccess
		case "failure":
			n |= envelope.NotifyFailure
		case "delay":
			n |= envelope.NotifyDelay
		default:
			return 0, complain("Invalid -N argument")
		}
	}
	if n&envelope.NotifyNever != 0 && n != envelope.NotifyNever {
		return 0, complain("Invalid -N argument")
	}
	return n, nil
}

// background starts a process of its own that delivers one stored message, so that the caller need not wait for slow hosts.
func (v *invocation) background(id string, named bool) error {
	args := []string{}
	if v.config != "" {
		args = append(args, "-C"+v.config)
	}
	for _, s := range v.settings {
		if s.short {
			args = append(args, "-o"+s.name+s.value)
		} else {
			args = append(args, "-O"+s.name+"="+s.value)
		}
	}
	if v.tag != "" {
		args = append(args, "-L"+v.tag)
	}
	if named {
		args = append(args, "-f"+v.sender)
	}
	args = append(args, "-A"+string([]byte{v.which()}), "-qf", "-qI"+id)
	cmd, err := v.handOver(v.name, args, nil)
	if err == nil {
		err = cmd.Process.Release()
	}
	if err != nil {
		return fmt.Errorf("cannot deliver in the background: %w", err)
	}
	return nil
}

// which is the letter of -A for the configuration in use.
func (v *invocation) which() byte {
	if v.configPath() == submitConfig {
		return 'c'
	}
	return 'm'
}

// queueDaemon is -q15m without -bd: a process that only runs the queue.
func (v *invocation) queueDaemon(ctx context.Context) int {
	interval, problem := mta.Interval(v.interval)
	if problem != "" {
		return v.fail(status.Usage, "%s", problem)
	}
	m, log, code := v.server(ctx, func(c *mta.Config) { c.Interval, c.Persistent, c.Named = interval, v.persistent, true })
	if code != 0 {
		return code
	}
	defer log.Close()
	if !v.mayRunQueue(m) {
		return v.fail(status.NoPerm, "You do not have permission to process the queue")
	}
	d := &daemon{v: v}
	d.current.Store(&server{mta: m, log: log})
	d.writePID(m.Site())
	defer d.removePID()
	word := "queueing@"
	if v.persistent {
		word = "persistent-queueing@"
	}
	log.Plain(maillog.LevelSerious, maillog.Info, "starting daemon ("+mta.Version(m.Site())+"): "+word+maillog.Interval(interval))
	m.Greet()
	m.Start()
	v.ready()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	d.end(d.current.Load())
	return status.OK
}
