package main

// helpText lists the flags; it takes the program's name.
const helpText = `Usage: %s [OPTION]... [FILE]...
Expand the macros in the FILEs, or in standard input if there is none or it is -.

  -D, --define=NAME[=VALUE]     define NAME
  -U, --undefine=NAME           remove NAME
  -I, --include=DIRECTORY       look for included files there too; M4PATH names more
  -s, --synclines               write #line directives
  -P, --prefix-builtins         begin the names of all builtins with m4_
  -G, --traditional             leave out GNU's additions (-g, --gnu: do not)
  -Q, --quiet, --silent         leave out some warnings
  -E, --fatal-warnings          exit with 1 after a warning; given twice: stop at the first
      --warn-macro-sequence[=REGEXP]
                                warn of definitions that match REGEXP
  -i, --interactive             accepted: output never waits for input

  -d, --debug[=FLAGS]           say more; FLAGS is any of a c e f i l p q t x, or V for all
      --debugfile[=FILE]        write that to FILE, nowhere if it is empty
  -l, --arglength=NUM           show at most so many bytes of a text
  -t, --trace=NAME              trace the calls of NAME

  -L, --nesting-limit=NUMBER    end when calls are nested deeper in arguments; 0: no limit
      --budget-steps=N          end after so many macro calls
      --budget-output=BYTES     end after so much output
      --budget-memory=BYTES     end when texts and definitions need more (512 MiB)
      --no-shell                refuse syscmd, esyscmd, mkstemp, maketemp
  -H, --hashsize=NUM            accepted without effect
  -F, -R                        frozen state files: refused
      --help, --version

Exit status: 0, 1 after an error, or what m4exit was given.
`

// versionText names the version whose behaviour this is: scripts look for it.
const versionText = `m4 (gosendmail), equal to GNU M4 1.4.19
`
