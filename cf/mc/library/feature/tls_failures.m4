divert(-1)
dnl FEATURE: the former way to confTLS_FALLBACK_TO_CLEAR
_WRONG_(`in place of FEATURE(tls_failures) say define(confTLS_FALLBACK_TO_CLEAR, true)')
define(`confTLS_FALLBACK_TO_CLEAR', `true')
