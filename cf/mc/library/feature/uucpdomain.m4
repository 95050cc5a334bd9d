divert(-1)
dnl FEATURE: a table of UUCP hosts and their domains; argument: map
define(`_UUDOMAIN_TABLE_', `')
_TABLE_(`uudomain', `uudomain', `uucpdomain')
