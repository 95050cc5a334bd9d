divert(-1)
dnl OSTYPE: UNICOS/mp
_USUALLY_(`LOCAL_MAILER_FLAGS', `Ehm9', `LOCAL_MAILER_ARGS', `mail -s -d $u', `QUEUE_DIR', `/var/spool/mqueue', `STATUS_FILE', `/var/log/sendmail.st')
_VALUES_(`LOCAL_MAILER_PATH', `/usr/bin/mail', `confTIME_ZONE', `USE_TZ', `confEBINDIR', `/usr/lib')
