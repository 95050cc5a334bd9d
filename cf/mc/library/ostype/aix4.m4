divert(-1)
dnl OSTYPE: AIX 4
_USUALLY_(`LOCAL_MAILER_PATH', `/bin/bellmail', `LOCAL_MAILER_ARGS', `mail -F $g $u', `LOCAL_MAILER_FLAGS', `mn9')
_VALUES_(`confEBINDIR', `/usr/lib', `confTIME_ZONE', `USE_TZ')
