// Package cf reads sendmail.cf, any version up to 10, into a value with positions (op.txt section 5).
//
// Parse goes over the file once, in order, because order matters there: macros are expanded in R, S, C and K lines with
// the values that they have at that line, the V line changes how the following lines are read, OperatorChars counts
// from the first rule. What comes out is Config; nothing in it is interpreted a second time:
//
//	parse.go     lines, continuation lines, comments; one method per line type
//	option.go    the table of all options: name, old letter, type, default, unit
//	settings.go  their values as Go types
//	mailer.go    M lines with all equates
//	ruleset.go   names and numbers of rulesets, R lines
//	class.go     C, T and F lines; files are read by whoever puts a site together
//	header.go    H lines
//	queue.go     Q, X, K, P and E lines
//
// # Errors
//
// A line with an error is told in the original's words, with file and line, and reading goes on, as programs that parse
// these messages expect; Message.Error has the form "FILE: line N: TEXT". Whoever starts a daemon refuses a
// configuration with errors. Parse itself fails only where the file cannot be read.
//
// # SECURITY
//
// The file is opened by the caller, who checks owner and mode. Values are not trusted to be sane: sizes and counts are
// range-checked, unknown flags are told. E lines are collected for the environment of mailers only.
package cf
