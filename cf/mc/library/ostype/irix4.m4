divert(-1)
dnl OSTYPE: IRIX 4
_USUALLY_(`LOCAL_MAILER_FLAGS', `Ehm9', `QUEUE_DIR', `/usr/spool/mqueue')
_VALUES_(`confEBINDIR', `/usr/lib')
