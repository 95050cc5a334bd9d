divert(-1)
dnl FEATURE: mail for LUSER_RELAY keeps the host of its recipient
ifdef(`LUSER_RELAY',, `_WRONG_(`FEATURE(preserve_luser_host) without a LUSER_RELAY before it')')
define(`_PRESERVE_LUSER_HOST_', `1')
define(`_NEED_MACRO_MAP_', `1')
