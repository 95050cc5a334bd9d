divert(-1)
dnl OSTYPE: RISC/os 4.5
_USUALLY_(`LOCAL_MAILER_ARGS', `rmail -d $u', `QUEUE_DIR', `/usr/spool/mqueue')
_VALUES_(`confEBINDIR', `/usr/lib')
