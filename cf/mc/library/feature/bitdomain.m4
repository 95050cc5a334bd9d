divert(-1)
dnl FEATURE: a table of BITNET hosts and their domains; argument: map
define(`_BITDOMAIN_TABLE_', `')
_TABLE_(`bitdomain', `bitdomain', `bitdomain')
