divert(-1)
dnl FEATURE: mail for LUSER_RELAY keeps the host of its recipient
ifdef(`LUSER_RELAY',, `_SAY_(`*** LUSER_RELAY should be defined before FEATURE(preserve_luser_host)')')
define(`_PRESERVE_LUSER_HOST_', `1')
define(`_NEED_MACRO_MAP_', `1')
