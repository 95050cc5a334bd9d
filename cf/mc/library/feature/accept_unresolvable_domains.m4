divert(-1)
dnl FEATURE: the domain of a sender need not exist
define(`_ACCEPT_UNRESOLVABLE_DOMAINS_', `1')
