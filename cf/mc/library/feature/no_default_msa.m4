divert(-1)
dnl FEATURE: no second port 587 unless DAEMON_OPTIONS names it
define(`_NO_MSA_', `1')
