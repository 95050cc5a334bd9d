package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"gosendmail/cf"
	"gosendmail/internal/maillog"
	"gosendmail/internal/mta"
	"gosendmail/internal/priv"
)

// modeRule says with whose rights an operation mode works.
type modeRule struct {
	queue   bool   // in the queue: with the rights of a set-group-ID file, where nothing else on the command line takes them
	root    bool   // as root where root called: RunAsUser counts later, or not at all
	daemon  bool   // as a daemon, which the submission program must not be
	trusted string // only for those whom the site trusts; what the log says others attempted
}

// modeRules holds every mode that is not there out: it keeps nothing and everybody may use it.
var modeRules = map[byte]modeRule{
	modeDeliver:   {queue: true},
	modeSMTP:      {queue: true},
	modeARPANET:   {queue: true},
	modeVerify:    {queue: true},
	modeQueue:     {queue: true},
	modeQueueSize: {queue: true},
	modeDaemon:    {root: true, daemon: true, trusted: "run daemon"},
	modeForegrnd:  {root: true, daemon: true, trusted: "run daemon"},
	modeAliases:   {root: true, trusted: "rebuild the alias map"}, // tables are replaced by renaming, in a folder that is root's
	modePurgeStat: {trusted: "purge host status"},
	modeTest:      {root: true},
}

// rule is what holds for a command line.
func (f *flags) rule() modeRule {
	r := modeRules[f.mode]
	switch {
	case f.mode != modeDeliver:
	case f.quarantine != nil:
		r.trusted = "quarantine jobs"
	case f.runQueue && f.interval != "":
		r.trusted = "start a queue runner daemon"
	}
	return r
}

// keepsSetgid decides, from the command line alone, whether a call keeps the rights of a set-group-ID file. What reads
// or writes files of the caller's choice does not, nor does setting what not everybody may set.
func (f *flags) keepsSetgid() bool {
	if !f.rule().queue || f.config != "" || f.traffic != "" || f.debugLog != nil {
		return false
	}
	for name, value := range f.macros {
		if !cf.SafeMacro(name + value) {
			return false
		}
	}
	return !slices.ContainsFunc(f.configOptions(), func(text string) bool { return !cf.SafeOption(text) })
}

// caller is who started the program, whatever rights it has later.
type caller struct {
	uid, gid int
	groups   []int
}

func callerNow() caller {
	groups, err := os.Getgroups()
	if err != nil {
		groups = nil
	}
	return caller{os.Getuid(), os.Getgid(), append(groups, os.Getgid())}
}

// enter decides which rights the call keeps, gives up the others, and cuts what else the caller could reach the program
// by. Nothing was opened or started before it.
func (v *invocation) enter() (err error) {
	v.caller = callerNow()
	elevated := priv.Elevated()
	if !v.keepsSetgid() || os.Getenv(handoverEnv) == forCaller {
		if err := priv.DropSetgid(); err != nil {
			return err
		}
	}
	if v.given, err = takeOver(); err != nil {
		return err
	}
	if elevated {
		priv.ClearEnvironment()
	}
	return priv.CloseInherited()
}

// settle takes the rights that the configuration says, before anything but it was read: all modes but daemons, which
// bind their sockets first, give up root for RunAsUser here.
func (v *invocation) settle(site *mta.Site) error {
	switch {
	case v.rule().root:
		return nil
	case v.mode == modeVerify && site.HidesExpansion(v.caller.uid):
		return priv.DropSetgid()
	}
	return site.DropRights()
}

// forbid reports why a caller may not use the mode under a configuration; nil where he may. Of what this program starts
// again in the background only deliveries need no more asking.
func (v *invocation) forbid(site *mta.Site, log *maillog.Logger) error {
	r := v.rule()
	switch {
	case r.daemon && site.Settings().UseMSP:
		const text = "Mail submission program cannot be used as daemon"
		log.SysErr("", v.callerName(context.Background()), text)
		return errors.New(text)
	case r.trusted == "" || v.given.proven && v.given.ready == nil || site.Trusts(v.caller.uid):
		return nil
	case v.mode == modeAliases && ownsAliases(site, v.caller.uid):
		return nil
	}
	log.Plain(0, maillog.Alert, fmt.Sprintf("user %d attempted to %s", v.caller.uid, r.trusted))
	return errors.New("Permission denied (real uid not trusted)")
}

// mayRunQueue reports whether the caller may run the queue. Who hands mail in may have it delivered in the background.
func (v *invocation) mayRunQueue(m *mta.Server) bool {
	return v.given.proven && v.given.ready == nil || m.MayRunQueue(v.caller.uid)
}
