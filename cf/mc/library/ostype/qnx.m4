divert(-1)
dnl OSTYPE: QNX
_USUALLY_(`LOCAL_MAILER_FLAGS', `Sh')
_VALUES_(`QUEUE_DIR', `/usr/spool/mqueue', `LOCAL_MAILER_ARGS', `mail $u', `LOCAL_MAILER_PATH', `/usr/bin/mailx', `UUCP_MAILER_ARGS', `uux - -r -z -a$f $h!rmail ($u)')
