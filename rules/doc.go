// Package rules is the rewriting engine: it turns addresses into workspaces of tokens, compiles the S and R lines of a
// configuration once, and runs them for every address, host and session (op.txt section 5.1).
//
// # Stages
//
//	Scanner.Scan   text to tokens: quotes, comments, backslashes, angle brackets, OperatorChars
//	Compile        rules to matching and substitution steps; the result, Sets, never changes
//	Sets.Rewrite   one workspace through one ruleset, with all that it calls
//
// Sets is shared by any number of goroutines without locks. What a run needs besides (macros, classes, maps) comes
// through Env, from plain values: this package knows neither configuration files nor map classes.
//
// # How it runs
//
// Compile numbers the words that left sides name (lexicon). A workspace under way is a row of such numbers without
// pointers: comparing is comparing two numbers, and copying costs little. A rule whose literals do not all occur in the
// workspace, or that begins or ends otherwise, is passed over without matching (filter). Left sides without classes are
// matched from left to right without ever going back (matchSimple). Nothing is allocated per token; what is, is the
// result and keys of look-ups.
//
// # Limits
//
// A rule is applied at most MaxLoops times in a row, rulesets call each other at most MaxRuleRecursion deep (op.txt
// 6.2), a workspace has at most MaxAtom tokens (more for the text of a check, which is to be seen whole), and one run
// takes at most maxSteps steps. Each limit that is met is reported in the original's words and ends the rule or the
// run; none panics. What comes from the network cannot contain operators: only the configuration's own tokens act as
// such.
//
// # Tracing
//
// Events of a run go to the Tracer, if Env has one. Words prints them as the test mode and -d21 do.
package rules
