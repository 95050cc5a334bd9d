divert(-1)
dnl FEATURE: a table of its own for the names and passwords that clients use; argument: map
define(`_AUTHINFO_TABLE_', `')
_TABLE_(`authinfo', `authinfo', `authinfo')
