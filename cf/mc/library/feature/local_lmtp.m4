divert(-1)
dnl FEATURE: the local mailer speaks LMTP; arguments: path, command
_EARLY_(`local_lmtp', `local')
define(`LOCAL_MAILER_PATH', ifelse(defn(`_ARG_'),, `ifdef(`confEBINDIR', confEBINDIR, `/usr/libexec')`/mail.local'', `_ARG_'))
define(`LOCAL_MAILER_ARGS', _NOARG_(`_ARG2_', `mail.local -l', `_ARG2_'))
define(`LOCAL_MAILER_FLAGS', `PSXmnz9')
define(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `SMTP')
define(`_LOCAL_LMTP_', `1')
