divert(-1)
dnl FEATURE: local mail gets a host part; argument: the domain, if it is not this host
_EARLY_(`always_add_domain', `local')
define(`_ALWAYS_ADD_DOMAIN_', ifelse(len(X`'_ARG_), `1',, _ARG_))
