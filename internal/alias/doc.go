// Package alias turns recipients into those that aliases(5), :include: lists and .forward files name (op.txt sections
// 2.4 and 4.6), and rebuilds the alias data base (newaliases).
//
// An Expander walks from the addresses of an envelope to final ones. What it needs of the mail system it asks through
// Env: what an address resolves to, what stands in the alias maps, accounts, files opened with the right user's rights.
// It has no state between calls.
//
// Options obeyed: AliasFile (ParseSpecs), AliasWait (Wait), MaxAliasRecursion, ForwardPath (through Env.Forward),
// the list of valid shells (Env.ValidShell).
//
// # SECURITY
//
// Programs, files and :include: are reached only through aliases, lists and .forward files, never from an address that
// a client gave. A program or file that a list or .forward names runs with the rights of that file's owner, and only if
// his login shell is a valid one; DontBlameSendmail's checks of these files are Env.Open's. Depth and number of
// addresses are limited, so that no set of aliases can keep the expansion going.
package alias
