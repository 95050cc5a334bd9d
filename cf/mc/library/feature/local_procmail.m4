divert(-1)
dnl FEATURE: procmail is the local mailer; arguments: path, command, flags
_EARLY_(`local_procmail', `local')
define(`LOCAL_MAILER_PATH', ifelse(defn(`_ARG_'),, `ifdef(`PROCMAIL_MAILER_PATH', PROCMAIL_MAILER_PATH, `/usr/local/bin/procmail')', `_ARG_'))
define(`LOCAL_MAILER_ARGS', _NOARG_(`_ARG2_', `procmail -a $h -d $u', `_ARG2_'))
define(`LOCAL_MAILER_FLAGS', _NOARG_(`_ARG3_', `SPfhn9', `_ARG3_'))
dnl an OSTYPE may have chosen LMTP before
undefine(`_LOCAL_LMTP_')
undefine(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE')
