divert(-1)
dnl OSTYPE: A/UX
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `UUCP_MAILER_PATH', `/usr/bin/uux', `LOCAL_MAILER_FLAGS', `mn9', `LOCAL_MAILER_ARGS', `mail -d -r $f $u')
_VALUES_(`confEBINDIR', `/usr/lib')
