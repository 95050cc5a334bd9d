// Package macro knows the $-notation of sendmail.cf: how a line is turned into the internal form in which rules,
// headers and option values are kept, how macro values are expanded, and the tables that hold the values.
//
// # Names
//
// A macro or class name is written as in the configuration file after the dollar sign: one character ("j"), or a
// longer name in braces ("{client_addr}"). Name gives "{x}" back as "x". All tables, rules.Env and the queue use names
// in this form.
//
// # The internal form
//
// Encode replaces "$x" by the byte Interpolate followed by the name, "$$" by one dollar sign, and puts Quote before
// bytes of the input that would be taken for operators. Expand then replaces macros by their values; the operators of
// rules ("$*", "$=", "$@"...) come out as one byte each, the constants below, followed by a name where they take one.
// The conditionals "$?x", "$|" and "$." are done by Expand too. Show gives the readable form back.
//
// Leaves out: what a macro means; op.txt section 5.2 has that list.
package macro
