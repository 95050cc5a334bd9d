package main

import (
	"fmt"
	"strings"

	"gosendmail/internal/debug"
	"gosendmail/internal/mta"
	"gosendmail/internal/testmode"
)

// build is what -d0 tells of this program. The words are the original's where what they stand for is there, because
// monitors look for them: a word that is missing (STARTTLS, SASLv2, MILTER...) is missing here.
var build = testmode.Build{
	Version: mta.DefaultVersion,
	Abilities: []string{"CDB", "DNSMAP", "DRAC", "IPV6_FULL", "LDAPMAP", "LDAP_NETWORK_TIMEOUT", "LDAP_REFERRALS", "LOG", "MAP_REGEX",
		"MATCHGECOS", "MIME7TO8", "MIME8TO7", "NAMED_BIND", "NETINET", "NETINET6", "NETUNIX", "NEWDB", "PIPELINING", "SCANF", "SOCKETMAP",
		"USERDB"},
	System: []string{"HASFCHMOD", "HASFCHOWN", "HASFLOCK", "HASINITGROUPS", "HASLSTAT", "HASNICE", "HASSETSID", "HASUNAME",
		"HASURANDOMDEV", "HASWAITPID", "REQUIRES_DIR_FSYNC"},
	Extras:  []string{"_FFR_REJECT_NUL_BYTE"},
	MSP:     submitConfig,
	MTA:     daemonConfig,
	PidFile: "/var/run/sendmail.pid", // option PidFile unless set
}

// versionOnly is the level of category 0 that prints the version and nothing else.
const versionOnly = 101

// startDebug reads the levels of -d and prints what they ask for before there is a configuration. It reports whether
// that was all.
func (v *invocation) startDebug() (done bool) {
	if len(v.debug) == 0 {
		return false
	}
	v.levels = new(debug.Levels)
	var without []string
	for _, d := range v.debug {
		v.levels.Set(d)
		without = append(without, debugWithout(d, v.mode == modeTest)...)
	}
	if len(without) > 0 {
		fmt.Fprintf(v.stderr, "%s: -d%s prints nothing here\n", v.name, strings.Join(without, ","))
	}
	v.log = &debug.Log{W: v.stdout, Levels: v.levels}
	if v.debugTo != nil {
		v.log.W = v.debugTo
	}
	if v.log.At(0, versionOnly) {
		v.log.Printf("Version %s\n", build.Version)
		return true
	}
	testmode.PrintBuild(v.log, build)
	return false
}

// debugWithout returns what of -d's value prints nothing.
func debugWithout(d string, testMode bool) []string {
	if testMode {
		return testmode.Silent(d)
	}
	var list []string
	if d == "" { // all of them
		d = "1-99.1"
	}
	for _, category := range strings.FieldsFunc(d, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if n := strings.TrimLeft(category, "0"); n != "" && n[0] != '.' && n[0] != '-' {
			list = append(list, category)
		}
	}
	return list
}
