package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gosendmail/cf"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
	"gosendmail/internal/safefile"
	"gosendmail/internal/status"
	"gosendmail/internal/testmode"
	"gosendmail/queue"
)

// The configuration files, where none is named.
const (
	daemonConfig = "/etc/mail/sendmail.cf"
	submitConfig = "/etc/mail/submit.cf"
)

// withoutMailers are the modes that end before -d0.15 prints mailers.
const withoutMailers = string(modeQueue) + string(modeQueueSize) + string(modeAliases) + string(modeCheckCf) + string(modeHostStat) + string(modePurgeStat)

// configPath is the file that counts: -C's, else that of the submission program for those who hand mail in, if it is there.
func (v *invocation) configPath() string {
	if v.config != "" {
		return v.config
	}
	submission := v.useWhich == 'c' || v.useWhich == 0 && !v.runQueue && (v.mode == modeDeliver || v.mode == modeSMTP || v.mode == modeARPANET)
	if submission {
		if _, err := os.Stat(submitConfig); err == nil {
			return submitConfig
		}
	}
	return daemonConfig
}

// load reads the configuration and opens the log. Where it is not fit to run, code is not 0 and the reasons are printed.
func (v *invocation) load(ctx context.Context) (site *mta.Site, log *maillog.Logger, code int) {
	path := v.configPath()
	if strings.HasSuffix(path, ".mc") {
		compiled, cleanup, err := compile(path)
		if err != nil {
			return nil, nil, v.fail(status.Config, "%v", err)
		}
		defer cleanup()
		path = compiled
	}
	site, err := mta.Load(ctx, mta.LoadOptions{Path: path, Options: v.configOptions(), Debug: v.log})
	if err != nil {
		code := status.Config
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			code = status.OSFile
		}
		return nil, nil, v.fail(code, "%v", err)
	}
	if v.mode != modeTest { // which tells it itself, with what is wrong
		testmode.PrintProblems(v.stderr, v.log, site, func(m cf.Message) bool { return m.Warning })
		testmode.PrintIdentity(v.log, site, path)
		if strings.IndexByte(withoutMailers, v.mode) < 0 {
			testmode.PrintMailers(v.log, site)
		}
	}
	if err := site.Err(); err != nil && v.mode != modeTest {
		return nil, nil, v.fail(status.Software, "%v", err)
	}
	if err := v.settle(site); err != nil {
		return nil, nil, v.fail(status.OSErr, "%v", err)
	}
	log, err = v.openLog(site)
	if err != nil {
		return nil, nil, v.fail(status.OSFile, "%v", err)
	}
	if err := v.refuse(site, log); err != nil {
		return nil, nil, v.fail(status.Usage, "%v", err)
	}
	caller := v.serverConfig(ctx, site, log).Caller.Name
	site.HearMaps(func(err error) { log.SysErr("", caller, err.Error()) },
		func(level int, id, text string) { log.Log(0, maillog.Priority(level), id, text) })
	site.NoteMaps(func(level int, id, text string) { log.Log(level, maillog.Info, id, text) })
	for _, f := range v.withoutEffect() {
		log.Plain(maillog.LevelSerious, maillog.Warning, "no effect: flag "+f)
	}
	return site, log, 0
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

// openLog opens syslog, or what the option LogFile names.
func (v *invocation) openLog(site *mta.Site) (*maillog.Logger, error) {
	v.stderrLog = site.LogFile() == "stderr"
	tag := v.tag
	if tag == "" {
		tag = "sendmail"
	}
	return maillog.Open(maillog.Config{Tag: tag, Level: site.Settings().LogLevel, File: site.Settings().LogFile, Stderr: v.stderr})
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
	s, err := mta.New(cfg)
	var closed *fs.PathError
	if errors.Is(err, queue.ErrDirectory) && errors.As(err, &closed) {
		return nil, nil, v.noQueue(log, cfg.Caller.Name, closed)
	}
	if err != nil {
		return nil, nil, v.fail(status.Config, "%v", err)
	}
	return s, log, 0
}

// checkGroup warns where the submission program has not the rights of the set-group-ID file that it should be.
func (v *invocation) checkGroup(site *mta.Site) {
	o := site.Settings()
	if o.UseMSP && o.RunAsUser.Set && o.RunAsUser.GID > 0 && os.Geteuid() != 0 && os.Getegid() != o.RunAsUser.GID {
		fmt.Fprintf(v.stderr, "WARNING: RunAsUser for MSP ignored, check group ids (egid=%d, want=%d)\n", os.Getegid(), o.RunAsUser.GID)
	}
}

// noQueue tells that the queue cannot be entered.
func (v *invocation) noQueue(log *maillog.Logger, user string, err *fs.PathError) int {
	text := fmt.Sprintf("can not chdir(%s/): %s", strings.TrimRight(err.Path, "/"), safefile.Reason(err.Err))
	log.SysErr("", user, text)
	fmt.Fprintln(v.stderr, text)
	if errors.Is(err, fs.ErrPermission) {
		fmt.Fprintln(v.stderr, "Program mode requires special privileges, e.g., root or TrustedUser.")
	}
	return status.Config
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

// compile turns an .mc into a .cf in a private folder. cleanup removes it.
func compile(path string) (cf string, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "sendmail")
	if err != nil {
		return "", nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".mc")+".cf")
	text, err := compileMC(path)
	if err == nil {
		err = os.WriteFile(out, text, 0o600)
	}
	if err != nil {
		cleanup()
		return "", nil, err
	}
	return out, cleanup, nil
}

// checkConfig is -bC: it reads the configuration and tells what is wrong.
func (v *invocation) checkConfig(ctx context.Context) int {
	_, _, code := v.load(ctx)
	return code
}
