divert(-1)
dnl FEATURE: hosts below MASQUERADE_DOMAIN are masqueraded too
define(`_MASQUERADE_ENTIRE_DOMAIN_', `1')
