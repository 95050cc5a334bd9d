// Package testmode is sendmail -bt: it reads commands and shows what the configuration makes of addresses, in the
// original's words, which books explain and programs parse (op.txt section 3.8).
//
// Commands: "ruleset,ruleset address", "?", ".Dname value", ".Cname words", "=Sruleset", "=M", "$macro", "$=class", "-d
// levels", "/canon /map /mx /parse /try /tryflags /quit", and those that the manual leaves out: "/header /sender
// /expand /gethostbyname". Rule traces come from rules.Words, other debug texts from mta.Env.Debug; Silent tells which
// levels of -d print nothing. The printouts of -d0, which all operation modes have, are here too.
//
// SECURITY: the test mode shows what maps hold; whoever starts the program drops the privileges first that the user
// lacks.
package testmode
