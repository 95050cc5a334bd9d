divert(-1)
dnl OSTYPE: DYNIX/ptx 2
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue', `LOCAL_MAILER_FLAGS', `fmn9')
_VALUES_(`LOCAL_MAILER_PATH', `/bin/mail', `LOCAL_SHELL_FLAGS', `eu', `confEBINDIR', `/usr/lib')
