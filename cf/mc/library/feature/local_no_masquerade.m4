divert(-1)
dnl FEATURE: mail to local users is not masqueraded
_EARLY_(`local_no_masquerade', `local')
define(`_LOCAL_NO_MASQUERADE_', `1')
