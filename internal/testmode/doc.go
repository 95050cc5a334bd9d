// Package testmode is sendmail -bt: it reads commands and shows what the configuration makes of addresses, in the
// original's words, which books explain and programs parse (op.txt section 3.8).
//
// Commands: "ruleset,ruleset address", "?", ".Dname value", ".Cname words", "=Sruleset", "=M", "$macro", "$=class",
// "-d levels", and "/canon /map /mx /parse /try /tryflags /header /quit". Rule traces come from rules.Words; the levels of
// -d that are obeyed are those of categories 0, 21 and 60.
//
// SECURITY: the test mode shows what maps hold; whoever starts the program drops the privileges first that the user lacks.
package testmode
