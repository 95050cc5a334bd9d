package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"gosendmail/cf"
	"gosendmail/cf/mc"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
	"gosendmail/internal/status"
	"gosendmail/internal/testmode"
)

// The configuration files, where none is named.
const (
	daemonConfig = "/etc/mail/sendmail.cf"
	submitConfig = "/etc/mail/submit.cf"
)

// withoutMailers are the modes that end before -d0.15 prints mailers.
const withoutMailers = string(modeQueue) + string(modeQueueSize) + string(modeAliases) + string(modeCheckCf) + string(modeHostStat) + string(modePurgeStat)

// configPath is the file that counts: -C's, else that of the submission program where -Ac asks for it and for those who
// hand mail in, if it is there.
func (v *invocation) configPath() string {
	if v.config != "" {
		return v.config
	}
	if v.useWhich == 'c' {
		return submitConfig
	}
	handsIn := v.mode == modeDeliver || v.mode == modeSMTP || v.mode == modeARPANET
	if handsIn && v.useWhich == 0 && !v.runQueue {
		if _, err := os.Stat(submitConfig); err == nil {
			return submitConfig
		}
	}
	return daemonConfig
}

// load reads the configuration and opens the log. Where it is not fit to run, code is not 0 and the reasons are printed
// and logged.
func (v *invocation) load(ctx context.Context) (site *mta.Site, log *maillog.Logger, code int) {
	path := v.configPath()
	from := mta.LoadOptions{Path: path, Options: v.configOptions(), Debug: v.log}
	if strings.HasSuffix(path, ".mc") {
		if code := v.compile(ctx, &from); code != 0 {
			return nil, nil, code
		}
	}
	site, err := mta.Load(ctx, from)
	if err != nil {
		code := startCode(err)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			code = status.OSFile
		}
		m := cf.Message{Text: err.Error(), Reply: cf.TempReply}
		if errors.Is(err, mta.ErrNoPlainFile) {
			code, m.Reply = status.OSFile, ""
		}
		return nil, nil, v.refuse(ctx, nil, code, m)
	}
	if v.mode != modeTest { // which tells it itself, with what is wrong
		testmode.PrintProblems(v.stderr, v.log, site, func(m cf.Message) bool { return m.Warning && (!m.Doubt || v.judges()) })
		testmode.PrintIdentity(v.log, site, path)
		if strings.IndexByte(withoutMailers, v.mode) < 0 {
			testmode.PrintMailers(v.log, site)
		}
	}
	list := site.Errors()
	if v.mode == modeTest && !slices.ContainsFunc(list, isUsage) {
		list = slices.DeleteFunc(list, ofQueue) // which it does not enter
		v.logErrors(ctx, site, list)
		list = nil
	}
	if len(list) > 0 {
		return nil, nil, v.refuse(ctx, site, exitOf(list), list...)
	}
	if err := v.settle(site); err != nil {
		return nil, nil, v.refuse(ctx, site, status.OSErr, cf.Message{Text: err.Error(), Reply: cf.TempReply})
	}
	log, err = v.openLog(site, v.stderr)
	if err != nil {
		return nil, nil, v.refuse(ctx, nil, status.OSFile, cf.Message{Text: err.Error(), Reply: cf.TempReply})
	}
	if err := v.forbid(site, log); err != nil {
		return nil, nil, v.fail(status.Usage, "%v", err) // the log has it already
	}
	v.stderrLog = site.LogFile() == "stderr"
	v.warn(site, log, path)
	if uid := v.caller.uid; v.tag != "" && !v.given.proven && !site.Trusts(uid) {
		log.Plain(maillog.LevelSerious, maillog.Warning, fmt.Sprintf("user %d changed syslog label", uid))
	}
	caller := v.callerName(ctx)
	site.HearMaps(func(err error) { log.SysErr("", caller, err.Error()) },
		func(level int, id, text string) { log.Log(0, maillog.Priority(level), id, text) })
	site.NoteMaps(func(level int, id, text string) { log.Log(level, maillog.Info, id, text) })
	return site, log, 0
}

// judges reports whether the call is about the configuration itself: it checks it, or starts what runs under it for
// long.
func (v *invocation) judges() bool {
	return v.mode == modeCheckCf || v.mode == modeDaemon || v.mode == modeForegrnd || v.given.ready != nil
}

// exitOf is what the program ends with where a configuration has errors: what ends the original before it looks at the
// queue goes first.
func exitOf(list []cf.Message) int {
	switch {
	case slices.ContainsFunc(list, isUsage):
		return status.Usage
	case slices.ContainsFunc(list, func(m cf.Message) bool { return !ofQueue(m) }):
		return status.Software
	}
	return list[0].Exit
}

