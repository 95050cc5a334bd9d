package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/status"
	"gosendmail/internal/submit"
)

// submit is -bm and -ba: the message on standard input goes to the recipients on the command line, or with -t to those
// of its header.
func (v *invocation) submit(ctx context.Context) int {
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	o, settings := v.submissionOptions(), m.Site().Settings()
	o.ErrorMode, o.Mode = settings.ErrorMode, settings.DeliveryMode
	o.IgnoreDots = v.dots || settings.IgnoreDots
	if (v.verbose || settings.Verbose) && m.MayExpand(v.caller.uid) {
		o.Verbose = true
		o.Watch = v.print
	}
	o.Background, o.Doubts = v.background, v.doubts
	o.ARPANET = v.mode == modeARPANET
	o.Body = v.body
	if len(v.settings) > 0 || len(v.unknown) > 0 {
		log.Logf(maillog.LevelConnect, maillog.Debug, "", "flags: %s", strings.Join(v.argv[1:], " "))
	}
	exit := submit.Run(ctx, m, v.dialogues.reader(v.stdin), v.stdout, v.stderr, o)
	if err := m.Close(ctx); err != nil {
		fmt.Fprintln(v.stderr, err)
	}
	if exit == status.OK && v.spoiled && o.ErrorMode != mta.ErrorsExit {
		exit = status.Usage // the mail goes on all the same
	}
	return exit
}

// submissionOptions are what the command line says of a message.
func (v *invocation) submissionOptions() submit.Options {
	o := submit.Options{Sender: v.sender, SenderFlag: v.senderFlag, Recipients: v.args}
	if o.FullName = v.fullName; !v.named {
		o.FullName = v.realName
	}
	o.FromHeader, o.NoAlias, o.Hops, o.Macros = v.fromHdr, v.noAlias, v.hops, v.macros
	o.Protocol, o.Host, _ = strings.Cut(v.protocol, ":")
	o.Notify, o.Ret, o.EnvID, o.Gateway = v.notify, v.ret, v.envID, v.gateway
	return o
}

// background starts a process of its own that delivers one stored message, so that the caller need not wait for slow
// hosts. It reads what the queue file does not say.
func (v *invocation) background(w mta.Waiting, named bool) error {
	in, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot deliver in the background: %w", err)
	}
	defer in.Close()
	defer out.Close()
	cmd, err := v.handOver(v.name, v.backgroundArgs(w.ID, named), in, nil)
	if err == nil {
		err = errors.Join(json.NewEncoder(out).Encode(w), cmd.Process.Release())
	}
	if err != nil {
		return fmt.Errorf("cannot deliver in the background: %w", err)
	}
	return nil
}

// backgroundArgs are the flags of a process that delivers one message in the background: what counts for a delivery of
// our own ones.
func (v *invocation) backgroundArgs(id string, named bool) []string {
	var args []string
	for flag, given := range map[string]bool{
		"-c": v.expensive, "-m": v.metoo, "-C" + v.config: v.config != "", "-X" + v.traffic: v.traffic != "",
	} {
		if given {
			args = append(args, flag)
		}
	}
	for name, value := range v.macros {
		args = append(args, "-M"+name+value)
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
		args = append(args, "-f"+cmp.Or(v.sender, "<>"))
	}
	return append(args, "-A"+string([]byte{v.which()}), "-qf", "-qI"+id)
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
