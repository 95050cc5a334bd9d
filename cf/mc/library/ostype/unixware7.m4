divert(-1)
dnl OSTYPE: UnixWare 7
_USUALLY_(`QUEUE_DIR', `/var/spool/mqueue', `LOCAL_MAILER_PATH', `/etc/mail/slocal', `LOCAL_MAILER_FLAGS', `Puho9', `LOCAL_MAILER_ARGS', `slocal -user $u', `LOCAL_SHELL_FLAGS', `Peu')
_VALUES_(`confEBINDIR', `/usr/lib', `confTIME_ZONE', `USE_TZ')