// ofQueue reports whether an error has an exit status of its own: it is about the queue.
func ofQueue(m cf.Message) bool { return m.Exit != 0 }

// isUsage reports whether an error in a configuration ends the original with the status of a wrong command line, which
// two options do.
func isUsage(m cf.Message) bool {
	return m.Reply == "" && (strings.HasPrefix(m.Text, "Unknown delivery mode") || strings.HasPrefix(m.Text, "Unknown 8-bit mode"))
}

// warn says that others may write to the configuration, and repeats a daemon's warnings where they are not lost.
func (v *invocation) warn(site *mta.Site, log *maillog.Logger, path string) {
	if site.Writable && v.mode != modeTest {
		text := path + ": WARNING: dangerous write permissions"
		if strings.IndexByte(string([]byte{modeCheckCf, modeDaemon, modeForegrnd}), v.mode) >= 0 {
			fmt.Fprintln(v.stderr, text)
		}
		log.Plain(maillog.LevelSerious, maillog.Crit, text)
	}
	if v.mode != modeDaemon && v.mode != modeForegrnd {
		return
	}
	for _, m := range site.Problems {
		if m.Warning {
			log.Plain(maillog.LevelSerious, maillog.Warning, m.Text)
		}
	}
}

// configOptions are the options of the command line as the parser of the configuration takes them.
func (f *flags) configOptions() []string {
	var list []string
	for _, s := range f.settings {
		if s.short {
			list = append(list, s.name+s.value)
		} else {
			list = append(list, " "+s.name+"="+s.value)
		}
	}
	if f.expensive {
		list = append(list, " HoldExpensive=True")
	}
	if f.metoo {
		list = append(list, " MeToo=True")
	}
	if f.saveFrom {
		list = append(list, " SaveFromLine=True")
	}
	return list
}

// openLog opens syslog, or what the option LogFile names; stderr is written to where there is no syslog. Without a site
// it is syslog.
func (v *invocation) openLog(site *mta.Site, stderr io.Writer) (*maillog.Logger, error) {
	tag := v.tag
	if tag == "" {
		tag = "sendmail"
	}
	c := maillog.Config{Tag: tag, Level: usualLevel, Stderr: stderr}
	if site != nil {
		c.Level, c.File = site.Settings().LogLevel, site.LogFile()
	}
	return maillog.Open(c)
}

// usualLevel is the LogLevel where no configuration says it.
const usualLevel = 9

// refuse prints why the program does not do its work, as replies where an SMTP client reads what is printed, and
// logs it. The first reason decides between code and EX_OSERR.
func (v *invocation) refuse(ctx context.Context, site *mta.Site, code int, list ...cf.Message) int {
	v.say(list...)
	return v.record(ctx, site, code, list...)
}

// say prints errors.
func (v *invocation) say(list ...cf.Message) {
	for _, m := range list {
		if !v.replies() {
			fmt.Fprintln(v.complaints(), m.Error())
			continue
		}
		reply := m.Reply
		if reply == "" {
			reply = "554 5.0.0"
		}
		fmt.Fprintf(v.stdout, "%s %s\r\n", reply, strings.ReplaceAll(m.Error(), "\n", " "))
	}
}

// record logs errors and returns the exit status that goes with them: code, or EX_OSERR.
func (v *invocation) record(ctx context.Context, site *mta.Site, code int, list ...cf.Message) int {
	v.logErrors(ctx, site, list)
	if code == status.Software && list[0].Reply == cf.TempReply {
		return status.OSErr
	}
	return code
}

// logErrors logs what is wrong with a configuration. What is printed already need not be there twice where the log is
// standard error.
func (v *invocation) logErrors(ctx context.Context, site *mta.Site, list []cf.Message) {
	if len(list) == 0 {
		return
	}
	log, err := v.openLog(site, io.Discard)
	if err != nil {
		log, err = v.openLog(nil, io.Discard)
	}
	if err != nil {
		return // it is printed, at least
	}
	defer log.Close()
	user := v.callerName(ctx)
	for _, m := range list {
		log.SysErr("", user, m.Error())
	}
}

// callerName is the name of the user who runs the program.
func (v *invocation) callerName(ctx context.Context) string {
	return mta.CallerOf(ctx, priv.System(), v.caller.uid, v.caller.gid).Name
}

