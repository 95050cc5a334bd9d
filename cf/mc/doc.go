// Package mc compiles a .mc file into the text of a sendmail.cf.
//
// The macro library is embedded (folder library): m4 text that an m4 engine expands, so that a site's own FEATURE,
// HACK, DOMAIN, OSTYPE and MAILER files work with it as they do with the original's. GNU m4 can run it too: m4
// library/m4/cf.m4 site.mc.
//
// # The library
//
//	m4/cf.m4       the door: defines the vocabulary once, and asks for m4/compose.m4 when all input is read
//	m4/words.m4    what a .mc may say: FEATURE, MAILER, MASQUERADE_AS, LOCAL_CONFIG...
//	m4/values.m4   values that hold unless the .mc says otherwise
//	m4/compose.m4  writes the .cf: head, options, messages, then the rule sets file by file
//	feature mailer ostype domain hack   one file for each name; debian: what files of Debian ask for
//
// # Where files come from
//
// An include of any .../m4/cf.m4 takes the embedded library at that very place: the hash sign is a comment of m4 until
// then. If no input file does so, the library comes first, as in "m4 cf.m4 site.mc". With Options.CFDir a tree of that
// folder takes its place. A FEATURE (HACK, DOMAIN...) that the library lacks is looked for below Options.IncludeDirs,
// the tree that the include named, and the folder of the .mc.
//
// # Errors
//
// What the original prints as *** ERROR or *** WARNING is a Diagnostic and does not stop the work. Diagnostics name the
// line of the input file, the calls that led there, and for a name that is not known the nearest one that is. A quote
// or a call that never ends is told where it begins, with the line that looks as if it lacked the quote. What m4 cannot
// know to be wrong is looked for in the text and in the output: apostrophes in place of quotes, a blank before a
// parenthesis, defines that nothing reads, rules without tabs.
//
// Files with CRLF line ends or a byte order mark are read as if they had neither; UTF-16 is an error.
//
// # SECURITY
//
// A .mc can read every file that the process can read. It cannot write, and cannot run programs.
package mc
