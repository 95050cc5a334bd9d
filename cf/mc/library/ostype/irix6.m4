divert(-1)
dnl OSTYPE: IRIX 6
_USUALLY_(`LOCAL_MAILER_FLAGS', `Ehmu9', `LOCAL_MAILER_ARGS', `mail -s -d $u', `QUEUE_DIR', `/var/spool/mqueue', `STATUS_FILE', `/var/sendmail.st')
_VALUES_(`LOCAL_MAILER_CHARSET', `iso-8859-1', `confDEF_USER_ID', `998:998', `confTIME_ZONE', `USE_TZ', `confEBINDIR', `/usr/lib')