// server loads the configuration and makes a server of it.
func (v *invocation) server(ctx context.Context, adjust func(*mta.Config)) (*mta.Server, *maillog.Logger, int) {
	site, log, code := v.load(ctx)
	if code != 0 {
		return nil, nil, code
	}
	cfg := v.serverConfig(ctx, site, log)
	if adjust != nil {
		adjust(&cfg)
	}
	v.checkGroup(site)
	v.doubts = v.doubt(site, log, cfg.Caller.Name)
	s, err := mta.New(cfg)
	if err != nil {
		return nil, nil, v.noServer(ctx, site, err)
	}
	return s, log, 0
}

// doubt logs what makes messages of a caller doubtful whom the site does not trust: files of his own choice. Headers
// tell it, too.
func (v *invocation) doubt(site *mta.Site, log *maillog.Logger, caller string) (list []string) {
	if !v.submits() || v.mode == modeVerify || !site.WarnsOf(caller) {
		return nil
	}
	if v.config != "" {
		list = append(list, fmt.Sprintf("Processed by %s with -C %s", caller, v.config))
	}
	own := slices.ContainsFunc(v.settings, func(s setting) bool {
		return s.short && s.name == "Q" || !s.short && strings.EqualFold(s.name, "QueueDirectory")
	})
	if own || v.config != "" {
		list = append(list, "Processed from queue "+site.Settings().QueueDirectory)
	}
	for _, text := range list {
		log.Logf(maillog.LevelErrors, maillog.Info, "NOQUEUE", "Authentication-Warning: %s: %s", site.Hostname(), text)
	}
	return list
}

// checkGroup warns where the submission program has not the rights of the set-group-ID file that it should be.
func (v *invocation) checkGroup(site *mta.Site) {
	o := site.Settings()
	if o.UseMSP && o.RunAsUser.Set && o.RunAsUser.GID > 0 && os.Geteuid() != 0 && os.Getegid() != o.RunAsUser.GID {
		fmt.Fprintf(v.complaints(), "WARNING: RunAsUser for MSP ignored, check group ids (egid=%d, want=%d)\n", os.Getegid(), o.RunAsUser.GID)
	}
}

// startCode is the exit status where a start failed: what the system lacks now it may have later, and whoever called
// may try again. All else is the configuration's fault.
func startCode(err error) int {
	lack, _ := errors.AsType[syscall.Errno](err)
	switch lack {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.ENOSPC, syscall.EIO:
		return status.TempFail
	}
	return status.Config
}

// noServer says why no server could be made of a configuration: its queue cannot be entered, for example.
func (v *invocation) noServer(ctx context.Context, site *mta.Site, err error) int {
	m := mta.StartProblem(err)
	if site.Settings().ErrorMode == mta.ErrorsPrint || v.complaints() == v.stderr {
		v.say(m)
	}
	code := v.record(ctx, site, startCode(err), m)
	if errors.Is(err, fs.ErrPermission) {
		fmt.Fprintln(v.stderr, "Program mode requires special privileges, e.g., root or TrustedUser.")
	}
	return code
}

func (v *invocation) serverConfig(ctx context.Context, site *mta.Site, log *maillog.Logger) mta.Config {
	accounts := priv.System()
	cfg := mta.Config{Site: site, Log: log, Accounts: accounts, Mode: v.mode,
		Caller: mta.CallerOf(ctx, accounts, v.caller.uid, v.caller.gid)}
	if v.dialogues != nil {
		cfg.Traffic = v.dialogues.conn
	}
	return cfg
}

// compile turns an .mc into the text of a configuration, whose errors then name the lines of the .mc. Where it has
// errors, code is not 0.
func (v *invocation) compile(ctx context.Context, o *mta.LoadOptions) (code int) {
	out, err := mc.Compile(mc.Options{}, o.Path)
	if err != nil {
		return v.refuse(ctx, nil, status.Config, cf.Message{Text: err.Error(), Reply: cf.TempReply})
	}
	var problems []cf.Message
	for _, d := range out.Diagnostics {
		if d.Severity == mc.Error {
			problems = append(problems, cf.Message{Text: d.String()})
		} else {
			fmt.Fprintln(v.stderr, d)
		}
	}
	if len(problems) > 0 {
		return v.refuse(ctx, nil, status.Config, problems...)
	}
	o.Text = out.Text()
	o.Origin = func(n int) cf.Position {
		file, line := out.Place(n)
		return cf.Position{File: file, Line: line}
	}
	return 0
}

// checkConfig is -bC: it makes all of the configuration that a daemon makes, but for its sockets, and tells what is
// wrong.
func (v *invocation) checkConfig(ctx context.Context) int {
	m, log, code := v.server(ctx, nil)
	if code != 0 {
		return code
	}
	defer log.Close()
	if err := m.Close(ctx); err != nil {
		return v.fail(status.OSErr, "%v", err)
	}
	return status.OK
}
