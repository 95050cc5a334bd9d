divert(-1)
dnl OSTYPE: Domain/OS
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue')
_VALUES_(`confEBINDIR', `/usr/lib')
