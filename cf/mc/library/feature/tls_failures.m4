divert(-1)
dnl FEATURE: the former way to confTLS_FALLBACK_TO_CLEAR
_WRONG_(`FEATURE(tls_failures) has been replaced by confTLS_FALLBACK_TO_CLEAR')
define(`confTLS_FALLBACK_TO_CLEAR', `true')
