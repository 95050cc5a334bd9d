divert(-1)
dnl OSTYPE: DYNIX 3.2
_USUALLY_(`QUEUE_DIR', `/usr/spool/mqueue')
_VALUES_(`confEBINDIR', `/usr/lib')
