// Package m4 is the macro processor that turns a .mc file into a sendmail.cf. It behaves as GNU m4 1.4.19 does: the
// same builtins, the same expansion order, the same texts of warnings and errors, so that the original's macro tree and
// sites' own files work with it unchanged.
//
// An Engine reads files one after the other (Run, RunString, RunReader), Finish expands what m4wrap saved and brings
// back the diversions. What GNU m4 does not have:
//
//   - Positions. Each line of output knows the file, line and column that it came from and the macro calls and includes
//     that led there (Options.Lines, Engine.Lines); errors know theirs (Diagnostic).
//   - The calls that led to a place (Engine.Stack) cost time: they are kept with Options.Lines or a hook only.
//   - Hooks. A caller serves files itself (Options.Open, Hooks.Include), adds builtins (Engine.Builtin) and sees each
//     complaint.
//   - Budgets. Steps, output and memory can be bounded; what exceeds them ends with an error instead of a hang.
//
// The expansion keeps its own stacks: calls nested in arguments cost heap, not goroutine stack, and are bounded by
// Options.NestingLimit and Budget.Memory only.
//
// # Differences from GNU m4
//
// All examples of its manual give the same output, complaints and status (cmd/m4, TestManual), but for those named
// here.
//
//   - Text is bytes. A NUL byte is a byte like any other, and in a UTF-8 locale regular expressions and lengths still
//     count bytes.
//   - changeword is not there (nor is it in Debian's GNU m4): the six examples of the manual's section "Changeword".
//   - Frozen files (-F, -R) are refused: the second, third and fifth example of "Using frozen files".
//   - syscmd, esyscmd, mkstemp and maketemp work only with Options.AllowShell; otherwise they are errors: the examples
//     of "Syscmd", "Esyscmd", "Sysval" (the first) and "Mkstemp". The command m4 allows them, as GNU m4 does, unless
//     --no-shell takes them away.
//   - A message about a debug file that cannot be opened names that file; GNU m4 says "stderr".
//   - Regular expressions that repeat a repetition, such as \(a*\)*, match the same text, but their groups can differ,
//     and GNU m4 gives up on some of them ("memory exhausted"). An expression with back references gives up after 20
//     million steps at one place.
//   - Files of more than 64 MiB are refused.
//   - A loop without end in a regular expression or in the input is stopped by the Budget.
//
// # SECURITY
//
// Without AllowShell a macro file can read any file that the process can read (include), and nothing else: it cannot
// write, except to the debug file if Options.OpenDebug allows it, and cannot start programs.
package m4
