divert(-1)
dnl OSTYPE: MPE/iX
_USUALLY_(`LOCAL_MAILER_PATH', `/bin/tsmail', `LOCAL_MAILER_FLAGS', `mu9', `LOCAL_MAILER_ARGS', `tsmail $u', `LOCAL_SHELL_PATH', `/bin/sh', `confDEF_USER_ID', `SERVER.SENDMAIL', `confTRUSTED_USER', `SERVER.SENDMAIL')
_VALUES_(`confTIME_ZONE', `USE_TZ', `confDONT_BLAME_SENDMAIL', `ForwardFileInGroupWritableDirPath')
