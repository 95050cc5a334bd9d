// Package compatibility writes docs/compatibility.md: every option, flag, map class, mailer flag and word of the
// library, and whether it works, is accepted without effect or is refused.
//
// The text is made from the tables that the code itself obeys (cf.Options and cf.LimitOf, mailers.KnownFlags, the map
// classes, the macro library, mta.DaemonKeys); map flags are found out by asking the classes. The test of this package
// fails when the committed file is another one; go test ./internal/compatibility -update writes it. The command lines
// stand here as tables that the tests of the programs hold against their parsers.
//
// The package stands above all others and is part of no program.
package compatibility
